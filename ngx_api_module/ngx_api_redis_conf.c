
/*
 * The configuration of Redis.  Host names are resolved when it is read, so that
 * a worker never waits for a name server.
 */


#include "ngx_api_module.h"


#define NGX_API_REDIS_PORT           6379
#define NGX_API_REDIS_SENTINEL_PORT  26379


static char *ngx_api_redis_params(ngx_conf_t *cf, ngx_api_redis_conf_t *redis,
    ngx_uint_t *first);
static char *ngx_api_redis_address(ngx_conf_t *cf, ngx_array_t *addrs,
    ngx_str_t *address, in_port_t port);


/* api_redis ADDRESS [ADDRESS... sentinel=NAME] [db=N]; */

char *
ngx_api_redis_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_api_main_conf_t *amcf = conf;

    char                  *rv;
    in_port_t              port;
    ngx_str_t             *value;
    ngx_uint_t             i, n;
    ngx_array_t            addrs;
    ngx_api_redis_conf_t  *redis;

    redis = &amcf->redis;

    if (redis->naddrs) {
        return "is duplicate";
    }

    rv = ngx_api_redis_params(cf, redis, &n);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (n > 2 && redis->sentinel.len == 0) {
        return "has several addresses: with Sentinels it needs \"sentinel=\"";
    }

    if (ngx_array_init(&addrs, cf->pool, 4, sizeof(ngx_addr_t)) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    port = redis->sentinel.len ? NGX_API_REDIS_SENTINEL_PORT
                               : NGX_API_REDIS_PORT;
    value = cf->args->elts;

    for (i = 1; i < n; i++) {
        rv = ngx_api_redis_address(cf, &addrs, &value[i], port);

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    redis->addrs = addrs.elts;
    redis->naddrs = addrs.nelts;

    return NGX_CONF_OK;
}


/* they follow the addresses; first: of them all */

static char *
ngx_api_redis_params(ngx_conf_t *cf, ngx_api_redis_conf_t *redis,
    ngx_uint_t *first)
{
    ngx_int_t    db;
    ngx_str_t   *value;
    ngx_uint_t   i;

    value = cf->args->elts;
    *first = cf->args->nelts;

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_strlchr(value[i].data, value[i].data + value[i].len, '=')
            == NULL)
        {
            if (i > *first) {
                goto invalid;
            }

            continue;
        }

        *first = ngx_min(*first, i);

        if (value[i].len > 9
            && ngx_strncmp(value[i].data, "sentinel=", 9) == 0)
        {
            redis->sentinel.data = value[i].data + 9;
            redis->sentinel.len = value[i].len - 9;
            continue;
        }

        db = NGX_ERROR;

        if (ngx_strncmp(value[i].data, "db=", 3) == 0) {
            db = ngx_atoi(value[i].data + 3, value[i].len - 3);
        }

        if (db == NGX_ERROR) {
            goto invalid;
        }

        redis->db = (ngx_uint_t) db;
    }

    return NGX_CONF_OK;

invalid:

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid parameter \"%V\"",
                       &value[i]);
    return NGX_CONF_ERROR;
}


static char *
ngx_api_redis_address(ngx_conf_t *cf, ngx_array_t *addrs, ngx_str_t *address,
    in_port_t port)
{
    ngx_url_t    u;
    ngx_addr_t  *addr;

    ngx_memzero(&u, sizeof(ngx_url_t));

    u.url = *address;
    u.default_port = port;

    if (ngx_parse_url(cf->pool, &u) != NGX_OK || u.naddrs == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s in \"%V\"",
                           u.err ? u.err : "no address", &u.url);
        return NGX_CONF_ERROR;
    }

    if (u.uri.len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" must be an address or \"unix:\" and a path",
                           &u.url);
        return NGX_CONF_ERROR;
    }

    addr = ngx_array_push_n(addrs, u.naddrs);
    if (addr == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memcpy(addr, u.addrs, u.naddrs * sizeof(ngx_addr_t));

    return NGX_CONF_OK;
}
