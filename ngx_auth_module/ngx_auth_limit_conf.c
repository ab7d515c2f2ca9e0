
/*
 * Rate limits: the handlers of "rate_limit_zone" and "rate_limit".
 */


#include "ngx_auth_limit_module.h"


#define NGX_AUTH_LIMIT_NAME_MAX  64


static char *ngx_auth_limit_zone_options(ngx_conf_t *cf,
    ngx_auth_limit_conf_t *zone, ssize_t *size);
static ngx_int_t ngx_auth_limit_join(ngx_conf_t *cf, const ngx_str_t *first,
    ngx_str_t *second);
static char *ngx_auth_limit_zone_option(ngx_conf_t *cf,
    ngx_auth_limit_conf_t *zone, ngx_str_t *value, ssize_t *size);
static char *ngx_auth_limit_zone_name(ngx_conf_t *cf,
    ngx_auth_limit_conf_t *zone, ngx_str_t *value, ssize_t *size);
static ngx_int_t ngx_auth_limit_key_late(ngx_conf_t *cf, const ngx_str_t *key,
    ngx_uint_t *late);
static char *ngx_auth_limit_option(ngx_conf_t *cf, ngx_auth_limit_t *limit,
    ngx_str_t *value);
static char *ngx_auth_limit_add(ngx_conf_t *cf,
    ngx_auth_limit_loc_conf_t *llcf, ngx_auth_limit_t *limit);


/* rate_limit_zone KEY zone=NAME:SIZE rate=Nr/s [redis]
 *                 [fallback=local|open|closed]; */

char *
ngx_auth_limit_zone_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_auth_limit_main_conf_t *lmcf = conf;

    char                              *rv;
    ssize_t                            size;
    ngx_str_t                         *value;
    ngx_auth_limit_conf_t             *zone, **zp;
    ngx_http_compile_complex_value_t   ccv;

    value = cf->args->elts;

    zone = ngx_pcalloc(cf->pool, sizeof(ngx_auth_limit_conf_t));
    zp = ngx_array_push(&lmcf->zones);

    if (zone == NULL || zp == NULL) {
        return NGX_CONF_ERROR;
    }

    *zp = zone;
    zone->fallback = NGX_CONF_UNSET_UINT;
    size = 0;

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &value[1];
    ccv.complex_value = &zone->key;

    if (ngx_auth_limit_key_late(cf, &value[1], &zone->late) != NGX_OK
        || ngx_http_compile_complex_value(&ccv) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    rv = ngx_auth_limit_zone_options(cf, zone, &size);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (ngx_auth_limit_zone_init(cf, &zone->keys, &zone->name, size,
                                 &ngx_auth_limit_module)
        != NGX_OK
        || ngx_auth_limit_metrics_add(cf, zone) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_auth_limit_zone_options(ngx_conf_t *cf, ngx_auth_limit_conf_t *zone,
    ssize_t *size)
{
    char        *rv;
    ngx_str_t   *value;
    ngx_uint_t   i;

    value = cf->args->elts;

    for (i = 2; i < cf->args->nelts; i++) {

        if (i + 1 < cf->args->nelts
            && ngx_strncmp(value[i].data, "rate=", 5) == 0
            && ngx_strncmp(value[i + 1].data, "r/", 2) == 0)
        {
            /* rate=100 r/s, for rate=100r/s */

            i++;

            if (ngx_auth_limit_join(cf, &value[i - 1], &value[i]) != NGX_OK) {
                return NGX_CONF_ERROR;
            }
        }

        rv = ngx_auth_limit_zone_option(cf, zone, &value[i], size);

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    if (zone->name.len == 0 || zone->rate.count == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" must have \"zone=\" and \"rate=\"",
                           &value[0]);
        return NGX_CONF_ERROR;
    }

    if (zone->fallback == NGX_CONF_UNSET_UINT) {
        zone->fallback = NGX_AUTH_LIMIT_LOCAL;

    } else if (!zone->redis) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"fallback=\" is of use only with \"redis\"");
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_auth_limit_join(ngx_conf_t *cf, const ngx_str_t *first, ngx_str_t *second)
{
    u_char  *p, *text;

    text = ngx_pnalloc(cf->pool, first->len + second->len + 1);
    if (text == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(text, first->data, first->len);
    p = ngx_cpymem(p, second->data, second->len);
    *p = '\0';

    second->data = text;
    second->len = p - text;

    return NGX_OK;
}


static char *
ngx_auth_limit_zone_option(ngx_conf_t *cf, ngx_auth_limit_conf_t *zone,
    ngx_str_t *value, ssize_t *size)
{
    ngx_str_t   text;
    ngx_uint_t  i;

    static ngx_str_t  fallbacks[] = {
        ngx_string("local"),
        ngx_string("open"),
        ngx_string("closed")
    };

    if (ngx_strncmp(value->data, "zone=", 5) == 0) {
        return ngx_auth_limit_zone_name(cf, zone, value, size);
    }

    if (ngx_strncmp(value->data, "rate=", 5) == 0) {
        text.data = value->data + 5;
        text.len = value->len - 5;

        if (ngx_auth_gcra_rate(&text, &zone->rate) != NGX_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid rate \"%V\", it must be 1 to %d and "
                               "\"r/s\", \"r/m\" or \"r/h\"", value,
                               NGX_AUTH_GCRA_RATE_MAX);
            return NGX_CONF_ERROR;
        }

        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value->data, "redis") == 0) {
        zone->redis = 1;
        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value->data, "fallback=", 9) == 0) {

        for (i = 0; i < sizeof(fallbacks) / sizeof(fallbacks[0]); i++) {
            if (ngx_strcmp(value->data + 9, fallbacks[i].data) == 0) {
                zone->fallback = i;
                return NGX_CONF_OK;
            }
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid parameter \"%V\"",
                       value);

    return NGX_CONF_ERROR;
}


/* zone=NAME:SIZE; the name goes into a header and into the keys of Redis */

static char *
ngx_auth_limit_zone_name(ngx_conf_t *cf, ngx_auth_limit_conf_t *zone,
    ngx_str_t *value, ssize_t *size)
{
    u_char     *p, *last;
    ngx_str_t   text;

    last = value->data + value->len;

    zone->name.data = value->data + 5;

    for (p = zone->name.data; p < last; p++) {
        if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z')
              || (*p >= '0' && *p <= '9') || *p == '_' || *p == '-'))
        {
            break;
        }
    }

    zone->name.len = p - zone->name.data;

    if (p == last || *p != ':' || zone->name.len == 0
        || zone->name.len > NGX_AUTH_LIMIT_NAME_MAX)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid zone \"%V\", it must be a name of 1 to %d "
                           "letters, digits, \"_\" or \"-\", a colon and a "
                           "size", value, NGX_AUTH_LIMIT_NAME_MAX);
        return NGX_CONF_ERROR;
    }

    text.data = p + 1;
    text.len = last - text.data;

    *size = ngx_parse_size(&text);

    if (*size == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid zone size \"%V\"",
                           value);
        return NGX_CONF_ERROR;
    }

    if (*size < (ssize_t) (8 * ngx_pagesize)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "zone \"%V\" is too small, "
                           "it must be at least %uz bytes", value,
                           (size_t) (8 * ngx_pagesize));
        return NGX_CONF_ERROR;
    }

    zone->prefix.len = sizeof("skep:limit::") - 1 + zone->name.len;
    zone->prefix.data = ngx_pnalloc(cf->pool, zone->prefix.len);

    if (zone->prefix.data == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_sprintf(zone->prefix.data, "skep:limit:%V:", &zone->name);

    return NGX_CONF_OK;
}


