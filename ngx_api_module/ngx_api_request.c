
/*
 * The request: its body, its identity, its conditions.
 */


#include "ngx_api_module.h"


static ngx_int_t ngx_api_media_type(ngx_http_request_t *r);
static ngx_uint_t ngx_api_encoded(ngx_http_request_t *r);
static ngx_uint_t ngx_api_media_type_is(const ngx_str_t *value,
    const char *type, size_t len);
static ngx_int_t ngx_api_body_wait(ngx_http_request_t *r);
static void ngx_api_body_late(ngx_event_t *ev);
static void ngx_api_body_waited(void *data);
static void ngx_api_body_handler(ngx_http_request_t *r);
static ngx_int_t ngx_api_body_read(ngx_http_request_t *r, ngx_str_t *body);
static ngx_int_t ngx_api_body_parse(ngx_http_request_t *r, ngx_str_t *body,
    json_t **json);
static ngx_int_t ngx_api_body_check(ngx_http_request_t *r, json_t *json);
static ngx_int_t ngx_api_malformed(ngx_http_request_t *r,
    const json_error_t *error);
static void ngx_api_body_cleanup(void *data);


static const ngx_api_problem_t  ngx_api_unsupported_encoding = {
    415, ngx_string("unsupported_content_encoding"),
    ngx_string("Unsupported content encoding"),
    ngx_string("Send the body without Content-Encoding."), 0
};


const ngx_api_identity_t *
ngx_api_identity(ngx_http_request_t *r)
{
    ngx_api_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_api_module);

    return ctx ? ctx->identity : NULL;
}


ngx_uint_t
ngx_api_identity_valid(ngx_http_request_t *r)
{
    const ngx_api_identity_t  *identity;

    identity = ngx_api_identity(r);

    return identity->valid(r, identity);
}


ngx_int_t
ngx_api_identity_set(ngx_http_request_t *r, const ngx_api_identity_t *identity)
{
    ngx_api_ctx_t  *ctx;

    ctx = ngx_api_ctx(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    ctx->identity = identity;

    return NGX_OK;
}


const char *
ngx_api_path_id(ngx_http_request_t *r, ngx_uint_t n)
{
    ngx_api_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_api_module);

    return ctx->ids[n];
}


const ngx_api_value_t *
ngx_api_body(ngx_http_request_t *r)
{
    ngx_api_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_api_module);

    return ctx->body;
}


const ngx_api_value_t *
ngx_api_args(ngx_http_request_t *r)
{
    ngx_api_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_api_module);

    return ctx->args;
}


const ngx_str_t *
ngx_api_secret(ngx_http_request_t *r)
{
    ngx_api_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(r, ngx_api_module);

    return &amcf->secret;
}


const char *
ngx_api_cstr(ngx_http_request_t *r, const void *text, size_t len)
{
    u_char  *p;

    p = ngx_pnalloc(r->pool, len + 1);
    if (p == NULL) {
        return NULL;
    }

    *ngx_cpymem(p, text, len) = '\0';

    return (char *) p;
}


ngx_table_elt_t *
ngx_api_header_find(ngx_http_request_t *r, const char *name, size_t len,
    ngx_uint_t *n)
{
    ngx_uint_t        i, found;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h, *first;

    first = NULL;
    found = 0;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len == len
                && ngx_strncasecmp(h[i].key.data, (u_char *) name, len) == 0)
            {
                if (found++ == 0) {
                    first = &h[i];
                }
            }
        }
    }

    if (n) {
        *n = found;
    }

    return first;
}


ngx_int_t
ngx_api_if_match(ngx_http_request_t *r, const char **versions,
    ngx_uint_t *present)
{
    ngx_table_elt_t  *h;

    h = r->headers_in.if_match;
    *present = (h != NULL);

    if (h == NULL) {
        *versions = NULL;
        return NGX_OK;
    }

    return ngx_api_header_versions(r->pool, &h->value, versions);
}


ngx_int_t
ngx_api_request_body(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    rc = ngx_api_media_type(r);

    if (rc != NGX_OK) {
        return rc;
    }

    r->request_body_in_single_buf = 1;

    rc = ngx_http_read_client_request_body(r, ngx_api_body_handler);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    if (rc == NGX_AGAIN && ngx_api_body_wait(r) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
    }

    return NGX_DONE;
}


