
/*
 * Metrics: what all workers count into shared memory, each into memory of its
 * own, and what /metrics gives as Prometheus reads it.  Whoever counts keeps
 * its series, mostly as static variables, and adds them to a configuration.
 */


#ifndef _NGX_API_METRICS_H_INCLUDED_
#define _NGX_API_METRICS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_api_metric.h"
#include "ngx_api_pg.h"


/* At configuration time: metrics that are to be shown; they stay in place.
 * One that was added already is not added again.  NGX_OK or NGX_ERROR. */
ngx_int_t ngx_api_metrics_add(ngx_conf_t *cf, ngx_api_metric_t *metrics,
    ngx_uint_t n);

/*
 * At configuration time: gauges that PostgreSQL is asked for when somebody
 * wants to see the metrics.  The first row's columns, integers, are the values
 * of the families, in their order; without an answer in a second they are left
 * out.  Ignored without "api_metrics" or "api_pg"; to be called when all is
 * read.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_api_metrics_ask(ngx_conf_t *cf,
    const ngx_api_pg_statement_t *statement,
    const ngx_api_metric_family_t *families, ngx_uint_t n);


#endif /* _NGX_API_METRICS_H_INCLUDED_ */
