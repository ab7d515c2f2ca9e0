
/*
 * The caller's own account: GET, PATCH, DELETE /v1/me, PUT /v1/me/password.
 *
 * An access token alone does not do for what takes an account over or ends it:
 * a new e-mail address, a new password and the deletion want the password.
 */


#include "ngx_auth_account.h"


static void ngx_auth_me_get_done(ngx_http_request_t *r, const PGresult *res);
static void ngx_auth_me_patch_found(ngx_http_request_t *r,
    const PGresult *res);
static void ngx_auth_me_patch_verified(ngx_http_request_t *r, ngx_int_t rc,
    const char *hash, const char *made);
static void ngx_auth_me_patch_write(ngx_http_request_t *r, const char *hash);
static void ngx_auth_me_patch_done(ngx_http_request_t *r,
    ngx_api_pg_status_e status, const PGresult *res);
static void ngx_auth_me_delete_found(ngx_http_request_t *r,
    const PGresult *res);
static void ngx_auth_me_delete_verified(ngx_http_request_t *r, ngx_int_t rc,
    const char *hash, const char *made);
static void ngx_auth_me_delete_done(ngx_http_request_t *r,
    const PGresult *res);
static void ngx_auth_me_password_found(ngx_http_request_t *r,
    const PGresult *res);
static void ngx_auth_me_password_verified(ngx_http_request_t *r, ngx_int_t rc,
    const char *hash, const char *made);
static void ngx_auth_me_password_done(ngx_http_request_t *r,
    const PGresult *res);

static void ngx_auth_me_find(ngx_http_request_t *r,
    ngx_api_pg_request_handler_pt handler);
static ngx_int_t ngx_auth_me_job(ngx_http_request_t *r, const PGresult *res,
    ngx_auth_password_t *job);
static ngx_uint_t ngx_auth_me_outcome(const PGresult *res,
    const ngx_api_problem_t *problem);


enum {
    NGX_AUTH_ME_NAME = 0,
    NGX_AUTH_ME_EMAIL,
    NGX_AUTH_ME_CURRENT
};


const ngx_api_field_t  ngx_auth_me_patch_fields[] = {

    { ngx_string("name"), NGX_API_STRING, 0, 1, 200, 0, NULL, NULL },

    { ngx_string("email"), NGX_API_EMAIL, 0, 0, 254, 0, NULL, NULL },

    { ngx_string("current_password"), NGX_API_TEXT_BYTES, 0, 1,
      NGX_AUTH_BCRYPT_PASSWORD, 0, NULL, NULL },

    ngx_auth_read_only("id"),
    ngx_auth_read_only("role"),
    ngx_auth_read_only("email_verified"),
    ngx_auth_read_only("created_at"),
    ngx_auth_read_only("updated_at"),
    ngx_auth_read_only("version"),

    ngx_api_null_field
};


const ngx_api_field_t  ngx_auth_me_delete_fields[] = {

    { ngx_string("password"), NGX_API_TEXT_BYTES, NGX_API_REQUIRED, 1,
      NGX_AUTH_BCRYPT_PASSWORD, 0, NULL, NULL },

    ngx_api_null_field
};


const ngx_api_field_t  ngx_auth_me_password_fields[] = {

    { ngx_string("current_password"), NGX_API_TEXT_BYTES, NGX_API_REQUIRED, 1,
      NGX_AUTH_BCRYPT_PASSWORD, 0, NULL, NULL },

    { ngx_string("new_password"), NGX_API_TEXT_BYTES, NGX_API_REQUIRED, 1,
      NGX_AUTH_BCRYPT_PASSWORD, 0, NULL, NULL },

    ngx_api_null_field
};


/* GET /v1/me */

void
ngx_auth_me_get(ngx_http_request_t *r)
{
    const char  *values[1];

    values[0] = (char *) ngx_api_identity(r)->user.data;

    ngx_api_pg_exec(r, NGX_AUTH_SQL_USER_GET, values, ngx_auth_me_get_done);
}


static void
ngx_auth_me_get_done(ngx_http_request_t *r, const PGresult *res)
{
    /* a good token of an account that is gone or disabled */

    if (PQntuples(res) == 0) {
        ngx_api_finish(r, ngx_auth_challenge(r, &ngx_auth_token_invalid));
        return;
    }

    ngx_api_send_row(r, NGX_HTTP_OK, res, NULL);
}


/* PATCH /v1/me {name, email, current_password} */

