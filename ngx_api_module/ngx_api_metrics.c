
/*
 * Metrics: what a configuration shows of them, and whereto a worker counts.
 */


#include "ngx_api_module.h"


/* the table of processes takes half of it */
#define NGX_API_METRICS_SIZE_MIN  (64 * 1024)
#define NGX_API_METRICS_SIZE      (4 * 1024 * 1024)


uint64_t  ngx_api_metric_nowhere[NGX_API_METRIC_VALUES];


static const ngx_api_metric_family_t  ngx_api_metrics_processes_family = {
    ngx_string("skep_worker_processes"),
    ngx_string("Worker processes of nginx that are alive."),
    NGX_API_METRIC_GAUGE, 0, NULL
};

static ngx_api_metric_t  ngx_api_metrics_processes =
    ngx_api_metric(&ngx_api_metrics_processes_family, "");


ngx_int_t
ngx_api_metrics_create_conf(ngx_conf_t *cf, ngx_api_metrics_conf_t *conf)
{
    ngx_str_t  *other;

    conf->size = NGX_CONF_UNSET_SIZE;

    if (ngx_array_init(&conf->metrics, cf->pool, 64,
                       sizeof(ngx_api_metric_t *))
        != NGX_OK
        || ngx_array_init(&conf->families, cf->pool, 64,
                          sizeof(ngx_api_metric_family_t *))
           != NGX_OK
        || ngx_array_init(&conf->questions, cf->pool, 2,
                          sizeof(ngx_api_metrics_question_t))
           != NGX_OK
        || ngx_array_init(&conf->routes, cf->pool, 64, sizeof(ngx_str_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    other = ngx_array_push(&conf->routes);
    if (other == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(other, "other");

    return NGX_OK;
}


char *
ngx_api_metrics_size_check(ngx_conf_t *cf, void *post, void *data)
{
    size_t *size = data;

    return *size >= NGX_API_METRICS_SIZE_MIN ? NGX_CONF_OK
                                             : "must be at least 64k";
}


char *
ngx_api_metrics_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                      *rv;
    ngx_api_loc_conf_t        *alcf = conf;
    ngx_api_main_conf_t       *amcf;
    ngx_http_core_loc_conf_t  *clcf;

    rv = ngx_conf_set_flag_slot(cf, cmd, conf);

    if (rv == NGX_CONF_OK && alcf->metrics) {
        amcf = ngx_http_conf_get_module_main_conf(cf, ngx_api_module);
        amcf->metrics.on = 1;

        clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
        clcf->handler = ngx_api_metrics_handler;
    }

    return rv;
}


ngx_int_t
ngx_api_metrics_add(ngx_conf_t *cf, ngx_api_metric_t *metrics, ngx_uint_t n)
{
    ngx_uint_t               i, k;
    ngx_api_metric_t       **m;
    ngx_api_main_conf_t     *amcf;
    ngx_api_metrics_conf_t  *conf;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_api_module);
    conf = &amcf->metrics;

    for (i = 0; i < n; i++) {

        m = conf->metrics.elts;

        for (k = 0; k < conf->metrics.nelts; k++) {
            if (m[k] == &metrics[i]) {
                break;
            }
        }

        if (k < conf->metrics.nelts) {
            continue;
        }

        m = ngx_array_push(&conf->metrics);

        if (m == NULL
            || ngx_api_metrics_family(conf, metrics[i].family) != NGX_OK)
        {
            return NGX_ERROR;
        }

        *m = &metrics[i];
    }

    return NGX_OK;
}


ngx_int_t
ngx_api_metrics_family(ngx_api_metrics_conf_t *conf,
    const ngx_api_metric_family_t *family)
{
    ngx_uint_t                       i;
    const ngx_api_metric_family_t  **f;

    f = conf->families.elts;

    for (i = 0; i < conf->families.nelts; i++) {
        if (f[i] == family) {
            return NGX_OK;
        }
    }

    f = ngx_array_push(&conf->families);
    if (f == NULL) {
        return NGX_ERROR;
    }

    *f = family;

    return NGX_OK;
}


ngx_int_t
ngx_api_metrics_ask(ngx_conf_t *cf, const ngx_api_pg_statement_t *statement,
    const ngx_api_metric_family_t *families, ngx_uint_t n)
{
    ngx_api_main_conf_t         *amcf;
    ngx_api_metrics_question_t  *question;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_api_module);

    if (!amcf->metrics.on || amcf->pg_conninfo.data == NULL) {
        return NGX_OK;
    }

    question = ngx_array_push(&amcf->metrics.questions);
    if (question == NULL) {
        return NGX_ERROR;
    }

    question->statement = statement;
    question->families = families;
    question->n = n;

    return ngx_api_pg_register(cf, statement, 1);
}


ngx_uint_t
ngx_api_metrics_route(ngx_conf_t *cf, const ngx_str_t *route)
{
    ngx_str_t            *routes;
    ngx_uint_t            i;
    ngx_api_main_conf_t  *amcf;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_api_module);

    routes = amcf->metrics.routes.elts;

    for (i = 1; i < amcf->metrics.routes.nelts; i++) {
        if (routes[i].len == route->len
            && ngx_memcmp(routes[i].data, route->data, route->len) == 0)
        {
            return i;
        }
    }

    routes = ngx_array_push(&amcf->metrics.routes);
    if (routes == NULL) {
        return 0;
    }

    *routes = *route;

    return i;
}


ngx_int_t
ngx_api_metrics_conf_init(ngx_conf_t *cf, ngx_api_metrics_conf_t *conf)
{
    if (!conf->on) {
        return NGX_OK;
    }

    ngx_conf_init_size_value(conf->size, NGX_API_METRICS_SIZE);

    conf->zone = ngx_api_metrics_zone_add(cf, conf->size, &ngx_api_module);

    if (conf->zone == NULL
        || ngx_api_metrics_add(cf, &ngx_api_metrics_processes, 1) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_api_metrics_http_conf_init(cf, conf);
}


ngx_int_t
ngx_api_metrics_init_process(ngx_cycle_t *cycle, ngx_api_metrics_conf_t *conf)
{
    uint64_t          *value;
    ngx_uint_t         i;
    ngx_api_metric_t **m;

    if (conf->zone == NULL) {
        return NGX_OK;
    }

    ngx_api_metrics_zone_enter(conf->zone, (ngx_uint_t) ngx_process_slot);

    m = conf->metrics.elts;

    for (i = 0; i < conf->metrics.nelts; i++) {
        value = ngx_api_metrics_zone_cell(conf->zone, m[i]->family,
                                          &m[i]->labels);
        if (value) {
            m[i]->value = value;
        }
    }

    ngx_api_metric_set(&ngx_api_metrics_processes, 1);

    return ngx_api_metrics_http_init_process(cycle, conf);
}


void
ngx_api_metrics_exit_process(ngx_api_metrics_conf_t *conf)
{
    if (conf->zone) {
        ngx_api_metrics_zone_leave(conf->zone);
    }
}


void
ngx_api_metric_observe_value(uint64_t *value, uint64_t ns)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_API_METRIC_BUCKETS - 1; i++) {
        if (ns <= ngx_api_metric_bounds[i].ns) {
            break;
        }
    }

    value[i]++;
    value[NGX_API_METRIC_BUCKETS] += ns;
}
