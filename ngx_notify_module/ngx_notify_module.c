
/*
 * Notifications: directives.
 */


#include "ngx_notify.h"
#include "ngx_notify_webhook.h"


#define NGX_NOTIFY_STREAM_MAX  64


static char *ngx_notify_api(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static char *ngx_notify_stream(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static void *ngx_notify_create_main_conf(ngx_conf_t *cf);
static char *ngx_notify_init_main_conf(ngx_conf_t *cf, void *conf);
static ngx_int_t ngx_notify_init_process(ngx_cycle_t *cycle);
static void *ngx_notify_create_loc_conf(ngx_conf_t *cf);
static char *ngx_notify_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static char *ngx_notify_time_check(ngx_conf_t *cf, void *post, void *data);
static char *ngx_notify_size_check(ngx_conf_t *cf, void *post, void *data);


static ngx_conf_post_t  ngx_notify_heartbeat_post = {
    ngx_notify_time_check
};

static ngx_conf_post_t  ngx_notify_buffer_post = {
    ngx_notify_size_check
};

static ngx_conf_num_bounds_t  ngx_notify_max_bounds = {
    ngx_conf_check_num_bounds, 1, 100000
};


static ngx_conf_num_bounds_t  ngx_notify_webhook_max_bounds = {
    ngx_conf_check_num_bounds, 0, 10000
};


static ngx_command_t  ngx_notify_commands[] = {

    { ngx_string("notify_api"),
      NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_notify_api,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("notify_stream"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_notify_stream,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("notify_stream_heartbeat"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_notify_loc_conf_t, stream_heartbeat),
      &ngx_notify_heartbeat_post },

    { ngx_string("notify_stream_buffer"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_notify_loc_conf_t, stream_buffer),
      &ngx_notify_buffer_post },

    { ngx_string("notify_stream_max"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_notify_loc_conf_t, stream_max),
      &ngx_notify_max_bounds },

    { ngx_string("notify_webhook_http"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_notify_main_conf_t, webhook_http),
      NULL },

    { ngx_string("notify_webhook_max"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_notify_main_conf_t, webhook_max),
      &ngx_notify_webhook_max_bounds },

    { ngx_string("notify_webhook_allow_address"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_notify_webhook_allow_address,
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

    ngx_notify_create_loc_conf,    /* create location configuration */
    ngx_notify_merge_loc_conf      /* merge location configuration */
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
    char                    *rv;
    ngx_str_t               *value;
    ngx_notify_main_conf_t  *nmcf;

    rv = ngx_api_route_switch(cf, ngx_notify_routes, ngx_notify_sql,
                              NGX_NOTIFY_SQL_N);

    value = cf->args->elts;

    if (rv == NGX_CONF_OK
        && ngx_strcasecmp(value[1].data, (u_char *) "on") == 0)
    {
        nmcf = ngx_http_conf_get_module_main_conf(cf, ngx_notify_module);
        nmcf->api = 1;
    }

    return rv;
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

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        nmcf->stream.len = 0;
        return NGX_CONF_OK;
    }

    ngx_str_set(&nmcf->maxlen, "100000");

    if (cf->args->nelts == 3) {

        if (ngx_strcmp(value[1].data, "off") == 0
            || ngx_strncmp(value[2].data, "maxlen=", 7) != 0
            || ngx_atoi(value[2].data + 7, value[2].len - 7) < 1)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\"", &value[2]);
            return NGX_CONF_ERROR;
        }

        nmcf->maxlen.data = value[2].data + 7;
        nmcf->maxlen.len = value[2].len - 7;
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
    ngx_notify_main_conf_t  *nmcf;

    nmcf = ngx_pcalloc(cf->pool, sizeof(ngx_notify_main_conf_t));

    if (nmcf == NULL || ngx_notify_webhook_conf_create(cf, nmcf) != NGX_OK) {
        return NULL;
    }

    return nmcf;
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

    ngx_notify_webhook_conf_init(nmcf);

    if (ngx_notify_metrics_add(cf, nmcf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_notify_init_process(ngx_cycle_t *cycle)
{
    ngx_notify_main_conf_t  *nmcf;

    nmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_notify_module);

    if (nmcf == NULL) {
        return NGX_OK;
    }

    ngx_notify_publish_init(&nmcf->stream, &nmcf->maxlen);

    return ngx_notify_stream_init(cycle, nmcf);
}


static void *
ngx_notify_create_loc_conf(ngx_conf_t *cf)
{
    ngx_notify_loc_conf_t  *nlcf;

    nlcf = ngx_pcalloc(cf->pool, sizeof(ngx_notify_loc_conf_t));
    if (nlcf == NULL) {
        return NULL;
    }

    nlcf->stream_heartbeat = NGX_CONF_UNSET_MSEC;
    nlcf->stream_buffer = NGX_CONF_UNSET_SIZE;
    nlcf->stream_max = NGX_CONF_UNSET_UINT;

    return nlcf;
}


static char *
ngx_notify_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_notify_loc_conf_t *prev = parent;
    ngx_notify_loc_conf_t *conf = child;

    ngx_conf_merge_msec_value(conf->stream_heartbeat, prev->stream_heartbeat,
                              15000);
    ngx_conf_merge_size_value(conf->stream_buffer, prev->stream_buffer, 65536);
    ngx_conf_merge_uint_value(conf->stream_max, prev->stream_max, 20);

    return NGX_CONF_OK;
}


static char *
ngx_notify_time_check(ngx_conf_t *cf, void *post, void *data)
{
    ngx_msec_t *value = data;

    return *value >= 1000 ? NGX_CONF_OK : "must be at least 1 second";
}


static char *
ngx_notify_size_check(ngx_conf_t *cf, void *post, void *data)
{
    size_t *value = data;

    return *value >= 1024 ? NGX_CONF_OK : "must be at least 1k";
}
