
/*
 * What is counted of the lanes to PostgreSQL.  Private to the platform.
 */


#ifndef _NGX_API_PG_METRICS_H_INCLUDED_
#define _NGX_API_PG_METRICS_H_INCLUDED_


#include "ngx_api_metrics.h"


typedef enum {
    NGX_API_PG_CONN_CLOSED = 0,
    NGX_API_PG_CONN_CONNECTING,    /* in PQconnectPoll() */
    NGX_API_PG_CONN_PREPARING,     /* statements are being prepared */
    NGX_API_PG_CONN_READY,
    NGX_API_PG_CONN_STATES
} ngx_api_pg_conn_state_e;


/* of one lane; nothing but metrics */
typedef struct {
    ngx_api_metric_t  connections[NGX_API_PG_CONN_STATES];
    ngx_api_metric_t  connections_max;
    ngx_api_metric_t  queue_max;
    ngx_api_metric_t  in_flight;
    ngx_api_metric_t  queued;
    ngx_api_metric_t  waits;            /* for a connection */
    ngx_api_metric_t  timeouts;
    ngx_api_metric_t  refused_full;     /* operations not taken */
    ngx_api_metric_t  refused_away;
    ngx_api_metric_t  reconnects;
    ngx_api_metric_t  failures;         /* of connections */
    ngx_api_metric_t  query;
} ngx_api_pg_metrics_t;


extern ngx_api_pg_metrics_t  ngx_api_pg_metrics[NGX_API_PG_LANES];


#endif /* _NGX_API_PG_METRICS_H_INCLUDED_ */
