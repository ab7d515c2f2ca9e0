
/*
 * The metrics of requests: counted in the log phase, by route, method and
 * status.  Which of them there are is known when they come; each worker keeps
 * by route where they are counted.
 */


#include "ngx_api_module.h"


typedef struct ngx_api_metrics_kind_s  ngx_api_metrics_kind_t;


/* requests of a route with one method and status */
struct ngx_api_metrics_kind_s {
    ngx_api_metrics_kind_t  *next;
    ngx_uint_t               key;
    uint64_t                *value;       /* NULL: the zone was full */
};


typedef struct {
    ngx_api_metrics_kind_t  *kinds;       /* the first seen first */
    ngx_api_metric_t         received;
    ngx_api_metric_t         sent;
} ngx_api_metrics_route_t;


static ngx_int_t ngx_api_metrics_log_handler(ngx_http_request_t *r);
static uint64_t ngx_api_metrics_elapsed(ngx_http_request_t *r,
    const ngx_api_ctx_t *ctx);
static ngx_uint_t ngx_api_metrics_method(const ngx_http_request_t *r);
static ngx_uint_t ngx_api_metrics_status(const ngx_http_request_t *r);
static ngx_api_metrics_kind_t *ngx_api_metrics_kind(
    ngx_api_metrics_conf_t *conf, ngx_uint_t route, ngx_uint_t method,
    ngx_uint_t status);
static uint64_t *ngx_api_metrics_kind_value(ngx_api_metrics_conf_t *conf,
    ngx_uint_t route, ngx_uint_t method, ngx_uint_t status);


static const ngx_api_metric_family_t  ngx_api_metrics_duration_family = {
    ngx_string("skep_http_request_duration_seconds"),
    ngx_string("How long requests took, from their first byte to their end."),
    NGX_API_METRIC_HISTOGRAM, 1, NULL
};

static const ngx_api_metric_family_t  ngx_api_metrics_requests_family = {
    ngx_string("skep_http_requests_total"),
    ngx_string("Requests."),
    NGX_API_METRIC_COUNTER, 0, &ngx_api_metrics_duration_family
};

static const ngx_api_metric_family_t  ngx_api_metrics_received_family = {
    ngx_string("skep_http_request_bytes_total"),
    ngx_string("Bytes of requests, with their headers."),
    NGX_API_METRIC_COUNTER, 0, NULL
};

static const ngx_api_metric_family_t  ngx_api_metrics_sent_family = {
    ngx_string("skep_http_response_bytes_total"),
    ngx_string("Bytes of responses, with their headers."),
    NGX_API_METRIC_COUNTER, 0, NULL
};


static const struct {
    ngx_uint_t   method;
    const char  *name;
} ngx_api_metrics_methods[] = {
    { NGX_HTTP_GET, "GET" },
    { NGX_HTTP_POST, "POST" },
    { NGX_HTTP_PATCH, "PATCH" },
    { NGX_HTTP_PUT, "PUT" },
    { NGX_HTTP_DELETE, "DELETE" },
    { NGX_HTTP_HEAD, "HEAD" },
    { NGX_HTTP_OPTIONS, "OPTIONS" },
    { 0, "other" }
};


/* of this worker, by number of route */
static ngx_api_metrics_route_t  *ngx_api_metrics_routes;


ngx_int_t
ngx_api_metrics_http_conf_init(ngx_conf_t *cf, ngx_api_metrics_conf_t *conf)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_LOG_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_api_metrics_log_handler;

    if (ngx_api_metrics_family(conf, &ngx_api_metrics_requests_family)
        != NGX_OK
        || ngx_api_metrics_family(conf, &ngx_api_metrics_duration_family)
           != NGX_OK
        || ngx_api_metrics_family(conf, &ngx_api_metrics_received_family)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_api_metrics_family(conf, &ngx_api_metrics_sent_family);
}


