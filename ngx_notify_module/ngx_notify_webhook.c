
/*
 * Webhooks: list, create, read, replace, patch, delete, a new secret.
 */


#include "ngx_notify_webhook.h"
#include "ngx_notify_secret.h"
#include "ngx_notify_url.h"
#include "skep_wire.h"


#define NGX_NOTIFY_WEBHOOK_ALL  ((1 << NGX_NOTIFY_WEBHOOK_FIELDS_N) - 1)


typedef enum {
    NGX_NOTIFY_WEBHOOK_LIMIT = 0,
    NGX_NOTIFY_WEBHOOK_CURSOR,
    NGX_NOTIFY_WEBHOOK_SORT
} ngx_notify_webhook_arg_e;


/* what is to be a webhook's secret; the context of such a request */
typedef struct {
    u_char   bytes[NGX_NOTIFY_SECRET_BYTES];
    char     literal[sizeof("\\x") + 2 * NGX_NOTIFY_SECRET_BYTES];
    char     sealed[NGX_NOTIFY_SECRET_SEALED + 1];
} ngx_notify_webhook_secret_t;


static ngx_uint_t ngx_notify_webhook_url_check(const u_char *url, size_t len);
static void ngx_notify_webhook_update(ngx_http_request_t *r, ngx_uint_t mask);
static ngx_notify_webhook_secret_t *ngx_notify_webhook_secret(
    ngx_http_request_t *r, ngx_uint_t keyed);
static void ngx_notify_webhook_send(ngx_http_request_t *r,
    const PGresult *res);
static void ngx_notify_webhook_send_created(ngx_http_request_t *r,
    const PGresult *res);
static void ngx_notify_webhook_send_rotated(ngx_http_request_t *r,
    const PGresult *res);
static void ngx_notify_webhook_send_secret(ngx_http_request_t *r,
    ngx_uint_t status, const PGresult *res, const char *location_prefix);
static ngx_int_t ngx_notify_webhook_shown(ngx_http_request_t *r,
    const PGresult *res, u_char *bytes);
static void ngx_notify_webhook_send_page(ngx_http_request_t *r,
    const PGresult *res);


const ngx_api_problem_t  ngx_notify_too_many_webhooks = {
    409, ngx_string("too_many_webhooks"),
    ngx_string("There are too many webhooks"),
    ngx_string("Delete one first, or give one more types of events."), 0
};


static const ngx_api_problem_t  ngx_notify_secret_lost = {
    409, ngx_string("secret_not_available"),
    ngx_string("The secret can't be shown again"),
    ngx_string("The request was done, but the server's own secret has changed "
               "since. Ask for a new one: /rotate-secret with another "
               "Idempotency-Key."), 0
};


#define ngx_notify_webhook_event(name, type)  ngx_string(type),

const ngx_str_t  ngx_notify_webhook_events[] = {
    SKEP_EVENT_TYPES(ngx_notify_webhook_event)
    ngx_string("*"),
    ngx_null_string
};


static const ngx_api_check_t  ngx_notify_webhook_url = {
    ngx_notify_webhook_url_check,
    ngx_notify_url_faults
};


const ngx_api_field_t  ngx_notify_webhook_fields[] = {
    NGX_NOTIFY_WEBHOOK_FIELDS(ngx_api_field_w, ngx_api_field_skip)
    NGX_NOTIFY_WEBHOOK_FIELDS(ngx_api_field_skip, ngx_api_field_r)

    /* the server's to make */
    { ngx_string("secret"), .flags = NGX_API_READ_ONLY },

    ngx_api_null_field
};


/* by index the same as the statements from NGX_NOTIFY_SQL_WEBHOOK_LIST on:
 * ascending, descending */

static const ngx_str_t  ngx_notify_webhook_sorts[] = {
    NGX_NOTIFY_WEBHOOK_FIELDS(ngx_api_field_sorts, ngx_api_field_sorts)
    ngx_null_string
};


const ngx_api_field_t  ngx_notify_webhook_args[] = {

    { ngx_string("limit"), NGX_API_INTEGER, 0, 1, 100, 0, NULL, "20" },

    { ngx_string("cursor"), NGX_API_CURSOR, 0, 0, 0, 0, NULL, NULL },

    { ngx_string("sort"), NGX_API_ENUM, 0, 0, 0, 0, ngx_notify_webhook_sorts,
      "-created_at" },

    ngx_api_null_field
};


/* the policy is that of the whole server: a table of fields knows no request */

static ngx_uint_t
ngx_notify_webhook_url_check(const u_char *url, size_t len)
{
    ngx_notify_main_conf_t   *nmcf;
    ngx_notify_url_policy_t   policy;

    nmcf = ngx_http_cycle_get_module_main_conf(ngx_cycle, ngx_notify_module);

    policy.http = nmcf->webhook_http;
    policy.ranges = nmcf->webhook_ranges.elts;
    policy.nranges = nmcf->webhook_ranges.nelts;

    return ngx_notify_url_check(url, len, &policy);
}


