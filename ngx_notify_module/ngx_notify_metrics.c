
/*
 * What is counted of streams and events; what PostgreSQL is asked for.
 */


#include "ngx_notify.h"


static const ngx_api_metric_family_t  ngx_notify_clients_family = {
    ngx_string("skep_notify_stream_clients"),
    ngx_string("Clients of the live stream."),
    NGX_API_METRIC_GAUGE, 0, NULL
};

static const ngx_api_metric_family_t  ngx_notify_published_family = {
    ngx_string("skep_notify_events_published_total"),
    ngx_string("Events that Redis was to be told of."),
    NGX_API_METRIC_COUNTER, 0, NULL
};

/* in the order of the statement's columns */

static const ngx_api_metric_family_t  ngx_notify_outbox_families[] = {

    { ngx_string("skep_outbox_rows"),
      ngx_string("Events that are not fanned out; 10001: or more."),
      NGX_API_METRIC_GAUGE, 0, NULL },

    { ngx_string("skep_outbox_age_seconds"),
      ngx_string("The age of the oldest of them; 0: there is none."),
      NGX_API_METRIC_GAUGE, 1, NULL }
};


ngx_api_metric_t  ngx_notify_stream_clients =
    ngx_api_metric(&ngx_notify_clients_family, "");

ngx_api_metric_t  ngx_notify_published =
    ngx_api_metric(&ngx_notify_published_family, "outcome=\"ok\"");

ngx_api_metric_t  ngx_notify_lost =
    ngx_api_metric(&ngx_notify_published_family, "outcome=\"lost\"");


ngx_int_t
ngx_notify_metrics_add(ngx_conf_t *cf, const ngx_notify_main_conf_t *nmcf)
{
    if (nmcf->api
        && ngx_api_metrics_add(cf, &ngx_notify_stream_clients, 1) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (nmcf->stream.len
        && (ngx_api_metrics_add(cf, &ngx_notify_published, 1) != NGX_OK
            || ngx_api_metrics_add(cf, &ngx_notify_lost, 1) != NGX_OK))
    {
        return NGX_ERROR;
    }

    if (!nmcf->api && nmcf->stream.len == 0) {
        return NGX_OK;
    }

    return ngx_api_metrics_ask(cf, NGX_NOTIFY_SQL_OUTBOX,
                               ngx_notify_outbox_families,
                               sizeof(ngx_notify_outbox_families)
                               / sizeof(ngx_notify_outbox_families[0]));
}