void
ngx_auth_me_patch(ngx_http_request_t *r)
{
    ngx_uint_t              present;
    ngx_auth_call_t        *call;
    const ngx_api_value_t  *body;

    body = ngx_api_body(r);

    call = ngx_auth_call_create(r);
    if (call == NULL) {
        return;
    }

    if (ngx_api_if_match(r, &call->versions, &present) != NGX_OK) {
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    if (!body[NGX_AUTH_ME_EMAIL].set) {
        ngx_auth_me_patch_write(r, NULL);
        return;
    }

    if (!body[NGX_AUTH_ME_CURRENT].set) {
        ngx_auth_fault(r, "/current_password", "required",
                       "must be there to change the e-mail address");
        return;
    }

    ngx_auth_me_find(r, ngx_auth_me_patch_found);
}


static void
ngx_auth_me_patch_found(ngx_http_request_t *r, const PGresult *res)
{
    ngx_auth_password_t  job;

    if (ngx_auth_me_job(r, res, &job) == NGX_OK) {
        job.current = &ngx_api_body(r)[NGX_AUTH_ME_CURRENT];

        ngx_auth_password_run(r, &job, ngx_auth_me_patch_verified);
    }
}


static void
ngx_auth_me_patch_verified(ngx_http_request_t *r, ngx_int_t rc,
    const char *hash, const char *made)
{
    if (rc != NGX_OK) {
        ngx_auth_password_failed(r, rc, NULL);
        return;
    }

    ngx_auth_me_patch_write(r, hash);
}


static void
ngx_auth_me_patch_write(ngx_http_request_t *r, const char *hash)
{
    const char            **values;
    ngx_auth_call_t        *call;
    ngx_auth_mail_t        *mail;
    const ngx_api_value_t  *body;

    body = ngx_api_body(r);
    call = ngx_auth_call(r);

    values = ngx_palloc(r->pool, 9 * sizeof(char *));
    mail = ngx_auth_mail_create(r);

    if (values == NULL || mail == NULL) {
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    values[0] = (char *) ngx_api_identity(r)->user.data;
    values[1] = call->versions;
    values[2] = body[NGX_AUTH_ME_NAME].text;
    values[3] = body[NGX_AUTH_ME_EMAIL].text;
    values[4] = hash;
    values[5] = mail->event_id;
    values[6] = mail->secret.hash;
    values[7] = mail->secret.text;
    values[8] = NGX_AUTH_VERIFY_TTL;

    call->values = values;

    ngx_api_pg_exec_status(r, NGX_AUTH_SQL_USER_PATCH, values,
                           ngx_auth_me_patch_done);
}


static void
ngx_auth_me_patch_done(ngx_http_request_t *r, ngx_api_pg_status_e status,
    const PGresult *res)
{
    ngx_auth_call_t  *call;

    call = ngx_auth_call(r);

    /*
     * Of two who take the same address at once, one violates the index: what
     * the other did is seen the second time.  Any other fault comes back, and
     * is answered by then.
     */

    if (status == NGX_API_PG_ERROR && !call->again) {
        call->again = 1;

        ngx_api_pg_exec_status(r, NGX_AUTH_SQL_USER_PATCH, call->values,
                               ngx_auth_me_patch_done);
        return;
    }

    switch (status) {

    case NGX_API_PG_OK:
        break;

    case NGX_API_PG_UNAVAILABLE:
        ngx_api_finish(r, ngx_api_problem(r, &ngx_api_database_unavailable,
                                          NULL));
        return;

    case NGX_API_PG_TIMEOUT:
        ngx_api_finish(r, ngx_api_problem(r, &ngx_api_database_timeout, NULL));
        return;

    default:
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    if (PQntuples(res) == 0) {
        ngx_api_finish(r, ngx_auth_challenge(r, &ngx_auth_token_invalid));

    } else if (ngx_auth_me_outcome(res, &ngx_auth_email_taken)) {
        ngx_api_finish(r, ngx_api_problem(r, &ngx_auth_email_taken, NULL));

    } else if (ngx_auth_me_outcome(res, &ngx_auth_invalid_credentials)) {
        ngx_auth_refuse(r);

    } else {
        ngx_api_send_row(r, NGX_HTTP_OK, res, NULL);
    }
}


/* DELETE /v1/me {password} */

void
ngx_auth_me_delete(ngx_http_request_t *r)
{
    ngx_uint_t        present;
    ngx_auth_call_t  *call;

    call = ngx_auth_call_create(r);
    if (call == NULL) {
        return;
    }

    if (ngx_api_if_match(r, &call->versions, &present) != NGX_OK) {
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    ngx_auth_me_find(r, ngx_auth_me_delete_found);
}


static void
ngx_auth_me_delete_found(ngx_http_request_t *r, const PGresult *res)
{
    ngx_auth_password_t  job;

    if (ngx_auth_me_job(r, res, &job) == NGX_OK) {
        job.current = &ngx_api_body(r)[0];

        ngx_auth_password_run(r, &job, ngx_auth_me_delete_verified);
    }
}


static void
ngx_auth_me_delete_verified(ngx_http_request_t *r, ngx_int_t rc,
    const char *hash, const char *made)
{
    const char  *values[3];

    if (rc != NGX_OK) {
        ngx_auth_password_failed(r, rc, NULL);
        return;
    }

    values[0] = (char *) ngx_api_identity(r)->user.data;
    values[1] = hash;
    values[2] = ngx_auth_call(r)->versions;

    ngx_api_pg_exec(r, NGX_AUTH_SQL_USER_DELETE, values,
                    ngx_auth_me_delete_done);
}


static void
ngx_auth_me_delete_done(ngx_http_request_t *r, const PGresult *res)
{
    if (PQntuples(res) == 0) {
        ngx_api_finish(r, ngx_auth_challenge(r, &ngx_auth_token_invalid));

    } else if (ngx_auth_me_outcome(res, &ngx_auth_last_owner)) {
        ngx_api_finish(r, ngx_api_problem(r, &ngx_auth_last_owner, NULL));

    } else if (ngx_auth_me_outcome(res, &ngx_auth_invalid_credentials)) {
        ngx_auth_refuse(r);

    } else {
        ngx_auth_sessions_revoked(r, res);
        ngx_api_send_done(r, res);
    }
}


/* PUT /v1/me/password {current_password, new_password} */

void
ngx_auth_me_password(ngx_http_request_t *r)
{
    ngx_auth_me_find(r, ngx_auth_me_password_found);
}


static void
ngx_auth_me_password_found(ngx_http_request_t *r, const PGresult *res)
{
    ngx_auth_password_t     job;
    const ngx_api_value_t  *body;

    if (ngx_auth_me_job(r, res, &job) == NGX_OK) {
        body = ngx_api_body(r);

        job.current = &body[0];
        job.fresh = &body[1];

        ngx_auth_password_run(r, &job, ngx_auth_me_password_verified);
    }
}


static void
ngx_auth_me_password_verified(ngx_http_request_t *r, ngx_int_t rc,
    const char *hash, const char *made)
{
    const char                *values[4];
    const ngx_api_identity_t  *identity;

    if (rc != NGX_OK) {
        ngx_auth_password_failed(r, rc, "/new_password");
        return;
    }

    identity = ngx_api_identity(r);

    values[0] = (char *) identity->user.data;
    values[1] = hash;
    values[2] = made;
    values[3] = identity->session.len ? (char *) identity->session.data : NULL;

    ngx_api_pg_exec(r, NGX_AUTH_SQL_PASSWORD_CHANGE, values,
                    ngx_auth_me_password_done);
}


static void
ngx_auth_me_password_done(ngx_http_request_t *r, const PGresult *res)
{
    if (PQntuples(res) == 0) {
        ngx_auth_refuse(r);
        return;
    }

    ngx_auth_sessions_revoked(r, res);
    ngx_api_send_done(r, res);
}


/* the caller's password hash */

static void
ngx_auth_me_find(ngx_http_request_t *r, ngx_api_pg_request_handler_pt handler)
{
    const char  *values[1];

    values[0] = (char *) ngx_api_identity(r)->user.data;

    ngx_api_pg_exec(r, NGX_AUTH_SQL_USER_PASSWORD, values, handler);
}


/* NGX_OK, or the request was ended: the account is gone */

static ngx_int_t
ngx_auth_me_job(ngx_http_request_t *r, const PGresult *res,
    ngx_auth_password_t *job)
{
    if (PQntuples(res) == 0) {
        ngx_api_finish(r, ngx_auth_challenge(r, &ngx_auth_token_invalid));
        return NGX_DONE;
    }

    ngx_memzero(job, sizeof(ngx_auth_password_t));

    job->hash = (char *) ngx_api_pg_text(res, 0, 0).data;

    return NGX_OK;
}


static ngx_uint_t
ngx_auth_me_outcome(const PGresult *res, const ngx_api_problem_t *problem)
{
    ngx_str_t  outcome;

    outcome = ngx_api_pg_text(res, 0, PQfnumber(res, "_outcome"));

    return outcome.len == problem->code.len
           && ngx_memcmp(outcome.data, problem->code.data, outcome.len) == 0;
}
