
/*
 * What is proved by a token from a mail: POST /v1/auth/password-reset and
 * .../confirm, POST /v1/auth/verify-email and .../resend.
 */


#include "ngx_auth_account.h"


/* what a statement needs that no request waits for */
typedef struct {
    ngx_pool_t       *pool;
    char              email[256];
    ngx_auth_mail_t   mail;
    ngx_str_t         request_id;
} ngx_auth_reset_t;


static void ngx_auth_reset_accept(ngx_http_request_t *r);
static ngx_auth_reset_t *ngx_auth_reset_create(ngx_http_request_t *r);
static void ngx_auth_reset_done(void *data, ngx_api_pg_status_e status,
    const PGresult *res);
static void ngx_auth_reset_send(ngx_http_request_t *r);
static void ngx_auth_reset_found(ngx_http_request_t *r, const PGresult *res);
static void ngx_auth_reset_hashed(ngx_http_request_t *r, ngx_int_t rc,
    const char *hash, const char *made);
static void ngx_auth_reset_confirmed(ngx_http_request_t *r,
    const PGresult *res);
static void ngx_auth_verify_done(ngx_http_request_t *r, const PGresult *res);
static void ngx_auth_verify_resent(ngx_http_request_t *r,
    const PGresult *res);
static ngx_int_t ngx_auth_token_mail_hash(ngx_http_request_t *r,
    const ngx_api_value_t *token);
static void ngx_auth_token_mail_fault(ngx_http_request_t *r);


const ngx_api_field_t  ngx_auth_reset_fields[] = {

    { ngx_string("email"), NGX_API_EMAIL, NGX_API_REQUIRED, 0, 254, 0,
      NULL, NULL },

    ngx_api_null_field
};


const ngx_api_field_t  ngx_auth_reset_confirm_fields[] = {

    { ngx_string("token"), NGX_API_TEXT_BYTES, NGX_API_REQUIRED, 1, 512, 0,
      NULL, NULL },

    { ngx_string("new_password"), NGX_API_TEXT_BYTES, NGX_API_REQUIRED, 1,
      NGX_AUTH_BCRYPT_PASSWORD, 0, NULL, NULL },

    ngx_api_null_field
};


const ngx_api_field_t  ngx_auth_verify_fields[] = {

    { ngx_string("token"), NGX_API_TEXT_BYTES, NGX_API_REQUIRED, 1, 512, 0,
      NULL, NULL },

    ngx_api_null_field
};


/* POST /v1/auth/password-reset {email} */

void
ngx_auth_reset(ngx_http_request_t *r)
{
    ngx_str_t               text;
    const ngx_api_value_t  *email;

    email = &ngx_api_body(r)[0];

    text.data = (u_char *) email->text;
    text.len = email->len;

    ngx_auth_limit_late(r, NGX_AUTH_LIMIT_ACCOUNT, &text,
                        ngx_auth_reset_accept);
}


/*
 * The answer waits for nothing that depends on there being an account, so that
 * its time does not tell either.  It is 202: taken, not done.
 */

