
/*
 * Lists: a page, its cursor and link, the token of incremental sync.
 */


#include "ngx_api_module.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>


#define NGX_API_CURSOR_ARG  "cursor="

/* what a token has for the order of a cursor */
#define NGX_API_PAGE_TOKEN  255

#define NGX_API_PAGE_SCOPE  32


static void ngx_api_page_json(ngx_http_request_t *r, ngx_api_json_t *j,
    const PGresult *res, int n);
static void ngx_api_page_tombstone(ngx_api_json_t *j, const PGresult *res,
    int row, int deleted_at);
static ngx_int_t ngx_api_page_rows(ngx_http_request_t *r, const PGresult *res,
    int *n);
static ngx_int_t ngx_api_page_cursor(ngx_http_request_t *r,
    const PGresult *res, int row, ngx_uint_t sort, ngx_str_t *text);
static ngx_int_t ngx_api_page_token_format(ngx_http_request_t *r,
    const PGresult *res, ngx_str_t *text);
static ngx_int_t ngx_api_page_sign(ngx_http_request_t *r,
    const ngx_api_cursor_t *cursor, ngx_str_t *text);
static ngx_int_t ngx_api_page_scope(ngx_http_request_t *r, ngx_uint_t sort,
    ngx_str_t *scope);
static ngx_uint_t ngx_api_page_varies(const ngx_api_field_t *field,
    ngx_uint_t sort);
static ngx_int_t ngx_api_page_link(ngx_http_request_t *r,
    const ngx_str_t *cursor);


