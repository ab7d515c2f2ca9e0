
/*
 * Tasks: directives.
 */


#include "ngx_task.h"


static char *ngx_task_api(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static void *ngx_task_create_loc_conf(ngx_conf_t *cf);
static char *ngx_task_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);


static ngx_command_t  ngx_task_commands[] = {

    { ngx_string("task_api"),
      NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_task_api,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("task_require_if_match"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_task_loc_conf_t, require_if_match),
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_task_module_ctx = {
    NULL,                          /* preconfiguration */
    NULL,                          /* postconfiguration */

    NULL,                          /* create main configuration */
    NULL,                          /* init main configuration */

    NULL,                          /* create server configuration */
    NULL,                          /* merge server configuration */

    ngx_task_create_loc_conf,      /* create location configuration */
    ngx_task_merge_loc_conf        /* merge location configuration */
};


ngx_module_t  ngx_task_module = {
    NGX_MODULE_V1,
    &ngx_task_module_ctx,          /* module context */
    ngx_task_commands,             /* module directives */
    NGX_HTTP_MODULE,               /* module type */
    NULL,                          /* init master */
    NULL,                          /* init module */
    NULL,                          /* init process */
    NULL,                          /* init thread */
    NULL,                          /* exit thread */
    NULL,                          /* exit process */
    NULL,                          /* exit master */
    NGX_MODULE_V1_PADDING
};


static char *
ngx_task_api(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return ngx_api_route_switch(cf, ngx_task_routes, ngx_task_sql,
                                NGX_TASK_SQL_N);
}


static void *
ngx_task_create_loc_conf(ngx_conf_t *cf)
{
    ngx_task_loc_conf_t  *tlcf;

    tlcf = ngx_pcalloc(cf->pool, sizeof(ngx_task_loc_conf_t));
    if (tlcf == NULL) {
        return NULL;
    }

    tlcf->require_if_match = NGX_CONF_UNSET;

    return tlcf;
}


static char *
ngx_task_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_task_loc_conf_t *prev = parent;
    ngx_task_loc_conf_t *conf = child;

    ngx_conf_merge_value(conf->require_if_match, prev->require_if_match, 0);

    return NGX_CONF_OK;
}