static void
ngx_auth_reset_accept(ngx_http_request_t *r)
{
    const char        *values[5];
    ngx_auth_reset_t  *reset;

    reset = ngx_auth_reset_create(r);

    if (reset == NULL) {
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    values[0] = reset->email;
    values[1] = reset->mail.event_id;
    values[2] = reset->mail.secret.hash;
    values[3] = reset->mail.secret.text;
    values[4] = NGX_AUTH_RESET_TTL;

    if (ngx_api_pg_submit_for(r, NGX_AUTH_SQL_RESET_REQUEST, values,
                          ngx_auth_reset_done, reset)
        == NULL)
    {
        ngx_destroy_pool(reset->pool);
        ngx_api_finish(r, ngx_api_problem(r, &ngx_api_database_unavailable,
                                          NULL));
        return;
    }

    ngx_auth_reset_send(r);
}


/* in a pool of its own: it outlives the request */

static ngx_auth_reset_t *
ngx_auth_reset_create(ngx_http_request_t *r)
{
    ngx_pool_t             *pool;
    ngx_auth_mail_t        *mail;
    ngx_auth_reset_t       *reset;
    const ngx_str_t        *id;
    const ngx_api_value_t  *email;

    email = &ngx_api_body(r)[0];
    mail = ngx_auth_mail_create(r);
    id = ngx_api_request_id(r);

    if (mail == NULL || id == NULL || email->len >= sizeof(reset->email)) {
        return NULL;
    }

    pool = ngx_create_pool(1024, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    reset = ngx_palloc(pool, sizeof(ngx_auth_reset_t));
    if (reset == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    reset->pool = pool;
    reset->mail = *mail;
    reset->request_id.len = id->len;
    reset->request_id.data = ngx_pstrdup(pool, (ngx_str_t *) id);

    if (reset->request_id.data == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    ngx_memcpy(reset->email, email->text, email->len + 1);

    return reset;
}


static void
ngx_auth_reset_done(void *data, ngx_api_pg_status_e status,
    const PGresult *res)
{
    ngx_auth_reset_t *reset = data;

    if (status != NGX_API_PG_OK) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "a password reset that was accepted is lost: the "
                      "database failed, request_id: \"%V\"",
                      &reset->request_id);
    }

    ngx_explicit_memzero(&reset->mail, sizeof(ngx_auth_mail_t));
    ngx_destroy_pool(reset->pool);
}


static void
ngx_auth_reset_send(ngx_http_request_t *r)
{
    static const ngx_str_t  cache = ngx_string("no-store");

    r->headers_out.status = NGX_HTTP_ACCEPTED;
    r->headers_out.content_length_n = 0;
    r->header_only = 1;

    if (ngx_api_header_add(r, "Cache-Control", &cache) != NGX_OK) {
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    ngx_http_finalize_request(r, ngx_http_send_header(r));
}


/*
 * POST /v1/auth/password-reset/confirm {token, new_password}: the token is
 * looked up before anything is hashed, and used up with the change.
 */

void
ngx_auth_reset_confirm(ngx_http_request_t *r)
{
    const char  *values[1];

    if (ngx_auth_token_mail_hash(r, &ngx_api_body(r)[0]) != NGX_OK) {
        return;
    }

    values[0] = ngx_auth_call(r)->hash;

    ngx_api_pg_exec(r, NGX_AUTH_SQL_RESET_FIND, values, ngx_auth_reset_found);
}


static void
ngx_auth_reset_found(ngx_http_request_t *r, const PGresult *res)
{
    ngx_auth_password_t  job;

    if (PQntuples(res) == 0) {
        ngx_auth_token_mail_fault(r);
        return;
    }

    ngx_memzero(&job, sizeof(ngx_auth_password_t));

    job.fresh = &ngx_api_body(r)[1];

    ngx_auth_password_run(r, &job, ngx_auth_reset_hashed);
}


static void
ngx_auth_reset_hashed(ngx_http_request_t *r, ngx_int_t rc, const char *hash,
    const char *made)
{
    const char  *values[2];

    if (rc != NGX_OK) {
        ngx_auth_password_failed(r, rc, "/new_password");
        return;
    }

    values[0] = ngx_auth_call(r)->hash;
    values[1] = made;

    ngx_api_pg_exec(r, NGX_AUTH_SQL_RESET_CONFIRM, values,
                    ngx_auth_reset_confirmed);
}


static void
ngx_auth_reset_confirmed(ngx_http_request_t *r, const PGresult *res)
{
    if (PQntuples(res) == 0) {
        ngx_auth_token_mail_fault(r);
        return;
    }

    ngx_auth_sessions_revoked(r, res);
    ngx_api_send_done(r, res);
}


/* POST /v1/auth/verify-email {token} */

void
ngx_auth_verify_email(ngx_http_request_t *r)
{
    const char  *values[1];

    if (ngx_auth_token_mail_hash(r, &ngx_api_body(r)[0]) != NGX_OK) {
        return;
    }

    values[0] = ngx_auth_call(r)->hash;

    ngx_api_pg_exec(r, NGX_AUTH_SQL_VERIFY_EMAIL, values,
                    ngx_auth_verify_done);
}


static void
ngx_auth_verify_done(ngx_http_request_t *r, const PGresult *res)
{
    if (PQntuples(res) == 0) {
        ngx_auth_token_mail_fault(r);
        return;
    }

    ngx_api_send_done(r, res);
}


/* POST /v1/auth/verify-email/resend */

void
ngx_auth_verify_resend(ngx_http_request_t *r)
{
    const char       *values[5];
    ngx_auth_mail_t  *mail;

    mail = ngx_auth_mail_create(r);

    if (mail == NULL) {
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    values[0] = (char *) ngx_api_identity(r)->user.data;
    values[1] = mail->event_id;
    values[2] = mail->secret.hash;
    values[3] = mail->secret.text;
    values[4] = NGX_AUTH_VERIFY_TTL;

    ngx_api_pg_exec(r, NGX_AUTH_SQL_VERIFY_REQUEST, values,
                    ngx_auth_verify_resent);
}


static void
ngx_auth_verify_resent(ngx_http_request_t *r, const PGresult *res)
{
    /* without a row there was nothing to send: the address is verified */

    ngx_api_finish(r, NGX_HTTP_NO_CONTENT);
}


/* NGX_OK, or the request was ended */

static ngx_int_t
ngx_auth_token_mail_hash(ngx_http_request_t *r, const ngx_api_value_t *token)
{
    ngx_auth_call_t  *call;

    call = ngx_auth_call_create(r);

    if (call == NULL) {
        return NGX_DONE;
    }

    if (ngx_auth_secret_hash(token->text, token->len, call->hash) != NGX_OK) {
        ngx_api_finish(r, NGX_ERROR);
        return NGX_DONE;
    }

    return NGX_OK;
}


static void
ngx_auth_token_mail_fault(ngx_http_request_t *r)
{
    ngx_auth_fault(r, "/token", "invalid_token",
                   "must come from the latest mails, and be used once");
}
