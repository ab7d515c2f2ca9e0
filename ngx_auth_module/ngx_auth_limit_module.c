
/*
 * Rate limits: the module, its variables, what is made of it all at the end.
 */


#include "ngx_auth_limit_module.h"


static ngx_int_t ngx_auth_limit_status_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_auth_limit_client_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_auth_limit_late_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);

static ngx_int_t ngx_auth_limit_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_auth_limit_postconfiguration(ngx_conf_t *cf);
static void *ngx_auth_limit_create_main_conf(ngx_conf_t *cf);
static void *ngx_auth_limit_create_loc_conf(ngx_conf_t *cf);
static char *ngx_auth_limit_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);


static ngx_conf_enum_t  ngx_auth_limit_log_levels[] = {
    { ngx_string("info"), NGX_LOG_INFO },
    { ngx_string("notice"), NGX_LOG_NOTICE },
    { ngx_string("warn"), NGX_LOG_WARN },
    { ngx_string("error"), NGX_LOG_ERR },
    { ngx_null_string, 0 }
};

static ngx_conf_num_bounds_t  ngx_auth_limit_status_bounds = {
    ngx_conf_check_num_bounds, 400, 599
};


static ngx_command_t  ngx_auth_limit_commands[] = {

    { ngx_string("rate_limit_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_auth_limit_zone_directive,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("rate_limit"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1234,
      ngx_auth_limit_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("rate_limit_status"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_auth_limit_loc_conf_t, status),
      &ngx_auth_limit_status_bounds },

    { ngx_string("rate_limit_log_level"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_auth_limit_loc_conf_t, log_level),
      &ngx_auth_limit_log_levels },

    { ngx_string("rate_limit_dry_run"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_auth_limit_loc_conf_t, dry_run),
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_auth_limit_module_ctx = {
    ngx_auth_limit_preconfiguration,   /* preconfiguration */
    ngx_auth_limit_postconfiguration,  /* postconfiguration */

    ngx_auth_limit_create_main_conf,   /* create main configuration */
    NULL,                              /* init main configuration */

    NULL,                              /* create server configuration */
    NULL,                              /* merge server configuration */

    ngx_auth_limit_create_loc_conf,    /* create location configuration */
    ngx_auth_limit_merge_loc_conf      /* merge location configuration */
};


ngx_module_t  ngx_auth_limit_module = {
    NGX_MODULE_V1,
    &ngx_auth_limit_module_ctx,        /* module context */
    ngx_auth_limit_commands,           /* module directives */
    NGX_HTTP_MODULE,                   /* module type */
    NULL,                              /* init master */
    NULL,                              /* init module */
    NULL,                              /* init process */
    NULL,                              /* init thread */
    NULL,                              /* exit thread */
    NULL,                              /* exit process */
    NULL,                              /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_http_variable_t  ngx_auth_limit_variables[] = {

    { ngx_string("rate_limit_status"), NULL, ngx_auth_limit_status_variable,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("rate_limit_client"), NULL, ngx_auth_limit_client_variable,
      0, 0, 0 },

    { ngx_string("auth_account"), NULL, ngx_auth_limit_late_variable,
      NGX_AUTH_LIMIT_ACCOUNT, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("auth_refresh_session"), NULL, ngx_auth_limit_late_variable,
      NGX_AUTH_LIMIT_SESSION, NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};

static ngx_str_t  ngx_auth_limit_statuses[] = {
    ngx_null_string,
    ngx_string("PASSED"),
    ngx_string("DELAYED"),
    ngx_string("REJECTED"),
    ngx_string("DELAYED_DRY_RUN"),
    ngx_string("REJECTED_DRY_RUN")
};


ngx_uint_t
ngx_auth_limit_configured(ngx_conf_t *cf)
{
    ngx_auth_limit_main_conf_t  *lmcf;

    lmcf = ngx_http_conf_get_module_main_conf(cf, ngx_auth_limit_module);

    return lmcf->limits.nelts != 0;
}


static ngx_int_t
ngx_auth_limit_status_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    const ngx_str_t        *value;
    ngx_auth_limit_ctx_t   *ctx;

    ctx = ngx_auth_limit_ctx(r->main);

    if (ctx == NULL || ctx->status == NGX_AUTH_LIMIT_NONE) {
        v->not_found = 1;
        return NGX_OK;
    }

    value = &ngx_auth_limit_statuses[ctx->status];

    v->len = value->len;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->data = value->data;

    return NGX_OK;
}


/*
 * Who sends a request, as far as its address tells, in bytes: IPv4 whole; of
 * IPv6 the network of 64 bits, in which anybody has as many addresses as they
 * like; of a unix socket its name.
 */

static ngx_int_t
ngx_auth_limit_client_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
#endif

    (void) data;

    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    switch (r->connection->sockaddr->sa_family) {

#if (NGX_HAVE_INET6)
    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) r->connection->sockaddr;

        v->data = sin6->sin6_addr.s6_addr;
        v->len = 8;

        if (IN6_IS_ADDR_V4MAPPED(&sin6->sin6_addr)) {
            v->data += 12;
            v->len = 4;
        }

        break;
#endif

    case AF_INET:
        sin = (struct sockaddr_in *) r->connection->sockaddr;

        v->data = (u_char *) &sin->sin_addr;
        v->len = sizeof(in_addr_t);

        break;

    default:
        v->data = r->connection->addr_text.data;
        v->len = r->connection->addr_text.len;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_auth_limit_late_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    const ngx_str_t        *value;
    ngx_auth_limit_ctx_t   *ctx;

    ctx = ngx_auth_limit_ctx(r->main);

    if (ctx == NULL || ctx->late[data].len == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    value = &ctx->late[data];

    v->len = value->len;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->data = value->data;

    return NGX_OK;
}


static ngx_int_t
ngx_auth_limit_preconfiguration(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_auth_limit_variables; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_auth_limit_postconfiguration(ngx_conf_t *cf)
{
    ngx_uint_t                    i;
    ngx_auth_limit_t            **limits;
    ngx_auth_limit_main_conf_t   *lmcf;

    lmcf = ngx_http_conf_get_module_main_conf(cf, ngx_auth_limit_module);

    limits = lmcf->limits.elts;

    for (i = 0; i < lmcf->limits.nelts; i++) {

        if (ngx_auth_limit_find_zone(cf, lmcf, limits[i]) != NGX_OK) {
            return NGX_ERROR;
        }

        if (ngx_auth_limit_policy(cf->pool, limits[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    /* now the largest limit of each zone is known */

    for (i = 0; i < lmcf->limits.nelts; i++) {

        if (limits[i]->zone->redis
            && ngx_auth_limit_redis_init(cf->pool, limits[i]) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static void *
ngx_auth_limit_create_main_conf(ngx_conf_t *cf)
{
    ngx_auth_limit_main_conf_t  *lmcf;

    lmcf = ngx_palloc(cf->pool, sizeof(ngx_auth_limit_main_conf_t));
    if (lmcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&lmcf->limits, cf->pool, 8, sizeof(ngx_auth_limit_t *))
        != NGX_OK
        || ngx_array_init(&lmcf->zones, cf->pool, 8,
                          sizeof(ngx_auth_limit_conf_t *))
           != NGX_OK)
    {
        return NULL;
    }

    return lmcf;
}


static void *
ngx_auth_limit_create_loc_conf(ngx_conf_t *cf)
{
    ngx_auth_limit_loc_conf_t  *llcf;

    llcf = ngx_pcalloc(cf->pool, sizeof(ngx_auth_limit_loc_conf_t));
    if (llcf == NULL) {
        return NULL;
    }

    llcf->status = NGX_CONF_UNSET_UINT;
    llcf->log_level = NGX_CONF_UNSET_UINT;
    llcf->dry_run = NGX_CONF_UNSET;

    return llcf;
}


static char *
ngx_auth_limit_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_auth_limit_loc_conf_t *prev = parent;
    ngx_auth_limit_loc_conf_t *conf = child;

    if (conf->limits == NULL) {
        conf->limits = prev->limits;
    }

    ngx_conf_merge_uint_value(conf->status, prev->status, 429);
    ngx_conf_merge_uint_value(conf->log_level, prev->log_level, NGX_LOG_ERR);
    ngx_conf_merge_value(conf->dry_run, prev->dry_run, 0);

    /* a delay is told one level below a refusal */

    conf->delay_log_level = (conf->log_level == NGX_LOG_INFO)
                            ? NGX_LOG_INFO : conf->log_level + 1;

    conf->problem.status = conf->status;
    ngx_str_set(&conf->problem.code, "rate_limited");
    ngx_str_set(&conf->problem.title, "Too many requests");
    ngx_str_set(&conf->problem.detail,
                "Try again in as many seconds as Retry-After says.");
    conf->problem.retry_after = 0;

    return NGX_CONF_OK;
}