/* client_body_timeout begins anew with each byte: all of them have a time, too,
 * lest a byte now and then keeps the connection for days */

static ngx_int_t
ngx_api_body_wait(ngx_http_request_t *r)
{
    ngx_event_t         *ev;
    ngx_api_ctx_t       *ctx;
    ngx_pool_cleanup_t  *cln;
    ngx_api_loc_conf_t  *alcf;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_event_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    ev = cln->data;
    ngx_memzero(ev, sizeof(ngx_event_t));

    ev->handler = ngx_api_body_late;
    ev->data = r->connection;
    ev->log = r->connection->log;

    cln->handler = ngx_api_body_waited;

    alcf = ngx_http_get_module_loc_conf(r, ngx_api_module);
    ngx_add_timer(ev, alcf->body_timeout);

    ctx = ngx_http_get_module_ctx(r, ngx_api_module);
    ctx->body_timer = ev;

    return NGX_OK;
}


static void
ngx_api_body_late(ngx_event_t *ev)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    c = ev->data;
    r = c->data;

    if (r->header_sent) {
        /* nginx has refused it, and lingers: lingering_time is what counts */
        return;
    }

    ngx_http_set_log_request(c->log, r);

    ngx_log_error(NGX_LOG_INFO, c->log, NGX_ETIMEDOUT,
                  "client did not send its body in time");

    c->timedout = 1;

    ngx_http_finalize_request(r, NGX_HTTP_REQUEST_TIME_OUT);
    ngx_http_run_posted_requests(c);
}


static void
ngx_api_body_waited(void *data)
{
    ngx_event_t *ev = data;

    if (ev->timer_set) {
        ngx_del_timer(ev);
    }
}


/* a refusal says what is taken instead (RFC 9110, 15.5.16) */

static ngx_int_t
ngx_api_media_type(ngx_http_request_t *r)
{
    ngx_table_elt_t  *h;

    static const ngx_str_t  json = ngx_string("application/json");
    static const ngx_str_t  patch =
        ngx_string("application/json, application/merge-patch+json");
    static const ngx_str_t  identity = ngx_string("identity");

    if (ngx_api_encoded(r)) {

        if (ngx_api_header_add(r, "Accept-Encoding", &identity) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return ngx_api_problem(r, &ngx_api_unsupported_encoding, NULL);
    }

    h = r->headers_in.content_type;

    if (h
        && (ngx_api_media_type_is(&h->value, "application/json",
                                  sizeof("application/json") - 1)
            || (r->method == NGX_HTTP_PATCH
                && ngx_api_media_type_is(&h->value,
                                     "application/merge-patch+json",
                                     sizeof("application/merge-patch+json")
                                     - 1))))
    {
        return NGX_OK;
    }

    if (ngx_api_header_add(r, "Accept",
                           r->method == NGX_HTTP_PATCH ? &patch : &json)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_api_problem(r, &ngx_api_unsupported_media_type, NULL);
}


/* whether any line of Content-Encoding names more than "identity" */

static ngx_uint_t
ngx_api_encoded(ngx_http_request_t *r)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].key.len != sizeof("content-encoding") - 1
                || ngx_strncasecmp(h[i].key.data,
                                   (u_char *) "content-encoding",
                                   h[i].key.len)
                   != 0)
            {
                continue;
            }

            if (h[i].value.len != sizeof("identity") - 1
                || ngx_strncasecmp(h[i].value.data, (u_char *) "identity",
                                   h[i].value.len)
                   != 0)
            {
                return 1;
            }
        }
    }

    return 0;
}


/* the type, and nothing after it but its parameters */

static ngx_uint_t
ngx_api_media_type_is(const ngx_str_t *value, const char *type, size_t len)
{
    u_char  *p, *last;

    if (value->len < len
        || ngx_strncasecmp(value->data, (u_char *) type, len) != 0)
    {
        return 0;
    }

    p = value->data + len;
    last = value->data + value->len;

    while (p < last && (*p == ' ' || *p == '\t')) {
        p++;
    }

    return p == last || *p == ';';
}