ngx_int_t
ngx_api_page_start(ngx_http_request_t *r, const ngx_api_value_t *arg,
    ngx_uint_t sort, ngx_api_cursor_t *cursor)
{
    u_char     digest[NGX_API_PAGE_SCOPE];
    ngx_int_t  rc;
    ngx_str_t  scope;

    scope.data = digest;

    if (ngx_api_page_scope(r, sort, &scope) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_api_cursor_parse((u_char *) arg->text, arg->len, cursor, &scope);

    if (rc == NGX_ABORT) {
        return NGX_ERROR;
    }

    if (rc == NGX_OK && cursor->sort == sort) {
        return NGX_OK;
    }

    return ngx_api_parameter_fault(r, "cursor", "invalid_value",
                                   "must come from \"next_cursor\" of the same "
                                   "list in the same order, with the same "
                                   "parameters");
}


ngx_int_t
ngx_api_page_token(ngx_http_request_t *r, const ngx_api_value_t *arg,
    const char **mark)
{
    u_char            digest[NGX_API_PAGE_SCOPE];
    ngx_int_t         rc;
    ngx_str_t         scope;
    ngx_api_cursor_t  cursor;

    scope.data = digest;

    if (ngx_api_page_scope(r, NGX_API_PAGE_TOKEN, &scope) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_api_cursor_parse((u_char *) arg->text, arg->len, &cursor, &scope);

    if (rc == NGX_ABORT) {
        return NGX_ERROR;
    }

    if (rc != NGX_OK || cursor.sort != NGX_API_PAGE_TOKEN) {
        return NGX_DECLINED;
    }

    *mark = ngx_api_cstr(r, cursor.key, cursor.key_len);

    return *mark ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_api_parameter_fault(ngx_http_request_t *r, const char *parameter,
    const char *code, const char *detail)
{
    ngx_str_t     name;
    ngx_array_t  *faults;

    name.data = (u_char *) parameter;
    name.len = ngx_strlen(parameter);

    faults = ngx_array_create(r->pool, 1, sizeof(ngx_api_fault_t));

    if (faults == NULL
        || ngx_api_fault_add(faults, &name, code, detail) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_api_problem(r, &ngx_api_invalid_parameter, faults);
}


void
ngx_api_send_page(ngx_http_request_t *r, const PGresult *res, ngx_uint_t limit,
    ngx_uint_t sort)
{
    int              n;
    ngx_int_t        rc;
    ngx_str_t        cursor, token;
    ngx_api_json_t   j;

    ngx_str_null(&cursor);

    rc = ngx_api_page_rows(r, res, &n);

    if (rc != NGX_OK) {
        ngx_api_finish(r, rc);
        return;
    }

    if ((ngx_uint_t) n > limit) {
        n = (int) limit;

        if (ngx_api_page_cursor(r, res, n - 1, sort, &cursor) != NGX_OK
            || ngx_api_page_link(r, &cursor) != NGX_OK)
        {
            ngx_api_finish(r, NGX_ERROR);
            return;
        }
    }

    if (ngx_api_page_token_format(r, res, &token) != NGX_OK) {
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    ngx_api_page_json(r, &j, res, n);
    ngx_api_json_literal(&j, ",\"next_cursor\":");

    if (cursor.len) {
        ngx_api_json_string(&j, cursor.data, cursor.len);

    } else {
        ngx_api_json_literal(&j, "null");
    }

    if (token.len) {
        ngx_api_json_literal(&j, ",\"sync_token\":");
        ngx_api_json_string(&j, token.data, token.len);
    }

    ngx_api_json_literal(&j, "}");

    ngx_api_send_json(r, NGX_HTTP_OK, &j, NULL, 0);
}


void
ngx_api_send_list(ngx_http_request_t *r, ngx_uint_t status,
    const PGresult *res)
{
    ngx_int_t        rc;
    ngx_api_json_t   j;

    rc = ngx_api_outcome(r, res);

    if (rc != NGX_OK) {
        ngx_api_finish(r, rc);
        return;
    }

    ngx_api_page_json(r, &j, res, PQntuples(res));
    ngx_api_json_literal(&j, "}");

    ngx_api_send_json(r, status, &j, NULL, 0);
}


/* begins an object: {"data":[...] */

static void
ngx_api_page_json(ngx_http_request_t *r, ngx_api_json_t *j,
    const PGresult *res, int n)
{
    int  i, deleted_at;

    deleted_at = PQfnumber(res, "_deleted_at");

    ngx_api_json_init(j, r->pool, 128 + n * 768);
    ngx_api_json_literal(j, "{\"data\":[");

    for (i = 0; i < n; i++) {
        if (i) {
            ngx_api_json_literal(j, ",");
        }

        if (deleted_at < 0 || PQgetisnull(res, i, deleted_at)) {
            ngx_api_pg_json_row(j, res, i);

        } else {
            ngx_api_page_tombstone(j, res, i, deleted_at);
        }
    }

    ngx_api_json_literal(j, "]");
}


static void
ngx_api_page_tombstone(ngx_api_json_t *j, const PGresult *res, int row,
    int deleted_at)
{
    ngx_api_json_literal(j, "{\"id\":");
    ngx_api_pg_json_value(j, res, row, ngx_api_id_column(res));
    ngx_api_json_literal(j, ",\"deleted_at\":");
    ngx_api_pg_json_value(j, res, row, deleted_at);
    ngx_api_json_literal(j, "}");
}


/* NGX_OK, or what ngx_api_problem() returned */

static ngx_int_t
ngx_api_page_rows(ngx_http_request_t *r, const PGresult *res, int *n)
{
    int        column;
    ngx_str_t  outcome;

    *n = PQntuples(res);

    column = PQfnumber(res, "_outcome");

    if (column < 0) {
        return NGX_OK;
    }

    if (*n) {
        outcome = ngx_api_pg_text(res, 0, column);

        if (outcome.len == 5 && ngx_strncmp(outcome.data, "empty", 5) == 0) {
            *n = 0;
            return NGX_OK;
        }
    }

    return ngx_api_outcome(r, res);
}


static ngx_int_t
ngx_api_page_cursor(ngx_http_request_t *r, const PGresult *res, int row,
    ngx_uint_t sort, ngx_str_t *text)
{
    int                id, key;
    ngx_str_t          value;
    ngx_api_cursor_t   cursor;

    id = ngx_api_id_column(res);
    key = PQfnumber(res, "_key");

    if (id < 0 || PQgetlength(res, row, id) != sizeof(cursor.id)) {
        return NGX_ERROR;
    }

    ngx_memzero(&cursor, sizeof(ngx_api_cursor_t));

    cursor.sort = sort;
    ngx_memcpy(cursor.id, PQgetvalue(res, row, id), sizeof(cursor.id));

    if (key >= 0) {
        value = ngx_api_pg_text(res, row, key);

        if (value.len > NGX_API_CURSOR_KEY_MAX) {
            return NGX_ERROR;
        }

        /* NULL when the id alone is the key */
        if (value.len) {
            cursor.key_len = value.len;
            ngx_memcpy(cursor.key, value.data, value.len);
        }
    }

    return ngx_api_page_sign(r, &cursor, text);
}


/* the text is empty where the statement names no watermark */

static ngx_int_t
ngx_api_page_token_format(ngx_http_request_t *r, const PGresult *res,
    ngx_str_t *text)
{
    int               column;
    ngx_str_t         value;
    ngx_api_cursor_t  cursor;

    ngx_str_null(text);

    column = PQfnumber(res, "_watermark");

    if (column < 0) {
        return NGX_OK;
    }

    value = ngx_api_pg_text(res, 0, column);

    if (value.len == 0 || value.len > NGX_API_CURSOR_KEY_MAX) {
        return NGX_ERROR;
    }

    ngx_memzero(&cursor, sizeof(ngx_api_cursor_t));

    cursor.sort = NGX_API_PAGE_TOKEN;
    cursor.key_len = value.len;
    ngx_memcpy(cursor.key, value.data, value.len);

    return ngx_api_page_sign(r, &cursor, text);
}


static ngx_int_t
ngx_api_page_sign(ngx_http_request_t *r, const ngx_api_cursor_t *cursor,
    ngx_str_t *text)
{
    u_char     *last, digest[NGX_API_PAGE_SCOPE];
    ngx_str_t   scope;

    scope.data = digest;

    text->data = ngx_pnalloc(r->pool, NGX_API_CURSOR_LEN);

    if (text->data == NULL
        || ngx_api_page_scope(r, cursor->sort, &scope) != NGX_OK)
    {
        return NGX_ERROR;
    }

    last = ngx_api_cursor_format(text->data, cursor, &scope);
    if (last == NULL) {
        return NGX_ERROR;
    }

    text->len = last - text->data;

    return NGX_OK;
}


/*
 * The key by which cursors of this list are signed: made of the secret, the
 * path and all parameters but those that differ from page to page, or, for a
 * token, from walk to walk.  So a cursor is good for its own list alone.
 */

static ngx_int_t
ngx_api_page_scope(ngx_http_request_t *r, ngx_uint_t sort, ngx_str_t *scope)
{
    u_char                 *p, *text;
    size_t                  len;
    unsigned                n;
    ngx_uint_t              i;
    ngx_api_ctx_t          *ctx;
    const ngx_str_t        *secret;
    const ngx_api_field_t  *fields;

    ctx = ngx_http_get_module_ctx(r, ngx_api_module);
    secret = ngx_api_secret(r);
    fields = ctx->route->args;

    len = ctx->path->text.len + sizeof(ctx->ids);

    for (i = 0; fields[i].name.len; i++) {
        len += NGX_SIZE_T_LEN + 1 + ctx->args[i].len;
    }

    text = ngx_pcalloc(r->pool, len);
    if (text == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(text, ctx->path->text.data, ctx->path->text.len);
    p = ngx_cpymem(p, ctx->ids, sizeof(ctx->ids));

    /* lengths keep neighbours apart */

    for (i = 0; fields[i].name.len; i++) {

        if (ngx_api_page_varies(&fields[i], sort)
            || ctx->args[i].text == NULL)
        {
            *p++ = '-';
            continue;
        }

        p = ngx_sprintf(p, "%uz:", ctx->args[i].len);
        p = ngx_cpymem(p, ctx->args[i].text, ctx->args[i].len);
    }

    if (HMAC(EVP_sha256(), secret->data, (int) secret->len, text, p - text,
             scope->data, &n)
        == NULL)
    {
        return NGX_ERROR;
    }

    scope->len = n;

    return NGX_OK;
}


static ngx_uint_t
ngx_api_page_varies(const ngx_api_field_t *field, ngx_uint_t sort)
{
    return field->type == NGX_API_CURSOR
           || ngx_strcmp(field->name.data, "limit") == 0
           || (sort == NGX_API_PAGE_TOKEN
               && ngx_strcmp(field->name.data, "updated_since") == 0);
}


/* Link (RFC 8288): the same query with the cursor of the next page */

static ngx_int_t
ngx_api_page_link(ngx_http_request_t *r, const ngx_str_t *cursor)
{
    size_t      len;
    u_char     *p, *arg, *end, *last;
    ngx_str_t   link;

    len = sizeof("<?&" NGX_API_CURSOR_ARG ">; rel=\"next\"") - 1
          + r->uri.len + 3 * r->args.len + cursor->len;

    link.data = ngx_pnalloc(r->pool, len);
    if (link.data == NULL) {
        return NGX_ERROR;
    }

    p = link.data;
    *p++ = '<';
    p = ngx_cpymem(p, r->uri.data, r->uri.len);
    *p++ = '?';

    last = r->args.data + r->args.len;

    for (arg = r->args.data; arg < last; arg = end + 1) {

        end = ngx_strlchr(arg, last, '&');
        if (end == NULL) {
            end = last;
        }

        if (end == arg
            || ((size_t) (end - arg) >= sizeof(NGX_API_CURSOR_ARG) - 1
                && ngx_strncmp(arg, NGX_API_CURSOR_ARG,
                               sizeof(NGX_API_CURSOR_ARG) - 1)
                   == 0))
        {
            continue;
        }

        p = ngx_api_header_link(p, arg, end - arg);
        *p++ = '&';
    }

    p = ngx_cpymem(p, NGX_API_CURSOR_ARG, sizeof(NGX_API_CURSOR_ARG) - 1);
    p = ngx_cpymem(p, cursor->data, cursor->len);
    p = ngx_cpymem(p, ">; rel=\"next\"", sizeof(">; rel=\"next\"") - 1);

    link.len = p - link.data;

    return ngx_api_header_add(r, "Link", &link);
}
