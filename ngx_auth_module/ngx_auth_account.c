
/*
 * Accounts: POST /v1/auth/register, POST /v1/auth/login, GET /v1/me.
 */


#include "ngx_auth_module.h"
#include "ngx_auth_password.h"
#include "ngx_auth_session.h"
#include "ngx_auth_sql.h"


/* of a request that waits for a hash or for the database */
typedef struct {
    char                 user[NGX_API_UUID_LEN + 1];
    ngx_uint_t           known;       /* there is such an account, and it may
                                         be used */
    ngx_auth_session_t  *session;
} ngx_auth_account_t;


static void ngx_auth_register(ngx_http_request_t *r);
static void ngx_auth_register_hashed(ngx_http_request_t *r, ngx_int_t rc,
    const char *hash);
static void ngx_auth_register_done(ngx_http_request_t *r,
    const PGresult *res);
static void ngx_auth_login(ngx_http_request_t *r);
static void ngx_auth_login_found(ngx_http_request_t *r, const PGresult *res);
static void ngx_auth_login_verified(ngx_http_request_t *r, ngx_int_t rc,
    const char *hash);
static void ngx_auth_login_done(ngx_http_request_t *r, const PGresult *res);
static void ngx_auth_me(ngx_http_request_t *r);
static void ngx_auth_me_done(ngx_http_request_t *r, const PGresult *res);

static ngx_auth_account_t *ngx_auth_account_create(ngx_http_request_t *r);
static void ngx_auth_account_wait(ngx_http_request_t *r, ngx_int_t rc,
    const ngx_api_value_t *password);


enum {
    NGX_AUTH_EMAIL = 0,
    NGX_AUTH_PASSWORD,
    NGX_AUTH_NAME
};


static const ngx_api_field_t  ngx_auth_register_fields[] = {

    { ngx_string("email"), NGX_API_EMAIL, NGX_API_REQUIRED, 0, 254, 0,
      NULL, NULL },

    { ngx_string("password"), NGX_API_TEXT_BYTES, NGX_API_REQUIRED, 8,
      NGX_AUTH_BCRYPT_PASSWORD, 0, NULL, NULL },

    { ngx_string("name"), NGX_API_STRING, NGX_API_REQUIRED, 1, 200, 0,
      NULL, NULL },

    { ngx_string("id"), NGX_API_UUID, NGX_API_READ_ONLY, 0, 0, 0,
      NULL, NULL },

    { ngx_string("role"), NGX_API_STRING, NGX_API_READ_ONLY, 0, 0, 0,
      NULL, NULL },

    { ngx_string("email_verified"), NGX_API_BOOLEAN, NGX_API_READ_ONLY, 0, 0,
      0, NULL, NULL },

    { ngx_string("created_at"), NGX_API_TIMESTAMP, NGX_API_READ_ONLY, 0, 0, 0,
      NULL, NULL },

    { ngx_string("updated_at"), NGX_API_TIMESTAMP, NGX_API_READ_ONLY, 0, 0, 0,
      NULL, NULL },

    { ngx_string("version"), NGX_API_INTEGER, NGX_API_READ_ONLY, 0, 0, 0,
      NULL, NULL },

    ngx_api_null_field
};


/* a password that no account can have is a wrong one, but for its length:
 * bcrypt would compare no more than the first 72 bytes */

static const ngx_api_field_t  ngx_auth_login_fields[] = {

    { ngx_string("email"), NGX_API_EMAIL, NGX_API_REQUIRED, 0, 254, 0,
      NULL, NULL },

    { ngx_string("password"), NGX_API_TEXT_BYTES, NGX_API_REQUIRED, 1,
      NGX_AUTH_BCRYPT_PASSWORD, 0, NULL, NULL },

    ngx_api_null_field
};


const ngx_api_route_t  ngx_auth_account_routes[] = {

    { NGX_HTTP_POST, ngx_string("/v1/auth/register"), ngx_auth_register,
      ngx_auth_register_fields, NULL, NGX_API_ROUTE_PUBLIC },

    { NGX_HTTP_POST, ngx_string("/v1/auth/login"), ngx_auth_login,
      ngx_auth_login_fields, NULL, NGX_API_ROUTE_PUBLIC },

    { NGX_HTTP_GET, ngx_string("/v1/me"), ngx_auth_me, NULL, NULL, 0 },

    { 0, ngx_null_string, NULL, NULL, NULL, 0 }
};