void
ngx_notify_webhook_list(ngx_http_request_t *r)
{
    ngx_int_t               rc;
    ngx_uint_t              sort;
    const char             *values[3], *page[3];
    const ngx_api_value_t  *args;

    args = ngx_api_args(r);
    sort = (ngx_uint_t) args[NGX_NOTIFY_WEBHOOK_SORT].integer;

    page[2] = NULL;

    rc = ngx_api_page_values(r, &args[NGX_NOTIFY_WEBHOOK_LIMIT],
                             &args[NGX_NOTIFY_WEBHOOK_CURSOR],
                             NGX_NOTIFY_CURSOR_WEBHOOKS + sort, page);
    if (rc != NGX_OK) {
        ngx_api_finish(r, rc);
        return;
    }

    values[0] = (char *) ngx_api_identity(r)->user.data;
    values[1] = page[0];
    values[2] = page[2];

    ngx_api_pg_exec(r, NGX_NOTIFY_SQL_WEBHOOK_LIST + sort, values,
                    ngx_notify_webhook_send_page);
}


void
ngx_notify_webhook_create(ngx_http_request_t *r)
{
    ngx_int_t                      rc;
    ngx_uint_t                     n;
    const char                    *key, *fingerprint;
    const char                    *values[8 + NGX_NOTIFY_WEBHOOK_FIELDS_N];
    ngx_api_ids_t                 *ids;
    ngx_notify_main_conf_t        *nmcf;
    const ngx_api_pg_statement_t  *statement;
    ngx_notify_webhook_secret_t   *secret;

    ids = ngx_api_ids(r);
    rc = ngx_api_idempotency(r, &key, &fingerprint);
    secret = ngx_notify_webhook_secret(r, rc == NGX_OK);

    if (ids == NULL || rc == NGX_ERROR || secret == NULL) {
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    nmcf = ngx_http_get_module_main_conf(r, ngx_notify_module);

    statement = NGX_NOTIFY_SQL_WEBHOOK_CREATE;

    values[0] = (char *) ngx_api_identity(r)->user.data;
    values[1] = ids->id;
    values[2] = ids->created_at;
    values[3] = secret->literal;
    values[4] = (char *) nmcf->webhook_max_text;
    n = 5;

    if (rc == NGX_OK) {
        statement = NGX_NOTIFY_SQL_WEBHOOK_CREATE_KEYED;
        values[n++] = key;
        values[n++] = fingerprint;
        values[n++] = secret->sealed;
    }

    ngx_api_values(ngx_api_body(r), NGX_NOTIFY_WEBHOOK_FIELDS_N, &values[n]);

    ngx_api_pg_exec(r, statement, values, ngx_notify_webhook_send_created);
}


void
ngx_notify_webhook_get(ngx_http_request_t *r)
{
    const char  *values[2];

    values[0] = (char *) ngx_api_identity(r)->user.data;
    values[1] = ngx_api_path_id(r, 0);

    ngx_api_pg_exec(r, NGX_NOTIFY_SQL_WEBHOOK_GET, values,
                    ngx_notify_webhook_send);
}


void
ngx_notify_webhook_replace(ngx_http_request_t *r)
{
    ngx_notify_webhook_update(r, NGX_NOTIFY_WEBHOOK_ALL);
}


void
ngx_notify_webhook_patch(ngx_http_request_t *r)
{
    ngx_notify_webhook_update(r, ngx_api_given(ngx_api_body(r),
                                               NGX_NOTIFY_WEBHOOK_FIELDS_N));
}


static void
ngx_notify_webhook_update(ngx_http_request_t *r, ngx_uint_t mask)
{
    ngx_uint_t   present;
    const char  *values[4 + NGX_NOTIFY_WEBHOOK_FIELDS_N];

    values[0] = (char *) ngx_api_identity(r)->user.data;
    values[1] = ngx_api_path_id(r, 0);
    values[3] = ngx_api_mask(r, mask);

    if (values[3] == NULL
        || ngx_api_if_match(r, &values[2], &present) != NGX_OK)
    {
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    ngx_api_values(ngx_api_body(r), NGX_NOTIFY_WEBHOOK_FIELDS_N, &values[4]);

    ngx_api_pg_exec(r, NGX_NOTIFY_SQL_WEBHOOK_UPDATE, values,
                    ngx_notify_webhook_send);
}


void
ngx_notify_webhook_delete(ngx_http_request_t *r)
{
    ngx_uint_t   present;
    const char  *values[3];

    values[0] = (char *) ngx_api_identity(r)->user.data;
    values[1] = ngx_api_path_id(r, 0);

    if (ngx_api_if_match(r, &values[2], &present) != NGX_OK) {
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    ngx_api_pg_exec(r, NGX_NOTIFY_SQL_WEBHOOK_DELETE, values,
                    ngx_api_send_done);
}


void
ngx_notify_webhook_rotate(ngx_http_request_t *r)
{
    ngx_int_t                     rc;
    const char                   *values[6];
    ngx_notify_webhook_secret_t  *secret;

    rc = ngx_api_idempotency(r, &values[3], &values[4]);
    secret = ngx_notify_webhook_secret(r, rc == NGX_OK);

    if (rc == NGX_ERROR || secret == NULL) {
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    values[0] = (char *) ngx_api_identity(r)->user.data;
    values[1] = ngx_api_path_id(r, 0);
    values[2] = secret->literal;
    values[5] = secret->sealed;

    ngx_api_pg_exec(r, rc == NGX_OK ? NGX_NOTIFY_SQL_WEBHOOK_ROTATE_KEYED
                                    : NGX_NOTIFY_SQL_WEBHOOK_ROTATE,
                    values, ngx_notify_webhook_send_rotated);
}


/* a new one, in the request's pool; NULL on a fault */

static ngx_notify_webhook_secret_t *
ngx_notify_webhook_secret(ngx_http_request_t *r, ngx_uint_t keyed)
{
    u_char                       *p;
    ngx_notify_webhook_secret_t  *secret;

    secret = ngx_pcalloc(r->pool, sizeof(ngx_notify_webhook_secret_t));

    if (secret == NULL || ngx_notify_secret_make(secret->bytes) != NGX_OK) {
        return NULL;
    }

    p = ngx_cpymem(secret->literal, "\\x", 2);
    (void) ngx_hex_dump(p, secret->bytes, sizeof(secret->bytes));

    if (keyed
        && ngx_notify_secret_seal((u_char *) secret->sealed, ngx_api_secret(r),
                                  &ngx_api_identity(r)->user, secret->bytes)
           != NGX_OK)
    {
        return NULL;
    }

    ngx_http_set_ctx(r, secret, ngx_notify_module);

    return secret;
}


static void
ngx_notify_webhook_send(ngx_http_request_t *r, const PGresult *res)
{
    ngx_api_send_row(r, NGX_HTTP_OK, res, NULL);
}


static void
ngx_notify_webhook_send_created(ngx_http_request_t *r, const PGresult *res)
{
    if (ngx_api_refused(r, res, &ngx_notify_too_many_webhooks)) {
        return;
    }

    ngx_notify_webhook_send_secret(r, NGX_HTTP_CREATED, res, "/v1/webhooks/");
}


static void
ngx_notify_webhook_send_rotated(ngx_http_request_t *r, const PGresult *res)
{
    ngx_notify_webhook_send_secret(r, NGX_HTTP_OK, res, NULL);
}


static void
ngx_notify_webhook_send_secret(ngx_http_request_t *r, ngx_uint_t status,
    const PGresult *res, const char *location_prefix)
{
    u_char      bytes[NGX_NOTIFY_SECRET_BYTES];
    u_char      text[NGX_NOTIFY_SECRET_TEXT];
    ngx_int_t   rc;
    ngx_str_t   secret;

    rc = ngx_notify_webhook_shown(r, res, bytes);

    if (rc != NGX_OK) {
        ngx_api_finish(r, rc);
        return;
    }

    ngx_notify_secret_text(text, bytes);

    secret.data = text;
    secret.len = sizeof(text);

    ngx_api_send_row_secret(r, status, res, location_prefix, "secret",
                            &secret);
}


/*
 * The secret to show: that of the first answer where this is one again.
 * NGX_OK, or what ngx_api_finish() takes.
 */

static ngx_int_t
ngx_notify_webhook_shown(ngx_http_request_t *r, const PGresult *res,
    u_char *bytes)
{
    int                           column;
    ngx_int_t                     rc;
    ngx_str_t                     sealed;
    ngx_notify_webhook_secret_t  *secret;

    column = PQfnumber(res, "_sealed");

    /* nor has a problem any */

    if (column < 0 || PQntuples(res) == 0 || PQgetisnull(res, 0, column)) {
        secret = ngx_http_get_module_ctx(r, ngx_notify_module);
        ngx_memcpy(bytes, secret->bytes, NGX_NOTIFY_SECRET_BYTES);
        return NGX_OK;
    }

    sealed = ngx_api_pg_text(res, 0, column);

    rc = ngx_notify_secret_open(&sealed, ngx_api_secret(r),
                                &ngx_api_identity(r)->user, bytes);

    if (rc == NGX_DECLINED) {
        return ngx_api_problem(r, &ngx_notify_secret_lost, NULL);
    }

    return rc;
}


static void
ngx_notify_webhook_send_page(ngx_http_request_t *r, const PGresult *res)
{
    const ngx_api_value_t  *args;

    args = ngx_api_args(r);

    ngx_api_send_page(r, res,
                      (ngx_uint_t) args[NGX_NOTIFY_WEBHOOK_LIMIT].integer,
                      NGX_NOTIFY_CURSOR_WEBHOOKS
                      + (ngx_uint_t) args[NGX_NOTIFY_WEBHOOK_SORT].integer);
}
