
/*
 * Notifications: directives.
 */


#include "ngx_notify.h"


#define NGX_NOTIFY_STREAM_MAX  64


static char *ngx_notify_api(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static char *ngx_notify_stream(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static void *ngx_notify_create_main_conf(ngx_conf_t *cf);
static char *ngx_notify_init_main_conf(ngx_conf_t *cf, void *conf);
static ngx_int_t ngx_notify_init_process(ngx_cycle_t *cycle);


static ngx_command_t  ngx_notify_commands[] = {

    { ngx_string("notify_api"),
      NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_notify_api,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("notify_stream"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_notify_stream,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_notify_module_ctx = {
    NULL,                          /* preconfiguration */
    NULL,                          /* postconfiguration */

    ngx_notify_create_main_conf,   /* create main configuration */
    ngx_notify_init_main_conf,     /* init main configuration */

    NULL,                          /* create server configuration */
    NULL,                          /* merge server configuration */

    NULL,                          /* create location configuration */
    NULL                           /* merge location configuration */
};


ngx_module_t  ngx_notify_module = {
    NGX_MODULE_V1,
    &ngx_notify_module_ctx,        /* module context */
    ngx_notify_commands,           /* module directives */
    NGX_HTTP_MODULE,               /* module type */
    NULL,                          /* init master */
    NULL,                          /* init module */
    ngx_notify_init_process,       /* init process */
    NULL,                          /* init thread */
    NULL,                          /* exit thread */
    NULL,                          /* exit process */
    NULL,                          /* exit master */
    NGX_MODULE_V1_PADDING
};


static char *
ngx_notify_api(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return ngx_api_route_switch(cf, ngx_notify_routes, ngx_notify_sql,
                                NGX_NOTIFY_SQL_N);
}


static char *
ngx_notify_stream(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_notify_main_conf_t *nmcf = conf;

    u_char     *p, *last;
    ngx_str_t  *value;

    if (nmcf->stream.data) {
        return "is duplicate";
    }

    value = cf->args->elts;
    nmcf->stream = value[1];

    if (ngx_strcmp(value[1].data, "off") == 0) {
        nmcf->stream.len = 0;
        return NGX_CONF_OK;
    }

    if (value[1].len == 0 || value[1].len > NGX_NOTIFY_STREAM_MAX) {
        return "must be a name of 1 to 64 characters, or \"off\"";
    }

    last = value[1].data + value[1].len;

    for (p = value[1].data; p < last; p++) {

        if ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z')
            || (*p >= '0' && *p <= '9') || ngx_strchr("._:{}-", *p))
        {
            continue;
        }

        return "must be a name of letters, digits and \"._:{}-\"";
    }

    return NGX_CONF_OK;
}


static void *
ngx_notify_create_main_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_notify_main_conf_t));
}


static char *
ngx_notify_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_notify_main_conf_t *nmcf = conf;

    if (nmcf->stream.len && !ngx_api_redis_configured(cf)) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"notify_stream\" needs \"api_redis\"");
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_notify_init_process(ngx_cycle_t *cycle)
{
    ngx_notify_main_conf_t  *nmcf;

    nmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_notify_module);

    if (nmcf) {
        ngx_notify_publish_init(&nmcf->stream);
    }

    return NGX_OK;
}
