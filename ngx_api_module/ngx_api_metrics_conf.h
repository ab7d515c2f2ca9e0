
/*
 * The platform's side of metrics.  Private: features use ngx_api_metrics.h.
 */


#ifndef _NGX_API_METRICS_CONF_H_INCLUDED_
#define _NGX_API_METRICS_CONF_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_api_json.h"
#include "ngx_api_metrics_zone.h"


typedef struct {
    const ngx_api_pg_statement_t   *statement;
    const ngx_api_metric_family_t  *families;
    ngx_uint_t                      n;
} ngx_api_metrics_question_t;


typedef struct {
    ngx_flag_t                on;         /* somewhere they are shown */
    size_t                    size;
    ngx_api_metrics_zone_t   *zone;       /* NULL: off */
    ngx_array_t               metrics;    /* of ngx_api_metric_t * */
    ngx_array_t               families;   /* of ngx_api_metric_family_t * */
    ngx_array_t               questions;  /* of ngx_api_metrics_question_t */
    ngx_array_t               routes;     /* of ngx_str_t; the first: "other" */
} ngx_api_metrics_conf_t;


ngx_int_t ngx_api_metrics_create_conf(ngx_conf_t *cf,
    ngx_api_metrics_conf_t *conf);

/* when all is read: the zone and the log phase, if metrics are shown */
ngx_int_t ngx_api_metrics_conf_init(ngx_conf_t *cf,
    ngx_api_metrics_conf_t *conf);

/* The number of a route for the metrics, from 1 on; 0: no memory. */
ngx_uint_t ngx_api_metrics_route(ngx_conf_t *cf, const ngx_str_t *route);

/* of each worker, before anything counts */
ngx_int_t ngx_api_metrics_init_process(ngx_cycle_t *cycle,
    ngx_api_metrics_conf_t *conf);
void ngx_api_metrics_exit_process(ngx_api_metrics_conf_t *conf);

char *ngx_api_metrics_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_api_metrics_size_check(ngx_conf_t *cf, void *post, void *data);

/* requests: their families, what a worker has of them, the log phase */
ngx_int_t ngx_api_metrics_http_conf_init(ngx_conf_t *cf,
    ngx_api_metrics_conf_t *conf);
ngx_int_t ngx_api_metrics_http_init_process(ngx_cycle_t *cycle,
    ngx_api_metrics_conf_t *conf);

/* a family is shown, with its series or those that are to come */
ngx_int_t ngx_api_metrics_family(ngx_api_metrics_conf_t *conf,
    const ngx_api_metric_family_t *family);

/* the content handler of "api_metrics" */
ngx_int_t ngx_api_metrics_handler(ngx_http_request_t *r);


/*
 * The text for Prometheus.  answers: for each of conf->questions the values
 * of its families, NULL if it was not answered.  j is to be closed by whoever
 * called, whatever it returns: NGX_OK, or NGX_ERROR without memory.
 */
ngx_int_t ngx_api_metrics_text(ngx_api_json_t *j,
    const ngx_api_metrics_conf_t *conf, uint64_t *const *answers);


/* the upper bounds of all histograms' buckets, but for that of +Inf */
typedef struct {
    uint64_t     ns;
    const char  *text;                    /* in seconds */
} ngx_api_metric_bound_t;

extern const ngx_api_metric_bound_t
    ngx_api_metric_bounds[NGX_API_METRIC_BUCKETS - 1];


#endif /* _NGX_API_METRICS_CONF_H_INCLUDED_ */
