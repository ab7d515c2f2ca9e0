
/*
 * Errors as application/problem+json (RFC 9457).
 *
 * A header filter replaces the answer of an error, ours or nginx's own, and a
 * body filter sends the text instead of what comes down the chain.  So there
 * is one place that writes problems, whoever found them and in whatever phase.
 */


#include "ngx_api_module.h"


static ngx_int_t ngx_api_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_api_body_filter(ngx_http_request_t *r, ngx_chain_t *in);
static ngx_int_t ngx_api_problem_headers(ngx_http_request_t *r,
    ngx_api_ctx_t *ctx);
static const ngx_api_problem_t *ngx_api_problem_of_nginx(
    ngx_http_request_t *r);
static ngx_int_t ngx_api_problem_render(ngx_http_request_t *r,
    ngx_api_ctx_t *ctx);
static void ngx_api_problem_faults(ngx_api_json_t *j, ngx_api_ctx_t *ctx);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


const ngx_api_problem_t  ngx_api_not_found = {
    404, ngx_string("not_found"), ngx_string("Not found"),
    ngx_string("There is no such thing here, or you may not see it."), 0
};

const ngx_api_problem_t  ngx_api_forbidden = {
    403, ngx_string("forbidden"), ngx_string("Forbidden"),
    ngx_string("You may see this, but not do that with it."), 0
};

const ngx_api_problem_t  ngx_api_token_missing = {
    401, ngx_string("token_missing"), ngx_string("Access token missing"),
    ngx_string("Send an access token: \"Authorization: Bearer <token>\"."), 0
};

const ngx_api_problem_t  ngx_api_malformed_json = {
    400, ngx_string("malformed_json"), ngx_string("Malformed JSON"),
    ngx_string("The body is not a JSON document."), 0
};

const ngx_api_problem_t  ngx_api_unsupported_media_type = {
    415, ngx_string("unsupported_media_type"),
    ngx_string("Unsupported media type"),
    ngx_string("Send the body with \"Content-Type: application/json\"."), 0
};

const ngx_api_problem_t  ngx_api_invalid_parameter = {
    400, ngx_string("invalid_parameter"), ngx_string("Invalid parameter"),
    ngx_string("The list \"errors\" names each query parameter at fault."), 0
};

const ngx_api_problem_t  ngx_api_validation_failed = {
    422, ngx_string("validation_failed"), ngx_string("Validation failed"),
    ngx_string("The list \"errors\" points to each field at fault."), 0
};

const ngx_api_problem_t  ngx_api_version_mismatch = {
    412, ngx_string("version_mismatch"), ngx_string("Version mismatch"),
    ngx_string("It was changed since: read it again, then repeat with its new "
               "ETag."), 0
};

const ngx_api_problem_t  ngx_api_precondition_required = {
    428, ngx_string("precondition_required"),
    ngx_string("Precondition required"),
    ngx_string("Send If-Match with the ETag of the version you changed."), 0
};

const ngx_api_problem_t  ngx_api_database_unavailable = {
    503, ngx_string("database_unavailable"), ngx_string("Database unavailable"),
    ngx_string("Try again in a moment."), 1
};

const ngx_api_problem_t  ngx_api_database_timeout = {
    504, ngx_string("database_timeout"), ngx_string("Database timeout"),
    ngx_string("The database did not answer in time; a write may or may not "
               "have happened."), 0
};

const ngx_api_problem_t  ngx_api_internal_error = {
    500, ngx_string("internal_error"), ngx_string("Internal error"),
    ngx_string("It is not your fault; the request id helps to find out why."),
    0
};


/* the errors that nginx makes itself, by status; the last is for the rest */

