
#include "ngx_api_module.h"


enum {
    NGX_API_PG_F_CONNECTIONS = 0,
    NGX_API_PG_F_CONNECTIONS_MAX,
    NGX_API_PG_F_QUEUE_MAX,
    NGX_API_PG_F_IN_FLIGHT,
    NGX_API_PG_F_QUEUED,
    NGX_API_PG_F_WAITS,
    NGX_API_PG_F_TIMEOUTS,
    NGX_API_PG_F_REFUSED,
    NGX_API_PG_F_RECONNECTS,
    NGX_API_PG_F_FAILURES,
    NGX_API_PG_F_QUERY
};


static const ngx_api_metric_family_t  ngx_api_pg_families[] = {

    { ngx_string("skep_pg_connections"),
      ngx_string("Connections to PostgreSQL by their state."),
      NGX_API_METRIC_GAUGE, 0, NULL },

    { ngx_string("skep_pg_connections_max"),
      ngx_string("Connections that there are to be."),
      NGX_API_METRIC_GAUGE, 0, NULL },

    { ngx_string("skep_pg_queue_max"),
      ngx_string("Statements that may be waiting and in flight."),
      NGX_API_METRIC_GAUGE, 0, NULL },

    { ngx_string("skep_pg_in_flight"),
      ngx_string("Statements that PostgreSQL has."),
      NGX_API_METRIC_GAUGE, 0, NULL },

    { ngx_string("skep_pg_queued"),
      ngx_string("Statements that wait for a connection."),
      NGX_API_METRIC_GAUGE, 0, NULL },

    { ngx_string("skep_pg_waits_total"),
      ngx_string("Statements that had to wait for a connection."),
      NGX_API_METRIC_COUNTER, 0, NULL },

    { ngx_string("skep_pg_timeouts_total"),
      ngx_string("Statements without an answer in time."),
      NGX_API_METRIC_COUNTER, 0, NULL },

    { ngx_string("skep_pg_refused_total"),
      ngx_string("Statements not taken: the queue full, PostgreSQL away."),
      NGX_API_METRIC_COUNTER, 0, NULL },

    { ngx_string("skep_pg_reconnects_total"),
      ngx_string("Connections made again after they were lost."),
      NGX_API_METRIC_COUNTER, 0, NULL },

    { ngx_string("skep_pg_connection_failures_total"),
      ngx_string("Connections that were lost, or could not be made."),
      NGX_API_METRIC_COUNTER, 0, NULL },

    { ngx_string("skep_pg_query_duration_seconds"),
      ngx_string("From a statement being sent until its answer was read."),
      NGX_API_METRIC_HISTOGRAM, 1, NULL }
};


#define ngx_api_pg_metric(family, lane, more)                                 \
    ngx_api_metric(&ngx_api_pg_families[NGX_API_PG_F_##family],               \
                   "lane=\"" lane "\"" more)

#define ngx_api_pg_metrics_lane(lane)                                         \
    {                                                                         \
        {                                                                     \
            ngx_api_pg_metric(CONNECTIONS, lane, ",state=\"closed\""),        \
            ngx_api_pg_metric(CONNECTIONS, lane, ",state=\"connecting\""),    \
            ngx_api_pg_metric(CONNECTIONS, lane, ",state=\"preparing\""),     \
            ngx_api_pg_metric(CONNECTIONS, lane, ",state=\"ready\"")          \
        },                                                                    \
        ngx_api_pg_metric(CONNECTIONS_MAX, lane, ""),                         \
        ngx_api_pg_metric(QUEUE_MAX, lane, ""),                               \
        ngx_api_pg_metric(IN_FLIGHT, lane, ""),                               \
        ngx_api_pg_metric(QUEUED, lane, ""),                                  \
        ngx_api_pg_metric(WAITS, lane, ""),                                   \
        ngx_api_pg_metric(TIMEOUTS, lane, ""),                                \
        ngx_api_pg_metric(REFUSED, lane, ",reason=\"queue_full\""),           \
        ngx_api_pg_metric(REFUSED, lane, ",reason=\"away\""),                 \
        ngx_api_pg_metric(RECONNECTS, lane, ""),                              \
        ngx_api_pg_metric(FAILURES, lane, ""),                                \
        ngx_api_pg_metric(QUERY, lane, "")                                    \
    }


/* in the order of ngx_api_pg_lane_e */

ngx_api_pg_metrics_t  ngx_api_pg_metrics[NGX_API_PG_LANES] = {
    ngx_api_pg_metrics_lane("read"),
    ngx_api_pg_metrics_lane("write"),
    ngx_api_pg_metrics_lane("search")
};


ngx_int_t
ngx_api_pg_metrics_add(ngx_conf_t *cf)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_API_PG_LANES; i++) {
        if (ngx_api_metrics_add(cf, (ngx_api_metric_t *) &ngx_api_pg_metrics[i],
                                sizeof(ngx_api_pg_metrics_t)
                                / sizeof(ngx_api_metric_t))
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