static void
ngx_api_body_handler(ngx_http_request_t *r)
{
    json_t         *json;
    ngx_int_t       rc;
    ngx_api_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_api_module);

    if (ctx->body_timer) {
        ngx_api_body_waited(ctx->body_timer);
    }

    rc = ngx_api_body_read(r, &ctx->body_text);

    if (rc == NGX_OK) {
        rc = ngx_api_body_parse(r, &ctx->body_text, &json);
    }

    if (rc == NGX_OK) {
        rc = ngx_api_body_check(r, json);
    }

    if (rc != NGX_OK) {
        ngx_api_finish(r, rc);
        return;
    }

    ngx_api_run(r);
}


/* the body in one piece: where it lies already, or gathered */

static ngx_int_t
ngx_api_body_read(ngx_http_request_t *r, ngx_str_t *body)
{
    off_t         size;
    size_t        len;
    ssize_t       n;
    u_char       *p;
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    ngx_str_set(body, "");

    if (r->request_body == NULL || r->request_body->bufs == NULL) {
        return NGX_OK;
    }

    cl = r->request_body->bufs;

    if (cl->next == NULL && !cl->buf->in_file && cl->buf->pos) {
        body->data = cl->buf->pos;
        body->len = cl->buf->last - cl->buf->pos;
        return NGX_OK;
    }

    for (size = 0; cl; cl = cl->next) {
        size += ngx_buf_size(cl->buf);
    }

    p = ngx_pnalloc(r->pool, (size_t) size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    body->data = p;

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        b = cl->buf;
        len = (size_t) ngx_buf_size(b);

        if (!b->in_file) {
            if (b->pos) {

                /* the one that marks the end points nowhere */

                p = ngx_cpymem(p, b->pos, len);
            }

            continue;
        }

        while (len) {
            n = ngx_read_file(b->file, p, len,
                              b->file_last - (off_t) len);
            if (n <= 0) {
                return NGX_ERROR;
            }

            p += n;
            len -= n;
        }
    }

    body->len = p - body->data;

    return NGX_OK;
}


static ngx_int_t
ngx_api_body_parse(ngx_http_request_t *r, ngx_str_t *body, json_t **json)
{
    ngx_str_t            detail;
    json_error_t         error;
    ngx_pool_cleanup_t  *cln;

    *json = NULL;

    if (ngx_api_body_too_deep(body)) {
        ngx_str_set(&detail, "The JSON is nested deeper than 16 levels.");
        return ngx_api_problem_detail(r, &ngx_api_malformed_json, &detail);
    }

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    *json = ngx_api_body_json_load(body, &error);

    if (*json == NULL) {
        return ngx_api_malformed(r, &error);
    }

    cln->handler = ngx_api_body_cleanup;
    cln->data = *json;

    return NGX_OK;
}


static ngx_int_t
ngx_api_malformed(ngx_http_request_t *r, const json_error_t *error)
{
    u_char      *p;
    ngx_str_t    detail;
    const char  *what;

    what = ngx_api_body_fault(error);
    if (what == NULL) {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(r->pool, 128);
    if (p == NULL) {
        return NGX_ERROR;
    }

    detail.data = p;
    detail.len = ngx_snprintf(p, 128, "Line %d, column %d: %s.", error->line,
                              error->column, what)
                 - p;

    return ngx_api_problem_detail(r, &ngx_api_malformed_json, &detail);
}


static ngx_int_t
ngx_api_body_check(ngx_http_request_t *r, json_t *json)
{
    ngx_uint_t              n;
    ngx_array_t            *faults;
    ngx_api_ctx_t          *ctx;
    ngx_api_value_t        *values;
    const ngx_api_field_t  *fields;

    ctx = ngx_http_get_module_ctx(r, ngx_api_module);

    fields = ctx->route->body;

    for (n = 0; fields[n].name.len; n++) { /* void */ }

    values = ngx_pcalloc(r->pool, n * sizeof(ngx_api_value_t));
    faults = ngx_array_create(r->pool, 4, sizeof(ngx_api_fault_t));

    if (values == NULL || faults == NULL
        || ngx_api_schema_check(r->pool, fields, json,
                                ctx->route->flags & NGX_API_ROUTE_PARTIAL,
                                values, faults)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (faults->nelts) {
        return ngx_api_problem(r, &ngx_api_validation_failed, faults);
    }

    ctx->body = values;

    return NGX_OK;
}


static void
ngx_api_body_cleanup(void *data)
{
    json_decref(data);
}
