
/*
 * The configuration of Redis.  Host names are resolved when it is read, so that
 * a worker never waits for a name server.
 */


#include "ngx_api_module.h"


/* api_redis ADDRESS [db=N]; */

char *
ngx_api_redis_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_api_main_conf_t *amcf = conf;

    ngx_int_t   db;
    ngx_str_t  *value;
    ngx_url_t   u;

    if (amcf->redis.naddrs) {
        return "is duplicate";
    }

    value = cf->args->elts;

    ngx_memzero(&u, sizeof(ngx_url_t));

    u.url = value[1];
    u.default_port = 6379;

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

    amcf->redis.addrs = u.addrs;
    amcf->redis.naddrs = u.naddrs;

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    db = NGX_ERROR;

    if (ngx_strncmp(value[2].data, "db=", 3) == 0) {
        db = ngx_atoi(value[2].data + 3, value[2].len - 3);
    }

    if (db == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid parameter \"%V\"",
                           &value[2]);
        return NGX_CONF_ERROR;
    }

    amcf->redis.db = (ngx_uint_t) db;

    return NGX_CONF_OK;
}