static const ngx_api_problem_t  ngx_api_nginx_problems[] = {

    { 400, ngx_string("bad_request"), ngx_string("Bad request"),
      ngx_string("This is not a well-formed HTTP request."), 0 },

    { 401, ngx_string("unauthorized"), ngx_string("Unauthorized"),
      ngx_null_string, 0 },

    { 403, ngx_string("forbidden"), ngx_string("Forbidden"),
      ngx_null_string, 0 },

    { 404, ngx_string("not_found"), ngx_string("Not found"),
      ngx_string("There is no such thing here, or you may not see it."), 0 },

    { 405, ngx_string("method_not_allowed"), ngx_string("Method not allowed"),
      ngx_null_string, 0 },

    { 408, ngx_string("request_timeout"), ngx_string("Request timeout"),
      ngx_string("The request did not arrive in time."), 0 },

    { 411, ngx_string("length_required"), ngx_string("Length required"),
      ngx_null_string, 0 },

    { 412, ngx_string("precondition_failed"),
      ngx_string("Precondition failed"), ngx_null_string, 0 },

    { 413, ngx_string("payload_too_large"), ngx_string("Payload too large"),
      ngx_string("The body is larger than this server accepts."), 0 },

    { 414, ngx_string("uri_too_long"), ngx_string("URI too long"),
      ngx_string("The URI is longer than this server accepts."), 0 },

    { 415, ngx_string("unsupported_media_type"),
      ngx_string("Unsupported media type"), ngx_null_string, 0 },

    { 429, ngx_string("rate_limited"), ngx_string("Too many requests"),
      ngx_string("Slow down, then try again."), 1 },

    { 431, ngx_string("header_fields_too_large"),
      ngx_string("Request header fields too large"),
      ngx_string("A header line, or all together, are longer than this server "
                 "accepts."), 0 },

    { 500, ngx_string("internal_error"), ngx_string("Internal error"),
      ngx_string("It is not your fault; the request id helps to find out "
                 "why."), 0 },

    { 501, ngx_string("not_implemented"), ngx_string("Not implemented"),
      ngx_null_string, 0 },

    { 502, ngx_string("bad_gateway"), ngx_string("Bad gateway"),
      ngx_string("The server behind this one did not answer rightly."), 0 },

    { 503, ngx_string("service_unavailable"),
      ngx_string("Service unavailable"),
      ngx_string("Try again in a moment."), 1 },

    { 504, ngx_string("gateway_timeout"), ngx_string("Gateway timeout"),
      ngx_string("The server behind this one did not answer in time."), 0 },

    { 0, ngx_string("http_error"), ngx_string("HTTP error"),
      ngx_null_string, 0 }
};


ngx_int_t
ngx_api_problem(ngx_http_request_t *r, const ngx_api_problem_t *problem,
    const ngx_array_t *faults)
{
    ngx_api_ctx_t       *ctx;
    ngx_api_loc_conf_t  *alcf;

    ctx = ngx_api_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->problem = problem;
    ctx->faults = faults;
    ctx->detail = problem->detail;

    alcf = ngx_http_get_module_loc_conf(r, ngx_api_module);

    if (alcf->errors) {

        /* an error_page of the operator's is for nginx's own errors: here this
         * answer is complete */

        r->error_page = 1;
    }

    return problem->status;
}


ngx_int_t
ngx_api_problem_detail(ngx_http_request_t *r, const ngx_api_problem_t *problem,
    const ngx_str_t *detail)
{
    ngx_int_t       rc;
    ngx_api_ctx_t  *ctx;

    rc = ngx_api_problem(r, problem, NULL);

    ctx = ngx_http_get_module_ctx(r, ngx_api_module);

    if (ctx) {
        ctx->detail = *detail;
    }

    return rc;
}


ngx_int_t
ngx_api_problem_filter_init(ngx_conf_t *cf)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_api_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_api_body_filter;

    return NGX_OK;
}


