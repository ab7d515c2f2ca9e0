
/*
 * Answers: a row, nothing; their ETags and conditions.
 */


#include "ngx_api_module.h"


static ngx_int_t ngx_api_row_headers(ngx_http_request_t *r,
    const PGresult *res, const char *location_prefix);
static ngx_int_t ngx_api_replayed(ngx_http_request_t *r,
    const PGresult *res);
static ngx_int_t ngx_api_outcome_faults(ngx_http_request_t *r,
    ngx_str_t *outcome);
static ngx_int_t ngx_api_outcome_fault(ngx_http_request_t *r,
    ngx_array_t *faults, const ngx_str_t *outcome);
static const char *ngx_api_outcome_detail(const char *code);
static ngx_int_t ngx_api_location_set(ngx_http_request_t *r,
    const PGresult *res, const char *prefix);


void
ngx_api_finish(ngx_http_request_t *r, ngx_int_t rc)
{
    static const ngx_str_t  cache = ngx_string("private, no-cache");

    if (rc == NGX_ERROR) {
        rc = NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (rc == NGX_HTTP_NO_CONTENT || rc == NGX_HTTP_NOT_MODIFIED) {

        r->headers_out.status = rc;
        r->header_only = 1;
        r->disable_not_modified = 1;

        rc = ngx_api_header_add(r, "Cache-Control", &cache) == NGX_OK
             ? ngx_http_send_header(r) : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_finalize_request(r, rc);
}


void
ngx_api_send_json(ngx_http_request_t *r, ngx_uint_t status,
    ngx_api_json_t *json, const ngx_str_t *location, ngx_uint_t flags)
{
    ngx_int_t         rc;
    ngx_chain_t      *body;
    const ngx_str_t  *cache;

    static const ngx_str_t  no_cache = ngx_string("private, no-cache");
    static const ngx_str_t  no_store = ngx_string("no-store");
    static const ngx_str_t  public = ngx_string("public, max-age=300");

    cache = (flags & NGX_API_NO_STORE) ? &no_store
            : (flags & NGX_API_PUBLIC) ? &public : &no_cache;

    body = ngx_api_json_close(json, 1);

    if (body == NULL
        || ngx_api_header_add(r, "Cache-Control", cache) != NGX_OK
        || (location
            && ngx_api_header_add(r, "Location", location) != NGX_OK))
    {
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    r->headers_out.status = status;
    r->headers_out.content_length_n = json->size;
    ngx_str_set(&r->headers_out.content_type, "application/json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;

    /* our ETags are compared here, where a version is known */

    r->disable_not_modified = 1;

    rc = ngx_http_send_header(r);

    if (rc == NGX_OK && !r->header_only) {
        rc = ngx_http_output_filter(r, body);

        if (rc == NGX_AGAIN) {
            ngx_api_unsent_add(r, json->size);
        }
    }

    ngx_http_finalize_request(r, rc);
}


void
ngx_api_send_row(ngx_http_request_t *r, ngx_uint_t status, const PGresult *res,
    const char *location_prefix)
{
    ngx_int_t       rc;
    ngx_api_json_t  j;

    rc = ngx_api_row_headers(r, res, location_prefix);

    if (rc != NGX_OK) {
        ngx_api_finish(r, rc);
        return;
    }

    ngx_api_json_init(&j, r->pool, 1024);
    ngx_api_pg_json_row(&j, res, 0);

    ngx_api_send_json(r, status, &j, NULL, 0);
}


void
ngx_api_send_row_secret(ngx_http_request_t *r, ngx_uint_t status,
    const PGresult *res, const char *location_prefix, const char *name,
    const ngx_str_t *secret)
{
    ngx_int_t       rc;
    ngx_api_json_t  j;

    rc = ngx_api_row_headers(r, res, location_prefix);

    if (rc != NGX_OK) {
        ngx_api_finish(r, rc);
        return;
    }

    ngx_api_json_init(&j, r->pool, 1024);

    if (ngx_api_pg_json_open(&j, res, 0)) {
        ngx_api_json_literal(&j, ",");

    } else {
        ngx_api_json_literal(&j, "{");
    }

    ngx_api_json_string(&j, name, ngx_strlen(name));
    ngx_api_json_literal(&j, ":");
    ngx_api_json_string(&j, secret->data, secret->len);
    ngx_api_json_literal(&j, "}");

    ngx_api_send_json(r, status, &j, NULL, NGX_API_NO_STORE);
}


/*
 * What the row says beside its members: the outcome, ETag and If-None-Match,
 * Location.  NGX_OK, or what ngx_api_finish() takes.
 */

static ngx_int_t
ngx_api_row_headers(ngx_http_request_t *r, const PGresult *res,
    const char *location_prefix)
{
    int        column;
    ngx_int_t  rc;

    rc = ngx_api_outcome(r, res);

    if (rc != NGX_OK) {
        return rc;
    }

    column = PQfnumber(res, "version");

    if (column < 0) {
        column = PQfnumber(res, "_version");
    }

    if (column >= 0
        && ngx_api_set_etag(r, ngx_api_pg_integer(res, 0, column)) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (column >= 0
        && (r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))
        && r->headers_in.if_none_match
        && ngx_api_header_matches(&r->headers_in.if_none_match->value,
                                  &r->headers_out.etag->value))
    {
        return NGX_HTTP_NOT_MODIFIED;
    }

    if (location_prefix) {
        return ngx_api_location_set(r, res, location_prefix);
    }

    return NGX_OK;
}


void
ngx_api_send_done(ngx_http_request_t *r, const PGresult *res)
{
    ngx_int_t  rc;

    rc = ngx_api_outcome(r, res);

    ngx_api_finish(r, rc == NGX_OK ? NGX_HTTP_NO_CONTENT : rc);
}


/* NGX_OK, or what ngx_api_problem() returned */

ngx_int_t
ngx_api_outcome(ngx_http_request_t *r, const PGresult *res)
{
    int         column;
    ngx_str_t   outcome;
    ngx_uint_t  i;

    static const ngx_api_problem_t  *problems[] = {
        &ngx_api_not_found,
        &ngx_api_forbidden,
        &ngx_api_version_mismatch,
        &ngx_api_idempotency_key_in_use,
        &ngx_api_idempotency_key_reused
    };

    if (PQntuples(res) == 0) {
        return ngx_api_problem(r, &ngx_api_not_found, NULL);
    }

    column = PQfnumber(res, "_outcome");

    if (column < 0) {
        return NGX_OK;
    }

    outcome = ngx_api_pg_text(res, 0, column);

    if (outcome.len == 2 && ngx_strncmp(outcome.data, "ok", 2) == 0) {
        return ngx_api_replayed(r, res);
    }

    if (outcome.len && outcome.data[0] == '/') {
        return ngx_api_outcome_faults(r, &outcome);
    }

    for (i = 0; i < sizeof(problems) / sizeof(problems[0]); i++) {
        if (problems[i]->code.len == outcome.len
            && ngx_strncmp(problems[i]->code.data, outcome.data, outcome.len)
               == 0)
        {
            return ngx_api_problem(r, problems[i], NULL);
        }
    }

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "unknown outcome \"%V\" of a statement", &outcome);

    return NGX_ERROR;
}


/* an answer that was given before says so, see ngx_api_idempotency.h */

static ngx_int_t
ngx_api_replayed(ngx_http_request_t *r, const PGresult *res)
{
    int  column;

    static const ngx_str_t  yes = ngx_string("true");

    column = PQfnumber(res, "_replayed");

    if (column < 0 || !ngx_api_pg_boolean(res, 0, column)) {
        return NGX_OK;
    }

    return ngx_api_header_add(r, "Idempotent-Replayed", &yes);
}


/*
 * "/assignee_id not_a_member": fields that only the database could check, with
 * commas between them.  When nothing but a right is missing it is 403.
 */

static ngx_int_t
ngx_api_outcome_faults(ngx_http_request_t *r, ngx_str_t *outcome)
{
    u_char           *comma, *last;
    ngx_str_t         one;
    ngx_uint_t        i;
    ngx_array_t      *faults;
    ngx_api_fault_t  *fault;

    faults = ngx_array_create(r->pool, 4, sizeof(ngx_api_fault_t));
    if (faults == NULL) {
        return NGX_ERROR;
    }

    one.data = outcome->data;
    last = outcome->data + outcome->len;

    for ( ;; ) {
        comma = ngx_strlchr(one.data, last, ',');
        one.len = (comma ? comma : last) - one.data;

        if (ngx_api_outcome_fault(r, faults, &one) != NGX_OK) {
            return NGX_ERROR;
        }

        if (comma == NULL) {
            break;
        }

        one.data = comma + 1;
    }

    fault = faults->elts;

    for (i = 0; i < faults->nelts; i++) {
        if (ngx_strcmp(fault[i].code, ngx_api_forbidden.code.data) != 0) {
            return ngx_api_problem(r, &ngx_api_validation_failed, faults);
        }
    }

    return ngx_api_problem(r, &ngx_api_forbidden, faults);
}


static ngx_int_t
ngx_api_outcome_fault(ngx_http_request_t *r, ngx_array_t *faults,
    const ngx_str_t *outcome)
{
    u_char      *space, *last;
    ngx_str_t    pointer;
    const char  *code;

    last = outcome->data + outcome->len;

    space = ngx_strlchr(outcome->data, last, ' ');
    if (space == NULL) {
        return NGX_ERROR;
    }

    pointer.data = outcome->data;
    pointer.len = space - outcome->data;
    space++;

    code = ngx_api_cstr(r, space, last - space);
    if (code == NULL) {
        return NGX_ERROR;
    }

    return ngx_api_fault_add(faults, &pointer, code,
                             ngx_api_outcome_detail(code));
}


static const char *
ngx_api_outcome_detail(const char *code)
{
    if (ngx_strcmp(code, "not_a_member") == 0) {
        return "must be a member of the project";
    }

    if (ngx_strcmp(code, "forbidden") == 0) {
        return "you may see this, but not do that with it";
    }

    return "there is no such thing, or you may not see it";
}


ngx_int_t
ngx_api_set_etag(ngx_http_request_t *r, int64_t version)
{
    u_char     *p;
    ngx_str_t   value;

    p = ngx_pnalloc(r->pool, NGX_INT64_LEN + 2);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value.data = p;
    value.len = ngx_sprintf(p, "\"%L\"", version) - p;

    r->headers_out.etag = ngx_api_header_push(r, "ETag", &value);

    return r->headers_out.etag ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_api_header_add(ngx_http_request_t *r, const char *key,
    const ngx_str_t *value)
{
    return ngx_api_header_push(r, key, value) ? NGX_OK : NGX_ERROR;
}


ngx_table_elt_t *
ngx_api_header_push(ngx_http_request_t *r, const char *key,
    const ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NULL;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = 1;
    h->key.len = ngx_strlen(key);
    h->key.data = (u_char *) key;
    h->value = *value;

    return h;
}


/* what tells a row from others, for those that have no "id" */

int
ngx_api_id_column(const PGresult *res)
{
    int  column;

    column = PQfnumber(res, "_id");

    return column < 0 ? PQfnumber(res, "id") : column;
}


/* a relative reference; set as "headers_out.location" nginx would make it
 * absolute by a scheme and port that are not the client's behind a proxy */

static ngx_int_t
ngx_api_location_set(ngx_http_request_t *r, const PGresult *res,
    const char *prefix)
{
    int         column;
    size_t      len;
    u_char     *p;
    ngx_str_t   location;

    column = ngx_api_id_column(res);

    if (column < 0 || PQgetlength(res, 0, column) != 16) {
        return NGX_ERROR;
    }

    len = ngx_strlen(prefix);

    location.len = len + NGX_API_UUID_LEN;
    location.data = ngx_pnalloc(r->pool, location.len);
    if (location.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(location.data, prefix, len);
    (void) ngx_api_uuid_format(p, (u_char *) PQgetvalue(res, 0, column));

    return ngx_api_header_add(r, "Location", &location);
}
