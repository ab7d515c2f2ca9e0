
/*
 * POST /v1/auth/register and POST /v1/auth/login.
 */


#include "ngx_auth_account.h"


#define NGX_AUTH_REFUSE_STEP  4      /* ms */


static void ngx_auth_register_hashed(ngx_http_request_t *r, ngx_int_t rc,
    const char *hash, const char *made);
static void ngx_auth_register_done(ngx_http_request_t *r,
    const PGresult *res);
static void ngx_auth_login_find(ngx_http_request_t *r);
static void ngx_auth_login_found(ngx_http_request_t *r, const PGresult *res);
static void ngx_auth_login_verified(ngx_http_request_t *r, ngx_int_t rc,
    const char *hash, const char *made);
static void ngx_auth_login_refuse(ngx_http_request_t *r);
static void ngx_auth_login_refuse_handler(ngx_event_t *ev);
static void ngx_auth_login_refuse_cleanup(void *data);
static void ngx_auth_login_done(ngx_http_request_t *r, const PGresult *res);
static void ngx_auth_login_busy(ngx_http_request_t *r);
static void ngx_auth_login_count(ngx_auth_call_t *call,
    ngx_auth_login_outcome_e outcome);
static void ngx_auth_login_cleanup(void *data);


enum {
    NGX_AUTH_EMAIL = 0,
    NGX_AUTH_PASSWORD,
    NGX_AUTH_NAME
};


const ngx_api_field_t  ngx_auth_register_fields[] = {

    { ngx_string("email"), NGX_API_EMAIL, NGX_API_REQUIRED, 0, 254, 0,
      NULL, NULL },

    { ngx_string("password"), NGX_API_TEXT_BYTES, NGX_API_REQUIRED, 1,
      NGX_AUTH_BCRYPT_PASSWORD, 0, NULL, NULL },

    { ngx_string("name"), NGX_API_STRING, NGX_API_REQUIRED, 1, 200, 0,
      NULL, NULL },

    ngx_auth_read_only("id"),
    ngx_auth_read_only("role"),
    ngx_auth_read_only("email_verified"),
    ngx_auth_read_only("created_at"),
    ngx_auth_read_only("updated_at"),
    ngx_auth_read_only("version"),

    ngx_api_null_field
};


/* a password that no account can have is a wrong one, but for its length:
 * bcrypt would compare no more than the first 72 bytes */

const ngx_api_field_t  ngx_auth_login_fields[] = {

    { ngx_string("email"), NGX_API_EMAIL, NGX_API_REQUIRED, 0, 254, 0,
      NULL, NULL },

    { ngx_string("password"), NGX_API_TEXT_BYTES, NGX_API_REQUIRED, 1,
      NGX_AUTH_BCRYPT_PASSWORD, 0, NULL, NULL },

    ngx_api_null_field
};


/* hash, then insert everything at once */

void
ngx_auth_register(ngx_http_request_t *r)
{
    ngx_auth_password_t  job;

    ngx_memzero(&job, sizeof(ngx_auth_password_t));

    job.fresh = &ngx_api_body(r)[NGX_AUTH_PASSWORD];

    ngx_auth_password_run(r, &job, ngx_auth_register_hashed);
}