/* which of the variables that get their value later is in the key */

static ngx_int_t
ngx_auth_limit_key_late(ngx_conf_t *cf, const ngx_str_t *key,
    ngx_uint_t *late)
{
    u_char      *p, *last;
    ngx_str_t    name;
    ngx_uint_t   i;

    static ngx_str_t  names[] = {
        ngx_string("auth_account"),
        ngx_string("auth_refresh_session")
    };

    last = key->data + key->len;
    *late = NGX_AUTH_LIMIT_ACCESS;

    for (p = key->data; p < last; p++) {

        if (*p != '$') {
            continue;
        }

        name.data = p + 1;

        if (name.data < last && *name.data == '{') {
            name.data++;
        }

        for (p = name.data;
             p < last && ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z')
                          || (*p >= '0' && *p <= '9') || *p == '_');
             p++)
        {
            /* void */
        }

        name.len = p-- - name.data;

        for (i = 0; i < NGX_AUTH_LIMIT_LATE_N; i++) {

            if (names[i].len != name.len
                || ngx_strncasecmp(names[i].data, name.data, name.len) != 0
                || *late == i)
            {
                continue;
            }

            if (*late != NGX_AUTH_LIMIT_ACCESS) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "$auth_account and $auth_refresh_session "
                                   "are not known together");
                return NGX_ERROR;
            }

            *late = i;
        }
    }

    return NGX_OK;
}


/* rate_limit zone=NAME [burst=N] [cost=N] [nodelay] | off; */

char *
ngx_auth_limit_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_auth_limit_loc_conf_t *llcf = conf;

    char              *rv;
    ngx_str_t         *value;
    ngx_uint_t         i;
    ngx_auth_limit_t  *limit;

    value = cf->args->elts;

    if (llcf->limits && llcf->limits->nelts == 0) {
        return "is set to \"off\" already";
    }

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {

        if (llcf->limits) {
            return "is set to something else already";
        }

        llcf->limits = ngx_array_create(cf->pool, 1,
                                        sizeof(ngx_auth_limit_t *));
        return llcf->limits ? NGX_CONF_OK : NGX_CONF_ERROR;
    }

    limit = ngx_pcalloc(cf->pool, sizeof(ngx_auth_limit_t));
    if (limit == NULL) {
        return NGX_CONF_ERROR;
    }

    limit->burst = NGX_CONF_UNSET_UINT;
    limit->cost = 1;
    limit->file = cf->conf_file->file.name;
    limit->line = cf->conf_file->line;

    for (i = 1; i < cf->args->nelts; i++) {
        rv = ngx_auth_limit_option(cf, limit, &value[i]);

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    if (limit->name.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" must have \"zone=\"", &cmd->name);
        return NGX_CONF_ERROR;
    }

    return ngx_auth_limit_add(cf, llcf, limit);
}