/* POST /v1/auth/register: hash, then insert everything at once */

static void
ngx_auth_register(ngx_http_request_t *r)
{
    ngx_int_t               rc;
    ngx_auth_main_conf_t   *amcf;
    const ngx_api_value_t  *body;

    amcf = ngx_http_get_module_main_conf(r, ngx_auth_module);
    body = ngx_api_body(r);

    rc = ngx_auth_password_hash(r, amcf->thread_pool,
                                body[NGX_AUTH_PASSWORD].text,
                                amcf->bcrypt_cost, ngx_auth_register_hashed);

    ngx_auth_account_wait(r, rc, &body[NGX_AUTH_PASSWORD]);
}


static void
ngx_auth_register_hashed(ngx_http_request_t *r, ngx_int_t rc,
    const char *hash)
{
    char                   *inbox;
    const char            **values;
    ngx_auth_account_t     *account;
    ngx_auth_session_t     *session;
    const ngx_api_value_t  *body;

    if (rc != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "bcrypt failed to hash a password");
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    body = ngx_api_body(r);
    account = ngx_auth_account_create(r);
    session = ngx_auth_session_create(r);
    inbox = ngx_pnalloc(r->pool, NGX_API_UUID_LEN + 1);
    values = ngx_palloc(r->pool, 10 * sizeof(char *));

    if (account == NULL || session == NULL || inbox == NULL || values == NULL
        || ngx_auth_uuid(account->user) != NGX_OK
        || ngx_auth_uuid(inbox) != NGX_OK)
    {
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    account->session = session;

    values[0] = account->user;
    values[1] = body[NGX_AUTH_EMAIL].text;
    values[2] = body[NGX_AUTH_NAME].text;
    values[3] = hash;
    values[4] = inbox;
    values[5] = session->id;
    values[6] = session->refresh_hash;
    values[7] = session->ip;
    values[8] = session->user_agent;
    values[9] = session->refresh_ttl;

    ngx_api_pg_exec(r, NGX_AUTH_SQL_USER_REGISTER, values,
                    ngx_auth_register_done);
}


static void
ngx_auth_register_done(ngx_http_request_t *r, const PGresult *res)
{
    ngx_auth_account_t  *account;

    static const ngx_str_t  location = ngx_string("/v1/me");

    if (PQntuples(res) == 0) {
        ngx_api_finish(r, ngx_api_problem(r, &ngx_auth_email_taken, NULL));
        return;
    }

    account = ngx_http_get_module_ctx(r, ngx_auth_module);

    ngx_auth_session_send(r, NGX_HTTP_CREATED, account->session, res,
                          &location);
}


/*
 * POST /v1/auth/login: find the account, verify the password, insert the
 * session.  An unknown or a disabled account takes the same time as a wrong
 * password: a hash is computed for it, too.
 */

static void
ngx_auth_login(ngx_http_request_t *r)
{
    const char          **values;
    ngx_auth_account_t   *account;

    account = ngx_auth_account_create(r);
    values = ngx_palloc(r->pool, sizeof(char *));

    if (account == NULL || values == NULL) {
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    values[0] = ngx_api_body(r)[NGX_AUTH_EMAIL].text;

    ngx_api_pg_exec(r, NGX_AUTH_SQL_USER_BY_EMAIL, values,
                    ngx_auth_login_found);
}


static void
ngx_auth_login_found(ngx_http_request_t *r, const PGresult *res)
{
    const char             *hash;
    ngx_int_t               rc;
    ngx_str_t               text;
    ngx_auth_account_t     *account;
    ngx_auth_main_conf_t   *amcf;
    const ngx_api_value_t  *password;

    enum { ID = 0, PASSWORD_HASH, DISABLED };

    amcf = ngx_http_get_module_main_conf(r, ngx_auth_module);
    account = ngx_http_get_module_ctx(r, ngx_auth_module);
    password = &ngx_api_body(r)[NGX_AUTH_PASSWORD];

    hash = amcf->dummy;

    if (PQntuples(res) && !ngx_api_pg_boolean(res, 0, DISABLED)) {

        (void) ngx_api_uuid_format((u_char *) account->user,
                                   (u_char *) PQgetvalue(res, 0, ID));

        text = ngx_api_pg_text(res, 0, PASSWORD_HASH);

        hash = ngx_api_cstr(r, text.data, text.len);
        if (hash == NULL) {
            ngx_api_finish(r, NGX_ERROR);
            return;
        }

        account->known = 1;
    }

    rc = ngx_auth_password_verify(r, amcf->thread_pool, password->text, hash,
                                  ngx_auth_login_verified);

    ngx_auth_account_wait(r, rc, password);
}


static void
ngx_auth_login_verified(ngx_http_request_t *r, ngx_int_t rc, const char *hash)
{
    const char          **values;
    ngx_auth_account_t   *account;
    ngx_auth_session_t   *session;

    account = ngx_http_get_module_ctx(r, ngx_auth_module);

    if (rc == NGX_ERROR) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "bcrypt failed to verify a password");
    }

    if (rc != NGX_OK || !account->known) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "login refused: %s",
                      account->known ? "wrong password"
                                     : "unknown or disabled account");

        ngx_api_finish(r, ngx_auth_challenge(r,
                                             &ngx_auth_invalid_credentials));
        return;
    }

    session = ngx_auth_session_create(r);
    values = ngx_palloc(r->pool, 7 * sizeof(char *));

    if (session == NULL || values == NULL) {
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    account->session = session;

    values[0] = session->id;
    values[1] = account->user;
    values[2] = session->refresh_hash;
    values[3] = session->ip;
    values[4] = session->user_agent;
    values[5] = session->refresh_ttl;
    values[6] = hash;

    ngx_api_pg_exec(r, NGX_AUTH_SQL_SESSION_CREATE, values,
                    ngx_auth_login_done);
}