static ngx_int_t
ngx_api_header_filter(ngx_http_request_t *r)
{
    ngx_api_ctx_t        *ctx;
    const ngx_str_t      *id;
    ngx_api_loc_conf_t   *alcf;

    static const ngx_str_t  nosniff = ngx_string("nosniff");

    if (ngx_api_leaving()) {
        r->keepalive = 0;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_api_module);

    if (r != r->main || (ctx == NULL && r->err_status == 0)) {
        return ngx_http_next_header_filter(r);
    }

    if (r->err_status >= NGX_HTTP_BAD_REQUEST) {

        alcf = ngx_http_get_module_loc_conf(r, ngx_api_module);

        if (alcf->errors || (ctx && ctx->problem)) {

            ctx = ngx_api_ctx(r);

            if (ctx == NULL || ngx_api_problem_headers(r, ctx) != NGX_OK) {
                return NGX_ERROR;
            }
        }
    }

    if (ctx && (ctx->answered || ctx->problem)) {

        id = ngx_api_request_id(r);

        if (id == NULL
            || ngx_api_header_add(r, "X-Request-ID", id) != NGX_OK
            || ngx_api_header_add(r, "X-Content-Type-Options", &nosniff)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return ngx_http_next_header_filter(r);
}


/* an answer that failed half-way has said things that are of no problem */

static void
ngx_api_problem_forget(ngx_http_request_t *r)
{
    ngx_uint_t        i, n;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    static const char *const  names[] = {
        "Location", "Link", "Cache-Control", "Idempotent-Replayed"
    };

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            for (n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
                if (ngx_strcmp(h[i].key.data, names[n]) == 0) {
                    h[i].hash = 0;
                }
            }
        }
    }
}