static char *
ngx_auth_limit_option(ngx_conf_t *cf, ngx_auth_limit_t *limit,
    ngx_str_t *value)
{
    ngx_int_t  n;

    if (ngx_strncmp(value->data, "zone=", 5) == 0) {
        limit->name.data = value->data + 5;
        limit->name.len = value->len - 5;

        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value->data, "burst=", 6) == 0) {
        n = ngx_atoi(value->data + 6, value->len - 6);

        if (n == NGX_ERROR || n >= NGX_AUTH_GCRA_MAX) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid burst \"%V\", it must be 0 to %d",
                               value, NGX_AUTH_GCRA_MAX - 1);
            return NGX_CONF_ERROR;
        }

        limit->burst = n;

        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value->data, "cost=", 5) == 0) {
        n = ngx_atoi(value->data + 5, value->len - 5);

        if (n < 1 || n > NGX_AUTH_GCRA_MAX) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid cost \"%V\", it must be 1 to %d",
                               value, NGX_AUTH_GCRA_MAX);
            return NGX_CONF_ERROR;
        }

        limit->cost = n;

        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value->data, "nodelay") == 0) {
        limit->nodelay = 1;
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid parameter \"%V\"",
                       value);

    return NGX_CONF_ERROR;
}


static char *
ngx_auth_limit_add(ngx_conf_t *cf, ngx_auth_limit_loc_conf_t *llcf,
    ngx_auth_limit_t *limit)
{
    ngx_uint_t                   i;
    ngx_auth_limit_t           **limits;
    ngx_auth_limit_main_conf_t  *lmcf;

    if (llcf->limits == NULL) {
        llcf->limits = ngx_array_create(cf->pool, 2,
                                        sizeof(ngx_auth_limit_t *));
        if (llcf->limits == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    limits = llcf->limits->elts;

    for (i = 0; i < llcf->limits->nelts; i++) {
        if (limits[i]->name.len == limit->name.len
            && ngx_strncmp(limits[i]->name.data, limit->name.data,
                           limit->name.len)
               == 0)
        {
            return "is duplicate";
        }
    }

    limits = ngx_array_push(llcf->limits);
    if (limits == NULL) {
        return NGX_CONF_ERROR;
    }

    *limits = limit;

    /* the zone may stand further down */

    lmcf = ngx_http_conf_get_module_main_conf(cf, ngx_auth_limit_module);

    limits = ngx_array_push(&lmcf->limits);
    if (limits == NULL) {
        return NGX_CONF_ERROR;
    }

    *limits = limit;

    return NGX_CONF_OK;
}


ngx_int_t
ngx_auth_limit_find_zone(ngx_conf_t *cf, ngx_auth_limit_main_conf_t *lmcf,
    ngx_auth_limit_t *limit)
{
    ngx_uint_t               i, at_once;
    ngx_auth_limit_conf_t  **zones, *zone;

    zones = lmcf->zones.elts;
    zone = NULL;

    for (i = 0; i < lmcf->zones.nelts; i++) {
        if (zones[i]->name.len == limit->name.len
            && ngx_strncmp(zones[i]->name.data, limit->name.data,
                           limit->name.len)
               == 0)
        {
            zone = zones[i];
        }
    }

    if (zone == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "unknown \"rate_limit_zone\" \"%V\" in %V:%ui",
                      &limit->name, &limit->file, limit->line);
        return NGX_ERROR;
    }

    if (zone->redis && !ngx_api_redis_configured(cf)) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"rate_limit_zone\" \"%V\" is to be kept in Redis, but "
                      "no \"api_redis\" is set", &limit->name);
        return NGX_ERROR;
    }

    if (limit->burst == NGX_CONF_UNSET_UINT) {
        at_once = zone->rate.count;
        limit->nodelay = 1;

    } else {
        at_once = limit->burst + 1;
    }

    if (limit->cost > at_once) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "a cost of %ui can never be met, %ui may come at once, "
                      "in %V:%ui", limit->cost, at_once, &limit->file,
                      limit->line);
        return NGX_ERROR;
    }

    limit->zone = zone;
    ngx_auth_gcra_init(&limit->gcra, &zone->rate, at_once, limit->cost);

    if (limit->gcra.limit > zone->keys.max) {
        zone->keys.max = limit->gcra.limit;
    }

    return NGX_OK;
}
