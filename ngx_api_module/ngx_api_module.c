
/*
 * The platform: directives, variables, the life of a worker.
 */


#include "ngx_api_module.h"
#include "ngx_api_reserve.h"
#include <openssl/rand.h>


#define NGX_API_FILE_MAX  4095     /* bytes of a secret's file */


static void *ngx_api_create_main_conf(ngx_conf_t *cf);
static char *ngx_api_init_main_conf(ngx_conf_t *cf, void *conf);
static void *ngx_api_create_loc_conf(ngx_conf_t *cf);
static char *ngx_api_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child);
static ngx_int_t ngx_api_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_api_postconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_api_init_process(ngx_cycle_t *cycle);
static void ngx_api_exit_process(ngx_cycle_t *cycle);

static char *ngx_api_pg_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_api_timeout_check(ngx_conf_t *cf, void *post, void *data);
static char *ngx_api_file_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static void ngx_api_conf_file_content(ngx_conf_t *cf, ngx_str_t *name,
    size_t min, size_t max, const u_char *buf, size_t n, ngx_str_t *content);

static ngx_int_t ngx_api_variable_route(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_api_variable_error(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


static ngx_conf_num_bounds_t  ngx_api_pg_connections_bounds = {
    ngx_conf_check_num_bounds, 1, 64
};

static ngx_conf_num_bounds_t  ngx_api_pg_queue_bounds = {
    ngx_conf_check_num_bounds, 1, 1000000
};


static ngx_conf_post_t  ngx_api_timeout_post = {
    ngx_api_timeout_check
};


static ngx_conf_post_t  ngx_api_metrics_size_post = {
    ngx_api_metrics_size_check
};


static ngx_command_t  ngx_api_commands[] = {

    { ngx_string("api_pg"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_api_pg_directive,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_api_main_conf_t, pg_conninfo),
      NULL },

    { ngx_string("api_pg_password_file"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_api_file_directive,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_api_main_conf_t, pg_password),
      (void *) 1 },

    { ngx_string("api_pg_read_connections"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_api_main_conf_t, pg.connections[NGX_API_PG_READ]),
      &ngx_api_pg_connections_bounds },

    { ngx_string("api_pg_write_connections"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_api_main_conf_t, pg.connections[NGX_API_PG_WRITE]),
      &ngx_api_pg_connections_bounds },

    { ngx_string("api_pg_search_connections"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_api_main_conf_t, pg.connections[NGX_API_PG_SEARCH]),
      &ngx_api_pg_connections_bounds },

    { ngx_string("api_pg_queue"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_api_main_conf_t, pg.queue),
      &ngx_api_pg_queue_bounds },

    { ngx_string("api_pg_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_api_main_conf_t, pg.timeout),
      &ngx_api_timeout_post },

    { ngx_string("api_pg_connect_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_api_main_conf_t, pg.connect_timeout),
      &ngx_api_timeout_post },

    { ngx_string("api_redis"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_api_redis_directive,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("api_redis_password_file"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_api_file_directive,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_api_main_conf_t, redis.password),
      (void *) 1 },

    { ngx_string("api_redis_sentinel_password_file"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_api_file_directive,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_api_main_conf_t, redis.sentinel_password),
      (void *) 1 },

    { ngx_string("api_redis_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_api_main_conf_t, redis.timeout),
      &ngx_api_timeout_post },

    { ngx_string("api_redis_connect_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_api_main_conf_t, redis.connect_timeout),
      &ngx_api_timeout_post },

    { ngx_string("api_secret_file"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_api_file_directive,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_api_main_conf_t, secret),
      (void *) 32 },

    { ngx_string("api_errors"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_api_loc_conf_t, errors),
      NULL },

    { ngx_string("api_cors"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_api_cors_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("api_server_timing"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_api_loc_conf_t, server_timing),
      NULL },

    { ngx_string("api_body_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_api_loc_conf_t, body_timeout),
      &ngx_api_timeout_post },

    { ngx_string("api_unsent_max"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_api_main_conf_t, unsent_max),
      NULL },

    { ngx_string("api_health"),
      NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_api_health_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("api_metrics"),
      NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_api_metrics_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_api_loc_conf_t, metrics),
      NULL },

    { ngx_string("api_metrics_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_api_main_conf_t, metrics.size),
      &ngx_api_metrics_size_post },

    { ngx_string("api_health_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_api_main_conf_t, health_timeout),
      &ngx_api_timeout_post },

    { ngx_string("api_shutdown_delay"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_api_main_conf_t, shutdown_delay),
      NULL },

    { ngx_string("api_drain_file"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_api_drain_directive,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_api_module_ctx = {
    ngx_api_preconfiguration,      /* preconfiguration */
    ngx_api_postconfiguration,     /* postconfiguration */

    ngx_api_create_main_conf,      /* create main configuration */
    ngx_api_init_main_conf,        /* init main configuration */

    NULL,                          /* create server configuration */
    NULL,                          /* merge server configuration */

    ngx_api_create_loc_conf,       /* create location configuration */
    ngx_api_merge_loc_conf         /* merge location configuration */
};


ngx_module_t  ngx_api_module = {
    NGX_MODULE_V1,
    &ngx_api_module_ctx,           /* module context */
    ngx_api_commands,              /* module directives */
    NGX_HTTP_MODULE,               /* module type */
    NULL,                          /* init master */
    NULL,                          /* init module */
    ngx_api_init_process,          /* init process */
    NULL,                          /* init thread */
    NULL,                          /* exit thread */
    ngx_api_exit_process,          /* exit process */
    NULL,                          /* exit master */
    NGX_MODULE_V1_PADDING
};


static const ngx_http_variable_t  ngx_api_variables[] = {

    { ngx_string("api_route"), NULL, ngx_api_variable_route, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("api_error"), NULL, ngx_api_variable_error, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


ngx_api_ctx_t *
ngx_api_ctx(ngx_http_request_t *r)
{
    ngx_api_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_api_module);

    if (ctx == NULL) {
        ctx = ngx_pcalloc(r->pool, sizeof(ngx_api_ctx_t));
        if (ctx == NULL) {
            return NULL;
        }

        ctx->start = ngx_api_clock()
                     - (uint64_t) ngx_api_request_ms(r) * 1000000;

        ngx_http_set_ctx(r, ctx, ngx_api_module);
    }

    return ctx;
}


ngx_msec_int_t
ngx_api_request_ms(const ngx_http_request_t *r)
{
    ngx_time_t      *tp;
    ngx_msec_int_t   ms;

    tp = ngx_timeofday();

    ms = (ngx_msec_int_t) ((tp->sec - r->start_sec) * 1000
                           + ((ngx_msec_int_t) tp->msec
                              - (ngx_msec_int_t) r->start_msec));

    return ngx_max(ms, 0);
}


ngx_int_t
ngx_api_variable_set(ngx_http_variable_value_t *v, const ngx_str_t *value)
{
    if (value == NULL || value->len == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->len = value->len;
    v->data = value->data;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_api_variable_route(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    ngx_api_ctx_t  *ctx;

    (void) ngx_api_route(r);

    ctx = ngx_http_get_module_ctx(r, ngx_api_module);

    return ngx_api_variable_set(v, ctx && ctx->path ? &ctx->path->text : NULL);
}


static ngx_int_t
ngx_api_variable_error(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    ngx_api_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_api_module);

    return ngx_api_variable_set(v, ctx && ctx->problem ? &ctx->problem->code
                                                       : NULL);
}


ngx_int_t
ngx_api_variables_add(ngx_conf_t *cf, const ngx_http_variable_t *v)
{
    ngx_http_variable_t  *var;

    for ( /* void */ ; v->name.len; v++) {
        var = ngx_http_add_variable(cf, (ngx_str_t *) &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_api_preconfiguration(ngx_conf_t *cf)
{
    json_set_alloc_funcs(ngx_api_reserve_malloc, ngx_api_reserve_free);

    if (ngx_api_variables_add(cf, ngx_api_variables) != NGX_OK
        || ngx_api_trace_add_variables(cf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_api_timing_add_variables(cf);
}


static ngx_int_t
ngx_api_postconfiguration(ngx_conf_t *cf)
{
    ngx_api_main_conf_t  *amcf;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_api_module);

    if (ngx_api_problem_filter_init(cf) != NGX_OK
        || ngx_api_metrics_conf_init(cf, &amcf->metrics) != NGX_OK
        || ngx_api_timing_init(cf) != NGX_OK
        || ngx_api_trace_init(cf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_api_cors_init(cf);
}


static void *
ngx_api_create_main_conf(ngx_conf_t *cf)
{
    ngx_api_main_conf_t  *amcf;

    amcf = ngx_pcalloc(cf->pool, sizeof(ngx_api_main_conf_t));
    if (amcf == NULL) {
        return NULL;
    }

    amcf->pg.connections[NGX_API_PG_READ] = NGX_CONF_UNSET_UINT;
    amcf->pg.connections[NGX_API_PG_WRITE] = NGX_CONF_UNSET_UINT;
    amcf->pg.connections[NGX_API_PG_SEARCH] = NGX_CONF_UNSET_UINT;
    amcf->pg.queue = NGX_CONF_UNSET_UINT;
    amcf->pg.timeout = NGX_CONF_UNSET_MSEC;
    amcf->pg.connect_timeout = NGX_CONF_UNSET_MSEC;
    amcf->redis.timeout = NGX_CONF_UNSET_MSEC;
    amcf->redis.connect_timeout = NGX_CONF_UNSET_MSEC;
    amcf->health_timeout = NGX_CONF_UNSET_MSEC;
    amcf->shutdown_delay = NGX_CONF_UNSET_MSEC;
    amcf->unsent_max = NGX_CONF_UNSET_SIZE;

    if (ngx_array_init(&amcf->pg.statements, cf->pool, 32,
                       sizeof(ngx_api_pg_statement_t *))
        != NGX_OK)
    {
        return NULL;
    }

    if (ngx_array_init(&amcf->health_checks, cf->pool, 2,
                       sizeof(ngx_api_health_check_t))
        != NGX_OK
        || ngx_api_metrics_create_conf(cf, &amcf->metrics) != NGX_OK)
    {
        return NULL;
    }

    return amcf;
}


static char *
ngx_api_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_api_main_conf_t *amcf = conf;

    ngx_conf_init_uint_value(amcf->pg.connections[NGX_API_PG_READ], 2);
    ngx_conf_init_uint_value(amcf->pg.connections[NGX_API_PG_WRITE], 8);
    ngx_conf_init_uint_value(amcf->pg.connections[NGX_API_PG_SEARCH], 2);
    ngx_conf_init_uint_value(amcf->pg.queue, 1024);
    ngx_conf_init_msec_value(amcf->pg.timeout, 5000);
    ngx_conf_init_msec_value(amcf->pg.connect_timeout, 2000);
    ngx_conf_init_msec_value(amcf->redis.timeout, 100);
    ngx_conf_init_msec_value(amcf->redis.connect_timeout, 1000);
    ngx_conf_init_msec_value(amcf->health_timeout, 1000);
    ngx_conf_init_msec_value(amcf->shutdown_delay, 0);
    ngx_conf_init_size_value(amcf->unsent_max, 256 * 1024 * 1024);

    if (amcf->health && amcf->pg_conninfo.data
        && ngx_api_pg_register(cf, &ngx_api_health_statement, 1) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (amcf->pg_conninfo.data == NULL) {

        if (amcf->pg.statements.nelts) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "the API needs a database: no \"api_pg\" is set");
            return NGX_CONF_ERROR;
        }

    } else if (ngx_api_pg_conf_init(cf, amcf) != NGX_OK
               || ngx_api_pg_metrics_add(cf) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (amcf->redis.naddrs && ngx_api_redis_metrics_add(cf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (amcf->secret.data == NULL) {

        /* cursors then live as long as this configuration */

        amcf->secret.len = 32;
        amcf->secret.data = ngx_pnalloc(cf->pool, amcf->secret.len);

        if (amcf->secret.data == NULL
            || RAND_bytes(amcf->secret.data, (int) amcf->secret.len) != 1)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static void *
ngx_api_create_loc_conf(ngx_conf_t *cf)
{
    ngx_api_loc_conf_t  *alcf;

    alcf = ngx_pcalloc(cf->pool, sizeof(ngx_api_loc_conf_t));
    if (alcf == NULL) {
        return NULL;
    }

    alcf->errors = NGX_CONF_UNSET;
    alcf->metrics = NGX_CONF_UNSET;
    alcf->server_timing = NGX_CONF_UNSET;
    alcf->body_timeout = NGX_CONF_UNSET_MSEC;
    alcf->cors = NGX_CONF_UNSET_PTR;

    return alcf;
}


static char *
ngx_api_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_api_loc_conf_t *prev = parent;
    ngx_api_loc_conf_t *conf = child;

    if (conf->metrics == 1 && conf->paths) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"api_metrics\" needs a location without routes");
        return NGX_CONF_ERROR;
    }

    /* where there are routes, every error is told as their clients expect */

    ngx_conf_merge_value(conf->errors, prev->errors, conf->paths != NULL);
    ngx_conf_merge_value(conf->server_timing, prev->server_timing, 0);
    ngx_conf_merge_msec_value(conf->body_timeout, prev->body_timeout, 60000);
    ngx_conf_merge_ptr_value(conf->cors, prev->cors, NULL);

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_api_init_process(ngx_cycle_t *cycle)
{
    ngx_api_main_conf_t  *amcf;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    amcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_api_module);

    if (amcf == NULL) {
        return NGX_OK;
    }

    if (ngx_api_metrics_init_process(cycle, &amcf->metrics) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_api_drain_init_process(cycle, amcf);
    ngx_api_unsent_init_process(cycle, amcf);
    ngx_api_redis_init_process(cycle, &amcf->redis);

    if (amcf->pg.statements.nelts == 0) {
        return NGX_OK;
    }

    json_object_seed(0);

    return ngx_api_pg_init_process(cycle, &amcf->pg);
}


static void
ngx_api_exit_process(ngx_cycle_t *cycle)
{
    ngx_api_main_conf_t  *amcf;

    ngx_api_redis_exit_process();
    ngx_api_pg_exit_process();

    amcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_api_module);

    if (amcf) {
        ngx_api_metrics_exit_process(&amcf->metrics);
    }
}


static char *
ngx_api_pg_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_api_main_conf_t *amcf = conf;

    ngx_str_t  *value;

    if (amcf->pg_conninfo.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    /* nginx ends the strings of its configuration with a NUL */

    amcf->pg_conninfo = value[1];

    return NGX_CONF_OK;
}


/* 0 is no time; to PostgreSQL a statement_timeout of 0 is none at all */

static char *
ngx_api_timeout_check(ngx_conf_t *cf, void *post, void *data)
{
    ngx_msec_t *value = data;

    return *value ? NGX_CONF_OK : "must be at least 1 millisecond";
}


/* a file whose content is the value; cmd->post: the least it must hold */

static char *
ngx_api_file_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char  *p = conf;

    ngx_str_t  *field, *value;

    field = (ngx_str_t *) (p + cmd->offset);

    if (field->data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_api_conf_file(cf, &value[1], (size_t) cmd->post, field)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


ngx_int_t
ngx_api_conf_file(ngx_conf_t *cf, ngx_str_t *name, size_t min,
    ngx_str_t *content)
{
    return ngx_api_conf_file_max(cf, name, min, NGX_API_FILE_MAX, content);
}


ngx_int_t
ngx_api_conf_file_max(ngx_conf_t *cf, ngx_str_t *name, size_t min, size_t max,
    ngx_str_t *content)
{
    ssize_t    n;
    u_char    *buf;
    ngx_fd_t   fd;

    if (ngx_conf_full_name(cf->cycle, name, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    buf = ngx_alloc(max + 1, cf->log);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    fd = ngx_open_file(name->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);
    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"%V\" failed", name);
        ngx_free(buf);
        return NGX_ERROR;
    }

    n = ngx_read_fd(fd, buf, max + 1);

    if (n == -1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_read_fd_n " \"%V\" failed", name);
    }

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, cf->log, ngx_errno,
                      ngx_close_file_n " \"%V\" failed", name);
    }

    content->data = NULL;

    if (n != -1) {
        ngx_api_conf_file_content(cf, name, min, max, buf, n, content);
        ngx_explicit_memzero(buf, n);
    }

    ngx_free(buf);

    return content->data ? NGX_OK : NGX_ERROR;
}


static void
ngx_api_conf_file_content(ngx_conf_t *cf, ngx_str_t *name, size_t min,
    size_t max, const u_char *buf, size_t n, ngx_str_t *content)
{
    if (n > max) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" is too long", name);
        return;
    }

    if (n && buf[n - 1] == LF) {
        n--;
    }

    if (n < min) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" must hold at least %uz byte%s", name, min,
                           min == 1 ? "" : "s");
        return;
    }

    content->len = n;
    content->data = ngx_pcalloc(cf->pool, n + 1);

    if (content->data) {
        ngx_memcpy(content->data, buf, n);
    }
}