static void
ngx_auth_register_hashed(ngx_http_request_t *r, ngx_int_t rc,
    const char *hash, const char *made)
{
    char                   *inbox;
    const char             *values[14];
    ngx_auth_call_t        *call;
    ngx_auth_mail_t        *mail;
    ngx_auth_session_t     *session;
    const ngx_api_value_t  *body;

    if (rc != NGX_OK) {
        ngx_auth_password_failed(r, rc, "/password");
        return;
    }

    call = ngx_auth_call_create(r);
    if (call == NULL) {
        return;
    }

    body = ngx_api_body(r);
    session = ngx_auth_session_create(r);
    mail = ngx_auth_mail_create(r);
    inbox = ngx_pnalloc(r->pool, NGX_API_UUID_LEN + 1);

    if (session == NULL || mail == NULL || inbox == NULL
        || ngx_auth_uuid(call->user) != NGX_OK
        || ngx_auth_uuid(inbox) != NGX_OK)
    {
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    call->session = session;

    values[0] = call->user;
    values[1] = body[NGX_AUTH_EMAIL].text;
    values[2] = body[NGX_AUTH_NAME].text;
    values[3] = made;
    values[4] = inbox;
    values[5] = session->id;
    values[6] = session->refresh.hash;
    values[7] = session->ip;
    values[8] = session->user_agent;
    values[9] = session->refresh_ttl;
    values[10] = mail->event_id;
    values[11] = mail->secret.hash;
    values[12] = mail->secret.text;
    values[13] = NGX_AUTH_VERIFY_TTL;

    ngx_api_pg_exec(r, NGX_AUTH_SQL_USER_REGISTER, values,
                    ngx_auth_register_done);
}


static void
ngx_auth_register_done(ngx_http_request_t *r, const PGresult *res)
{
    static const ngx_str_t  location = ngx_string("/v1/me");

    if (PQntuples(res) == 0) {
        ngx_api_finish(r, ngx_api_problem(r, &ngx_auth_email_taken, NULL));
        return;
    }

    ngx_auth_session_send(r, NGX_HTTP_CREATED, ngx_auth_call(r)->session, res,
                          &location);
}


/*
 * Find the account, verify the password, insert the session.  An unknown or a
 * disabled account takes the same time as a wrong password: a hash is computed
 * for it, too.
 */

void
ngx_auth_login(ngx_http_request_t *r)
{
    ngx_str_t               text;
    ngx_auth_call_t        *call;
    ngx_http_cleanup_t     *cln;
    const ngx_api_value_t  *email;

    call = ngx_auth_call_create(r);
    if (call == NULL) {
        return;
    }

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    cln->handler = ngx_auth_login_cleanup;
    cln->data = call;
    call->request = r;

    email = &ngx_api_body(r)[NGX_AUTH_EMAIL];

    text.data = (u_char *) email->text;
    text.len = email->len;

    /* how long the database took to find an account tells that it is there */

    ngx_api_timing_hide(r);

    ngx_auth_limit_late(r, NGX_AUTH_LIMIT_ACCOUNT, &text, ngx_auth_login_find);
}


static void
ngx_auth_login_find(ngx_http_request_t *r)
{
    const char  *values[1];

    ngx_auth_call(r)->asked = 1;

    values[0] = ngx_api_body(r)[NGX_AUTH_EMAIL].text;

    ngx_api_pg_exec(r, NGX_AUTH_SQL_USER_BY_EMAIL, values,
                    ngx_auth_login_found);
}


static void
ngx_auth_login_found(ngx_http_request_t *r, const PGresult *res)
{
    ngx_str_t              hash;
    ngx_auth_call_t       *call;
    ngx_auth_password_t    job;
    ngx_auth_main_conf_t  *amcf;

    enum { ID = 0, PASSWORD_HASH, DISABLED };

    amcf = ngx_http_get_module_main_conf(r, ngx_auth_module);
    call = ngx_auth_call(r);

    ngx_memzero(&job, sizeof(ngx_auth_password_t));

    job.current = &ngx_api_body(r)[NGX_AUTH_PASSWORD];
    job.hash = amcf->dummy;
    job.rehash = 1;
    job.busy = ngx_auth_login_busy;

    call->disabled = PQntuples(res) && ngx_api_pg_boolean(res, 0, DISABLED);

    if (PQntuples(res) && !call->disabled) {

        (void) ngx_api_uuid_format((u_char *) call->user,
                                   (u_char *) PQgetvalue(res, 0, ID));

        hash = ngx_api_pg_text(res, 0, PASSWORD_HASH);

        job.hash = (char *) hash.data;
        call->known = 1;
    }

    ngx_auth_password_run(r, &job, ngx_auth_login_verified);
}


static void
ngx_auth_login_verified(ngx_http_request_t *r, ngx_int_t rc, const char *hash,
    const char *made)
{
    const char            *values[9];
    ngx_auth_call_t       *call;
    ngx_auth_session_t    *session;

    call = ngx_auth_call(r);

    if (rc == NGX_ERROR) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "bcrypt failed to verify a password");
    }

    if (rc != NGX_OK || !call->known) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "login refused: %s",
                      call->known ? "wrong password"
                                  : "unknown or disabled account");

        ngx_auth_login_count(call, rc == NGX_ERROR ? NGX_AUTH_LOGIN_ERROR
                                   : call->disabled ? NGX_AUTH_LOGIN_DISABLED
                                   : NGX_AUTH_LOGIN_INVALID);
        ngx_auth_login_refuse(r);
        return;
    }

    session = ngx_auth_session_create(r);

    if (session == NULL) {
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    call->session = session;

    values[0] = session->id;
    values[1] = call->user;
    values[2] = session->refresh.hash;
    values[3] = session->ip;
    values[4] = session->user_agent;
    values[5] = session->refresh_ttl;
    values[6] = hash;
    values[7] = made;
    values[8] = session->keep;

    ngx_api_pg_exec(r, NGX_AUTH_SQL_SESSION_CREATE, values,
                    ngx_auth_login_done);
}


