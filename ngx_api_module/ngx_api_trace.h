
/*
 * What tells one request from others, in logs and wherever it goes on: its id,
 * its place in a trace, and where its time went.
 */


#ifndef _NGX_API_TRACE_H_INCLUDED_
#define _NGX_API_TRACE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_api_header.h"
#include "ngx_api_traceparent.h"


/* "TRACEPARENT REQUEST-ID", as events have it */
#define NGX_API_TRACE_LEN                                                     \
    (NGX_API_TRACEPARENT_LEN + 1 + NGX_API_REQUEST_ID_MAX)


/* where the time of a request goes */
typedef enum {
    NGX_API_TIMING_AUTH = 0,  /* to verify a token or a password */
    NGX_API_TIMING_LIMIT,     /* rate limits, a delay by them included */
    NGX_API_TIMING_QUEUE,     /* until a PostgreSQL connection was free */
    NGX_API_TIMING_DB,        /* until PostgreSQL had answered */
    NGX_API_TIMINGS
} ngx_api_timing_e;


typedef struct {
    ngx_str_t    request_id;
    uint64_t     timing[NGX_API_TIMINGS];     /* ns */
    unsigned     timed:NGX_API_TIMINGS;       /* a bit each: there is one */
    unsigned     untold:1;                    /* not in Server-Timing */
    unsigned     traced:1;                    /* traceparent is made */
    u_char       text[NGX_API_TRACE_LEN + 1];
} ngx_api_trace_t;


/*
 * One for the client's request: redirects and subrequests have the same.  Made
 * when there is none; in the request's pool.  NULL: out of memory.
 */
ngx_api_trace_t *ngx_api_trace(ngx_http_request_t *r);

/*
 * "TRACEPARENT REQUEST-ID" with a NUL: the trace is the client's, if its
 * traceparent is valid, else one made here; the span is made here.  NULL: out
 * of memory.
 */
const char *ngx_api_trace_text(ngx_http_request_t *r);


/* adds what went by since then (ngx_api_clock()) to one of the times */
void ngx_api_timing_since(ngx_http_request_t *r, ngx_api_timing_e which,
    uint64_t since);

/* the same, of a duration in ns */
void ngx_api_timing_add(ngx_api_trace_t *trace, ngx_api_timing_e which,
    uint64_t ns);

/* the times of this request are for the log alone: they would tell the client
 * what its answer does not */
void ngx_api_timing_hide(ngx_http_request_t *r);


#endif /* _NGX_API_TRACE_H_INCLUDED_ */