static void
ngx_auth_login_done(ngx_http_request_t *r, const PGresult *res)
{
    ngx_auth_account_t  *account;

    /* while the hash was computed the account was disabled, or its password
     * changed */

    if (PQntuples(res) == 0) {
        ngx_api_finish(r, ngx_auth_challenge(r,
                                             &ngx_auth_invalid_credentials));
        return;
    }

    account = ngx_http_get_module_ctx(r, ngx_auth_module);

    ngx_auth_session_send(r, NGX_HTTP_OK, account->session, res, NULL);
}


/* GET /v1/me */

static void
ngx_auth_me(ngx_http_request_t *r)
{
    const char                **values;
    const ngx_api_identity_t   *identity;

    identity = ngx_api_identity(r);

    if (identity == NULL) {
        ngx_api_finish(r, ngx_auth_challenge(r, &ngx_api_token_missing));
        return;
    }

    values = ngx_palloc(r->pool, sizeof(char *));
    if (values == NULL) {
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    values[0] = (char *) identity->user.data;

    ngx_api_pg_exec(r, NGX_AUTH_SQL_USER_GET, values, ngx_auth_me_done);
}


static void
ngx_auth_me_done(ngx_http_request_t *r, const PGresult *res)
{
    /* a good token of an account that is gone or disabled */

    if (PQntuples(res) == 0) {
        ngx_api_finish(r, ngx_auth_challenge(r, &ngx_auth_token_invalid));
        return;
    }

    ngx_api_send_row(r, NGX_HTTP_OK, res, NULL);
}


static ngx_auth_account_t *
ngx_auth_account_create(ngx_http_request_t *r)
{
    ngx_auth_account_t  *account;

    account = ngx_pcalloc(r->pool, sizeof(ngx_auth_account_t));

    if (account) {
        ngx_http_set_ctx(r, account, ngx_auth_module);
    }

    return account;
}


/*
 * After the password was handed to a thread, which has a copy of its own, or
 * could not be: it is not needed any more in the request's body.
 */

static void
ngx_auth_account_wait(ngx_http_request_t *r, ngx_int_t rc,
    const ngx_api_value_t *password)
{
    ngx_explicit_memzero((char *) password->text, password->len);

    if (rc == NGX_OK) {
        return;
    }

    if (rc == NGX_BUSY) {
        ngx_api_finish(r, ngx_api_problem(r, &ngx_auth_server_busy, NULL));
        return;
    }

    ngx_api_finish(r, NGX_ERROR);
}