/*
 * A row that is found takes PostgreSQL some microseconds more than none.  So
 * that nobody can tell by them whether there is an account, a refusal is sent
 * only when a multiple of some milliseconds has passed since the request began.
 */

static void
ngx_auth_login_refuse(ngx_http_request_t *r)
{
    ngx_time_t          *tp;
    ngx_event_t         *ev;
    ngx_msec_int_t       ms;
    ngx_http_cleanup_t  *cln;

    ev = ngx_pcalloc(r->pool, sizeof(ngx_event_t));
    cln = ngx_http_cleanup_add(r, 0);

    if (ev == NULL || cln == NULL) {
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    ev->handler = ngx_auth_login_refuse_handler;
    ev->data = r;
    ev->log = r->connection->log;

    cln->handler = ngx_auth_login_refuse_cleanup;
    cln->data = ev;

    tp = ngx_timeofday();

    ms = (ngx_msec_int_t) ((tp->sec - r->start_sec) * 1000
                           + ((ngx_msec_int_t) tp->msec
                              - (ngx_msec_int_t) r->start_msec));
    ms = ngx_max(ms, 0);

    ngx_add_timer(ev, (ngx_msec_t) (NGX_AUTH_REFUSE_STEP
                                    - ms % NGX_AUTH_REFUSE_STEP));
}


static void
ngx_auth_login_refuse_handler(ngx_event_t *ev)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = ev->data;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    ngx_auth_refuse(r);

    ngx_http_run_posted_requests(c);
}


static void
ngx_auth_login_refuse_cleanup(void *data)
{
    ngx_event_t  *ev = data;

    if (ev->timer_set) {
        ngx_del_timer(ev);
    }
}


static void
ngx_auth_login_done(ngx_http_request_t *r, const PGresult *res)
{
    /* while the hash was computed the account was disabled, or its password
     * changed */

    if (PQntuples(res) == 0) {
        ngx_auth_login_count(ngx_auth_call(r), NGX_AUTH_LOGIN_INVALID);
        ngx_auth_refuse(r);
        return;
    }

    ngx_auth_login_count(ngx_auth_call(r), NGX_AUTH_LOGIN_OK);

    ngx_auth_session_send(r, NGX_HTTP_OK, ngx_auth_call(r)->session, res,
                          NULL);
}


static void
ngx_auth_login_busy(ngx_http_request_t *r)
{
    ngx_auth_login_count(ngx_auth_call(r), NGX_AUTH_LOGIN_BUSY);
}


static void
ngx_auth_login_count(ngx_auth_call_t *call, ngx_auth_login_outcome_e outcome)
{
    call->counted = 1;
    ngx_api_metric_inc(&ngx_auth_logins[outcome]);
}


/* what was answered elsewhere: the database is away, or memory is short; not
 * if the client left */

static void
ngx_auth_login_cleanup(void *data)
{
    ngx_auth_call_t *call = data;

    if (call->asked && !call->counted
        && call->request->headers_out.status >= NGX_HTTP_INTERNAL_SERVER_ERROR)
    {
        ngx_auth_login_count(call, NGX_AUTH_LOGIN_ERROR);
    }
}
