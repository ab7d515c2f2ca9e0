
/*
 * Where the time of a request went: variables, and the header Server-Timing
 * (https://www.w3.org/TR/server-timing/) with "api_server_timing on".
 */


#include "ngx_api_module.h"


/* of one part of the header: "limit;dur=18446744073709551.615, " */
#define NGX_API_TIMING_LEN  48


static ngx_int_t ngx_api_timing_filter(ngx_http_request_t *r);
static ngx_int_t ngx_api_variable_timing(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_api_variable_pg_time(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;


static const char *const  ngx_api_timing_names[NGX_API_TIMINGS] = {
    "auth", "limit", "queue", "db"
};


static const ngx_http_variable_t  ngx_api_timing_variables[] = {

    { ngx_string("api_time_auth"), NULL, ngx_api_variable_timing,
      NGX_API_TIMING_AUTH, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("api_time_limit"), NULL, ngx_api_variable_timing,
      NGX_API_TIMING_LIMIT, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("api_time_queue"), NULL, ngx_api_variable_timing,
      NGX_API_TIMING_QUEUE, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("api_time_db"), NULL, ngx_api_variable_timing,
      NGX_API_TIMING_DB, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("api_pg_time"), NULL, ngx_api_variable_pg_time, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


void
ngx_api_timing_since(ngx_http_request_t *r, ngx_api_timing_e which,
    uint64_t since)
{
    ngx_api_trace_t  *trace;

    trace = ngx_api_trace(r);

    if (trace) {
        ngx_api_timing_add(trace, which, ngx_api_clock() - since);
    }
}


void
ngx_api_timing_add(ngx_api_trace_t *trace, ngx_api_timing_e which, uint64_t ns)
{
    trace->timing[which] += ns;
    trace->timed |= (1 << which) & ((1 << NGX_API_TIMINGS) - 1);
}


void
ngx_api_timing_hide(ngx_http_request_t *r)
{
    ngx_api_trace_t  *trace;

    trace = ngx_api_trace(r);

    if (trace) {
        trace->untold = 1;
    }
}


ngx_int_t
ngx_api_timing_init(ngx_conf_t *cf)
{
    (void) cf;

    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_api_timing_filter;

    return NGX_OK;
}


ngx_int_t
ngx_api_timing_add_variables(ngx_conf_t *cf)
{
    return ngx_api_variables_add(cf, ngx_api_timing_variables);
}


static ngx_int_t
ngx_api_timing_filter(ngx_http_request_t *r)
{
    u_char              *p, *last;
    uint64_t             us;
    ngx_str_t            value;
    ngx_uint_t           i;
    ngx_api_trace_t     *trace;
    ngx_api_loc_conf_t  *alcf;

    alcf = ngx_http_get_module_loc_conf(r, ngx_api_module);

    if (!alcf->server_timing || r != r->main) {
        return ngx_http_next_header_filter(r);
    }

    trace = ngx_api_trace(r);
    if (trace == NULL) {
        return NGX_ERROR;
    }

    if (trace->timed == 0 || trace->untold) {
        return ngx_http_next_header_filter(r);
    }

    p = ngx_pnalloc(r->pool, NGX_API_TIMINGS * NGX_API_TIMING_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value.data = p;
    last = p + NGX_API_TIMINGS * NGX_API_TIMING_LEN;

    for (i = 0; i < NGX_API_TIMINGS; i++) {

        if (trace->timed & (1 << i)) {
            us = trace->timing[i] / 1000;
            p = ngx_slprintf(p, last, "%s%s;dur=%uL.%03uL",
                             p == value.data ? "" : ", ",
                             ngx_api_timing_names[i], us / 1000, us % 1000);
        }
    }

    value.len = p - value.data;

    if (ngx_api_header_add(r, "Server-Timing", &value) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_next_header_filter(r);
}


/* seconds with microseconds; "-" where there was none */

static ngx_int_t
ngx_api_variable_timing(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    uint64_t          us;
    ngx_str_t         value;
    ngx_api_trace_t  *trace;

    trace = ngx_api_trace(r);
    if (trace == NULL) {
        return NGX_ERROR;
    }

    if (!(trace->timed & (1 << data))) {
        ngx_str_set(&value, "-");
        return ngx_api_variable_set(v, &value);
    }

    value.data = ngx_pnalloc(r->pool, NGX_INT64_LEN + 1);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    us = trace->timing[data] / 1000;
    value.len = ngx_sprintf(value.data, "%uL.%06uL", us / 1000000,
                            us % 1000000)
                - value.data;

    return ngx_api_variable_set(v, &value);
}


/* seconds with milliseconds, of the queue and the database together */

static ngx_int_t
ngx_api_variable_pg_time(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    uint64_t          ms;
    ngx_str_t         value;
    ngx_api_trace_t  *trace;

    (void) data;

    trace = ngx_api_trace(r);
    if (trace == NULL) {
        return NGX_ERROR;
    }

    if (!(trace->timed & (1 << NGX_API_TIMING_QUEUE))) {
        return ngx_api_variable_set(v, NULL);
    }

    value.data = ngx_pnalloc(r->pool, NGX_INT64_LEN + 1);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    ms = (trace->timing[NGX_API_TIMING_QUEUE]
          + trace->timing[NGX_API_TIMING_DB]) / 1000000;
    value.len = ngx_sprintf(value.data, "%uL.%03uL", ms / 1000, ms % 1000)
                - value.data;

    return ngx_api_variable_set(v, &value);
}