ngx_int_t
ngx_api_metrics_http_init_process(ngx_cycle_t *cycle,
    ngx_api_metrics_conf_t *conf)
{
    ngx_uint_t                i;
    ngx_api_metrics_route_t  *route;

    ngx_api_metrics_routes = ngx_pcalloc(cycle->pool,
                                         conf->routes.nelts
                                         * sizeof(ngx_api_metrics_route_t));
    if (ngx_api_metrics_routes == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < conf->routes.nelts; i++) {
        route = &ngx_api_metrics_routes[i];

        route->received.family = &ngx_api_metrics_received_family;
        route->received.value = ngx_api_metric_nowhere;
        route->sent.family = &ngx_api_metrics_sent_family;
        route->sent.value = ngx_api_metric_nowhere;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_api_metrics_log_handler(ngx_http_request_t *r)
{
    ngx_uint_t                i;
    const ngx_api_ctx_t      *ctx;
    ngx_api_main_conf_t      *amcf;
    ngx_api_metrics_kind_t   *kind;
    ngx_api_metrics_route_t  *route;

    if (r != r->main || ngx_api_metrics_routes == NULL) {
        return NGX_OK;
    }

    (void) ngx_api_route(r);

    amcf = ngx_http_get_module_main_conf(r, ngx_api_module);
    ctx = ngx_http_get_module_ctx(r, ngx_api_module);

    i = (ctx && ctx->path) ? ctx->path->number : 0;
    route = &ngx_api_metrics_routes[i];

    kind = ngx_api_metrics_kind(&amcf->metrics, i, ngx_api_metrics_method(r),
                                ngx_api_metrics_status(r));

    if (kind == NULL || kind->value == NULL) {
        ngx_api_metrics_zone_drop(amcf->metrics.zone);
        return NGX_OK;
    }

    ngx_api_metric_observe_value(kind->value, ngx_api_metrics_elapsed(r, ctx));

    ngx_api_metric_add(&route->received, (uint64_t) r->request_length);
    ngx_api_metric_add(&route->sent, (uint64_t) r->connection->sent);

    return NGX_OK;
}


/* by the clock, where there is a start of it; else by nginx's milliseconds */

static uint64_t
ngx_api_metrics_elapsed(ngx_http_request_t *r, const ngx_api_ctx_t *ctx)
{
    return ctx ? ngx_api_clock() - ctx->start
               : (uint64_t) ngx_api_request_ms(r) * 1000000;
}


/* an index of the table of methods */

static ngx_uint_t
ngx_api_metrics_method(const ngx_http_request_t *r)
{
    ngx_uint_t  i;

    for (i = 0; ngx_api_metrics_methods[i].method; i++) {
        if (ngx_api_metrics_methods[i].method == r->method) {
            break;
        }
    }

    return i;
}


/* the status as nginx's log has it; one of a thousand, whatever a proxied
 * server says */

static ngx_uint_t
ngx_api_metrics_status(const ngx_http_request_t *r)
{
    ngx_uint_t  status;

    status = r->err_status ? r->err_status : r->headers_out.status;

    return status < 1000 ? status : 0;
}


/* NULL: no memory */

static ngx_api_metrics_kind_t *
ngx_api_metrics_kind(ngx_api_metrics_conf_t *conf, ngx_uint_t route,
    ngx_uint_t method, ngx_uint_t status)
{
    ngx_uint_t                key;
    ngx_api_metrics_kind_t  **p, *kind;

    key = status * 16 + method;

    for (p = &ngx_api_metrics_routes[route].kinds; *p; p = &(*p)->next) {
        if ((*p)->key == key) {
            return *p;
        }
    }

    kind = ngx_pcalloc(ngx_cycle->pool, sizeof(ngx_api_metrics_kind_t));
    if (kind == NULL) {
        return NULL;
    }

    kind->key = key;
    kind->value = ngx_api_metrics_kind_value(conf, route, method, status);

    *p = kind;

    return kind;
}


/* the place in the zone, and those of the route's bytes; NULL: it is full */

static uint64_t *
ngx_api_metrics_kind_value(ngx_api_metrics_conf_t *conf, ngx_uint_t route,
    ngx_uint_t method, ngx_uint_t status)
{
    u_char             text[512];
    uint64_t          *value;
    ngx_str_t          labels, *name;
    ngx_uint_t         i;
    ngx_api_metric_t  *bytes[2];

    name = (ngx_str_t *) conf->routes.elts + route;

    bytes[0] = &ngx_api_metrics_routes[route].received;
    bytes[1] = &ngx_api_metrics_routes[route].sent;

    labels.data = text;
    labels.len = ngx_snprintf(text, sizeof(text), "route=\"%V\"", name) - text;

    for (i = 0; i < 2; i++) {

        if (bytes[i]->value != ngx_api_metric_nowhere) {
            continue;
        }

        value = ngx_api_metrics_zone_cell(conf->zone, bytes[i]->family,
                                          &labels);
        if (value == NULL) {
            return NULL;
        }

        bytes[i]->value = value;
    }

    labels.len = ngx_snprintf(text, sizeof(text),
                              "route=\"%V\",method=\"%s\",status=\"%03ui\"",
                              name, ngx_api_metrics_methods[method].name,
                              status)
                 - text;

    return ngx_api_metrics_zone_cell(conf->zone,
                                     &ngx_api_metrics_duration_family,
                                     &labels);
}
