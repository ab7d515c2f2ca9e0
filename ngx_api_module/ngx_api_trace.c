
/*
 * The id of a request and its place in a trace: taken from the client or made,
 * for variables, events and every line of the error log.
 */


#include "ngx_api_module.h"


static void ngx_api_trace_cleanup(void *data);
static ngx_int_t ngx_api_trace_id(ngx_http_request_t *r,
    ngx_api_trace_t *trace);

static ngx_int_t ngx_api_trace_handler(ngx_http_request_t *r);
static u_char *ngx_api_log_handler(ngx_http_request_t *r,
    ngx_http_request_t *sr, u_char *buf, size_t len);
static u_char *ngx_api_log_bare(ngx_http_request_t *r, ngx_http_request_t *sr,
    u_char *buf, u_char *last);

static ngx_int_t ngx_api_variable_request_id(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_api_variable_trace(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_api_variable_uri(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


/* where a value is in a traceparent */
typedef struct {
    size_t    at;
    size_t    len;
} ngx_api_trace_part_t;


static const ngx_api_trace_part_t  ngx_api_trace_whole = {
    0, NGX_API_TRACEPARENT_LEN
};

static const ngx_api_trace_part_t  ngx_api_trace_trace_id = {
    NGX_API_TRACE_ID_AT, NGX_API_TRACE_ID_LEN
};


static const ngx_http_variable_t  ngx_api_trace_variables[] = {

    { ngx_string("api_request_id"), NULL, ngx_api_variable_request_id, 0,
      0, 0 },

    { ngx_string("api_traceparent"), NULL, ngx_api_variable_trace,
      (uintptr_t) &ngx_api_trace_whole, 0, 0 },

    { ngx_string("api_trace_id"), NULL, ngx_api_variable_trace,
      (uintptr_t) &ngx_api_trace_trace_id, 0, 0 },

    { ngx_string("api_uri"), NULL, ngx_api_variable_uri, 0, 0, 0 },

      ngx_http_null_variable
};


/* what nginx itself adds to a line of the log, for each request the same */
static ngx_http_log_handler_pt  ngx_api_log_next;


ngx_api_trace_t *
ngx_api_trace(ngx_http_request_t *r)
{
    ngx_api_ctx_t       *ctx;
    ngx_api_trace_t     *trace;
    ngx_pool_cleanup_t  *cln;

    ctx = ngx_api_ctx(r);

    if (ctx == NULL || ctx->trace) {
        return ctx ? ctx->trace : NULL;
    }

    /* a redirect takes the contexts away and a subrequest has its own, but
     * they have one pool */

    for (cln = r->pool->cleanup; cln; cln = cln->next) {
        if (cln->handler == ngx_api_trace_cleanup) {
            ctx->trace = cln->data;
            return ctx->trace;
        }
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_api_trace_t));
    if (cln == NULL) {
        return NULL;
    }

    trace = cln->data;
    ngx_memzero(trace, sizeof(ngx_api_trace_t));

    if (ngx_api_trace_id(r, trace) != NGX_OK) {
        return NULL;
    }

    cln->handler = ngx_api_trace_cleanup;
    ctx->trace = trace;

    return trace;
}


/* it is there to be found by */

static void
ngx_api_trace_cleanup(void *data)
{
    (void) data;
}


static ngx_int_t
ngx_api_trace_id(ngx_http_request_t *r, ngx_api_trace_t *trace)
{
    u_char           *p, uuid[16];
    ngx_time_t       *tp;
    ngx_table_elt_t  *h;

    p = &trace->text[NGX_API_TRACEPARENT_LEN];
    *p++ = ' ';

    trace->request_id.data = p;

    h = ngx_api_header_find(r, "x-request-id", sizeof("x-request-id") - 1,
                            NULL);

    if (h && ngx_api_header_id(&h->value)) {
        p = ngx_cpymem(p, h->value.data, h->value.len);

    } else {
        tp = ngx_timeofday();

        if (ngx_api_uuid_v7(uuid, (uint64_t) tp->sec * 1000 + tp->msec)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        p = ngx_api_uuid_format(p, uuid);
    }

    *p = '\0';
    trace->request_id.len = p - trace->request_id.data;

    return NGX_OK;
}


const ngx_str_t *
ngx_api_request_id(ngx_http_request_t *r)
{
    ngx_api_trace_t  *trace;

    trace = ngx_api_trace(r);

    return trace ? &trace->request_id : NULL;
}


const char *
ngx_api_trace_text(ngx_http_request_t *r)
{
    u_char           *parent;
    ngx_uint_t        n;
    ngx_api_trace_t  *trace;
    ngx_table_elt_t  *h;

    trace = ngx_api_trace(r);

    if (trace == NULL || trace->traced) {
        return trace ? (char *) trace->text : NULL;
    }

    /* of several none is to be believed */

    h = ngx_api_header_find(r, "traceparent", sizeof("traceparent") - 1, &n);

    parent = (n == 1 && ngx_api_traceparent_valid(h->value.data, h->value.len))
             ? h->value.data : NULL;

    if (ngx_api_traceparent_make(trace->text, parent) != NGX_OK) {
        return NULL;
    }

    trace->traced = 1;

    return (char *) trace->text;
}


ngx_int_t
ngx_api_trace_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_POST_READ_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_api_trace_handler;

    return NGX_OK;
}


ngx_int_t
ngx_api_trace_add_variables(ngx_conf_t *cf)
{
    return ngx_api_variables_add(cf, ngx_api_trace_variables);
}


/* the first of all handlers: what is logged from here on has the id */

static ngx_int_t
ngx_api_trace_handler(ngx_http_request_t *r)
{
    if (r->log_handler != ngx_api_log_handler) {
        ngx_api_log_next = r->log_handler;
        r->log_handler = ngx_api_log_handler;
    }

    return NGX_DECLINED;
}


/*
 * The end of a line of the error log.  The id comes first: a long URI may be
 * cut.  Where there is an API, what may hold a secret is left out: the query
 * and the page that the client came from.
 */

static u_char *
ngx_api_log_handler(ngx_http_request_t *r, ngx_http_request_t *sr, u_char *buf,
    size_t len)
{
    u_char              *last;
    ngx_api_trace_t     *trace;
    ngx_api_loc_conf_t  *alcf;

    static ngx_uint_t    busy;

    last = buf + len;

    /* to make an id may fail and log that */

    if (!busy && r->pool) {
        busy = 1;
        trace = ngx_api_trace(r);
        busy = 0;

        if (trace) {
            buf = ngx_slprintf(buf, last, ", request_id: \"%V\"",
                               &trace->request_id);
        }
    }

    alcf = ngx_http_get_module_loc_conf(r, ngx_api_module);

    if (alcf->errors) {
        return ngx_api_log_bare(r, sr, buf, last);
    }

    return ngx_api_log_next(r, sr, buf, last - buf);
}


/* the same as nginx says, less secrets */

static u_char *
ngx_api_log_bare(ngx_http_request_t *r, ngx_http_request_t *sr, u_char *buf,
    u_char *last)
{
    ngx_str_t                  path;
    ngx_http_upstream_t       *u;
    ngx_http_core_srv_conf_t  *cscf;

    cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);

    buf = ngx_slprintf(buf, last, ", server: %V", &cscf->server_name);

    if (r->unparsed_uri.data) {
        ngx_api_path(&r->unparsed_uri, &path);
        buf = ngx_slprintf(buf, last, ", request: \"%V %V %V\"",
                           &r->method_name, &path, &r->http_protocol);
    }

    if (r != sr) {
        buf = ngx_slprintf(buf, last, ", subrequest: \"%V\"", &sr->uri);
    }

    u = sr->upstream;

    if (u && u->peer.name) {
        ngx_api_path(&u->uri, &path);
        buf = ngx_slprintf(buf, last, ", upstream: \"%V%V%s%V\"", &u->schema,
                           u->peer.name,
                           u->peer.sockaddr
                           && u->peer.sockaddr->sa_family == AF_UNIX
                           ? ":" : "",
                           &path);
    }

    if (r->headers_in.host) {
        buf = ngx_slprintf(buf, last, ", host: \"%V\"",
                           &r->headers_in.host->value);
    }

    return buf;
}


void
ngx_api_path(const ngx_str_t *uri, ngx_str_t *path)
{
    u_char  *end;

    path->data = uri->data;

    end = ngx_strlchr(uri->data, uri->data + uri->len, '?');
    path->len = end ? (size_t) (end - uri->data) : uri->len;
}


static ngx_int_t
ngx_api_variable_request_id(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    return ngx_api_variable_set(v, ngx_api_request_id(r));
}


static ngx_int_t
ngx_api_variable_trace(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    ngx_str_t                    value;
    const char                  *text;
    const ngx_api_trace_part_t  *part;

    part = (const ngx_api_trace_part_t *) data;

    text = ngx_api_trace_text(r);
    if (text == NULL) {
        return NGX_ERROR;
    }

    value.data = (u_char *) text + part->at;
    value.len = part->len;

    return ngx_api_variable_set(v, &value);
}


/* the path as it was asked for; what is not ASCII as %XX, so that a line of a
 * log is UTF-8 whatever a client sends */

static ngx_int_t
ngx_api_variable_uri(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    u_char      c, *p;
    size_t      i, n;
    ngx_str_t   path, value;

    static const u_char  hex[] = "0123456789ABCDEF";

    ngx_api_path(&r->unparsed_uri, &path);

    for (i = 0, n = 0; i < path.len; i++) {
        n += (path.data[i] <= ' ' || path.data[i] >= 0x7f);
    }

    if (n == 0) {
        return ngx_api_variable_set(v, &path);
    }

    p = ngx_pnalloc(r->pool, path.len + 2 * n);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value.data = p;
    value.len = path.len + 2 * n;

    for (i = 0; i < path.len; i++) {
        c = path.data[i];

        if (c > ' ' && c < 0x7f) {
            *p++ = c;
            continue;
        }

        *p++ = '%';
        *p++ = hex[c >> 4];
        *p++ = hex[c & 0xf];
    }

    return ngx_api_variable_set(v, &value);
}