static ngx_int_t
ngx_api_problem_headers(ngx_http_request_t *r, ngx_api_ctx_t *ctx)
{
    u_char     *p;
    ngx_str_t   value;

    static const ngx_str_t  cache = ngx_string("private, no-cache");
    static const ngx_str_t  bearer = ngx_string("Bearer realm=\"skep\"");

    /* a problem noted by a handler, unless nginx went on to another one */

    if (ctx->problem == NULL || ctx->problem->status != r->err_status) {
        ctx->problem = ngx_api_problem_of_nginx(r);
        ctx->detail = ctx->problem->detail;
        ctx->faults = NULL;
    }

    if (ngx_api_problem_render(r, ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ctx->problem->status == 431) {
        r->headers_out.status = 431;
        ngx_str_set(&r->headers_out.status_line,
                    "431 Request Header Fields Too Large");

    } else if (ctx->problem->status == 422 || ctx->problem->status == 428) {

        /* nginx has no words for these */

        value.data = ngx_pnalloc(r->pool, 4 + ctx->problem->title.len);
        if (value.data == NULL) {
            return NGX_ERROR;
        }

        p = ngx_sprintf(value.data, "%ui ", ctx->problem->status);
        p = ngx_cpymem(p, ctx->problem->title.data, ctx->problem->title.len);
        value.len = p - value.data;

        r->headers_out.status_line = value;
    }

    ngx_str_set(&r->headers_out.content_type, "application/problem+json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;
    ngx_str_null(&r->headers_out.charset);

    ngx_api_problem_forget(r);

    /* that answer may have had no body */
    r->header_only = 0;

    if (ngx_api_header_add(r, "Cache-Control", &cache) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ctx->problem == &ngx_api_token_missing
        && r->headers_out.www_authenticate == NULL
        && ngx_api_header_add(r, "WWW-Authenticate", &bearer) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ctx->problem->retry_after) {

        value.data = ngx_pnalloc(r->pool, NGX_TIME_T_LEN);
        if (value.data == NULL) {
            return NGX_ERROR;
        }

        value.len = ngx_sprintf(value.data, "%T", ctx->problem->retry_after)
                    - value.data;

        if (ngx_api_header_add(r, "Retry-After", &value) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static const ngx_api_problem_t *
ngx_api_problem_of_nginx(ngx_http_request_t *r)
{
    ngx_uint_t                i, status;
    ngx_http_core_srv_conf_t *cscf;

    status = r->err_status;

    if (status == NGX_HTTP_BAD_REQUEST
        && r->http_version < NGX_HTTP_VERSION_20
        && r->header_in && r->uri.len
        && r->header_in->pos == r->header_in->end)
    {
        /* nginx answers 400 for header fields that do not fit its buffers; what
         * tells them is the full buffer */

        cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);

        if ((size_t) (r->header_in->end - r->header_in->start)
            >= cscf->large_client_header_buffers.size)
        {
            status = 431;
        }
    }

    for (i = 0; ngx_api_nginx_problems[i].status; i++) {
        if (ngx_api_nginx_problems[i].status == status) {
            break;
        }
    }

    return &ngx_api_nginx_problems[i];
}


static ngx_int_t
ngx_api_problem_render(ngx_http_request_t *r, ngx_api_ctx_t *ctx)
{
    ngx_api_json_t            j;
    const ngx_str_t          *id;
    const ngx_api_problem_t  *problem;

    problem = ctx->problem;

    id = ngx_api_request_id(r);
    if (id == NULL) {
        return NGX_ERROR;
    }

    ngx_api_json_init(&j, r->pool, 512);

    ngx_api_json_literal(&j, "{\"type\":\"urn:skep:problem:");
    ngx_api_json_raw(&j, problem->code.data, problem->code.len);
    ngx_api_json_literal(&j, "\",\"title\":");
    ngx_api_json_string(&j, problem->title.data, problem->title.len);
    ngx_api_json_literal(&j, ",\"status\":");
    ngx_api_json_integer(&j, problem->status ? (int64_t) problem->status
                                             : (int64_t) r->err_status);

    if (ctx->detail.len) {
        ngx_api_json_literal(&j, ",\"detail\":");
        ngx_api_json_string(&j, ctx->detail.data, ctx->detail.len);
    }

    ngx_api_json_literal(&j, ",\"code\":");
    ngx_api_json_string(&j, problem->code.data, problem->code.len);
    ngx_api_json_literal(&j, ",\"request_id\":");
    ngx_api_json_string(&j, id->data, id->len);

    if (ctx->faults && ctx->faults->nelts) {
        ngx_api_problem_faults(&j, ctx);
    }

    ngx_api_json_literal(&j, "}");

    ctx->problem_body = ngx_api_json_close(&j, 1);
    if (ctx->problem_body == NULL) {
        return NGX_ERROR;
    }

    ngx_http_clear_content_length(r);
    r->headers_out.content_length_n = j.size;

    return NGX_OK;
}


static void
ngx_api_problem_faults(ngx_api_json_t *j, ngx_api_ctx_t *ctx)
{
    ngx_uint_t        i;
    ngx_api_fault_t  *fault;

    ngx_api_json_literal(j, ",\"errors\":[");

    fault = ctx->faults->elts;

    for (i = 0; i < ctx->faults->nelts; i++) {

        if (i) {
            ngx_api_json_literal(j, ",");
        }

        if (ctx->problem->status == NGX_HTTP_BAD_REQUEST) {
            ngx_api_json_literal(j, "{\"parameter\":");

        } else {
            ngx_api_json_literal(j, "{\"pointer\":");
        }

        ngx_api_json_string(j, fault[i].where.data, fault[i].where.len);
        ngx_api_json_literal(j, ",\"code\":");
        ngx_api_json_string(j, fault[i].code, ngx_strlen(fault[i].code));
        ngx_api_json_literal(j, ",\"detail\":");
        ngx_api_json_string(j, fault[i].detail.data, fault[i].detail.len);
        ngx_api_json_literal(j, "}");
    }

    ngx_api_json_literal(j, "]");
}


static ngx_int_t
ngx_api_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_chain_t    *cl;
    ngx_api_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_api_module);

    if (ctx == NULL || ctx->problem_body == NULL || in == NULL) {
        return ngx_http_next_body_filter(r, in);
    }

    /* what nginx would have sent counts as sent */

    for (cl = in; cl; cl = cl->next) {
        cl->buf->pos = cl->buf->last;
        cl->buf->file_pos = cl->buf->file_last;
    }

    if (ctx->problem_sent) {
        return NGX_OK;
    }

    ctx->problem_sent = 1;

    return ngx_http_next_body_filter(r, ctx->problem_body);
}
