
/*
 * POST /v1/auth/refresh: refresh tokens rotate.
 */


#include "ngx_auth_account.h"


static void ngx_auth_refresh_found(ngx_http_request_t *r,
    const PGresult *res);
static void ngx_auth_refresh_spend(ngx_http_request_t *r);
static void ngx_auth_refresh_done(ngx_http_request_t *r, const PGresult *res);
static void ngx_auth_refresh_reused(ngx_http_request_t *r,
    const PGresult *res);


/* any text may be sent: what is none of ours is unknown */

const ngx_api_field_t  ngx_auth_refresh_fields[] = {

    { ngx_string("refresh_token"), NGX_API_TEXT_BYTES, NGX_API_REQUIRED, 1,
      512, 0, NULL, NULL },

    ngx_api_null_field
};


/*
 * Which session it is of is looked up first: a token made up costs no write,
 * and requests can be limited by session.
 */

void
ngx_auth_refresh(ngx_http_request_t *r)
{
    const char             *values[1];
    ngx_auth_call_t        *call;
    const ngx_api_value_t  *token;

    call = ngx_auth_call_create(r);
    if (call == NULL) {
        return;
    }

    token = &ngx_api_body(r)[0];

    if (ngx_auth_secret_hash(token->text, token->len, call->hash) != NGX_OK) {
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    values[0] = call->hash;

    ngx_api_pg_exec(r, NGX_AUTH_SQL_REFRESH_FIND, values,
                    ngx_auth_refresh_found);
}


static void
ngx_auth_refresh_found(ngx_http_request_t *r, const PGresult *res)
{
    u_char      id[NGX_API_UUID_LEN];
    ngx_str_t   session;

    if (PQntuples(res) == 0) {
        ngx_api_finish(r, ngx_auth_challenge(r,
                                             &ngx_auth_refresh_token_invalid));
        return;
    }

    session.data = id;
    session.len = ngx_api_uuid_format(id, (u_char *) PQgetvalue(res, 0, 0))
                  - id;

    ngx_auth_limit_late(r, NGX_AUTH_LIMIT_SESSION, &session,
                        ngx_auth_refresh_spend);
}


static void
ngx_auth_refresh_spend(ngx_http_request_t *r)
{
    const char          *values[6];
    ngx_auth_call_t     *call;
    ngx_auth_session_t  *session;

    call = ngx_auth_call(r);
    session = ngx_auth_session_create(r);

    if (session == NULL) {
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    call->session = session;

    values[0] = call->hash;
    values[1] = session->refresh.hash;
    values[2] = session->refresh_ttl;
    values[3] = session->ip;
    values[4] = session->user_agent;
    values[5] = session->session_ttl;

    ngx_api_pg_exec(r, NGX_AUTH_SQL_REFRESH, values, ngx_auth_refresh_done);
}


static void
ngx_auth_refresh_done(ngx_http_request_t *r, const PGresult *res)
{
    u_char               *p;
    ngx_str_t             outcome;
    ngx_auth_session_t   *session;

    enum { OUTCOME = 0, SESSION };

    if (PQntuples(res) == 0) {
        ngx_api_finish(r, ngx_auth_challenge(r,
                                             &ngx_auth_refresh_token_invalid));
        return;
    }

    outcome = ngx_api_pg_text(res, 0, OUTCOME);

    if (outcome.len == ngx_auth_refresh_token_reused.code.len
        && ngx_memcmp(outcome.data, ngx_auth_refresh_token_reused.code.data,
                      outcome.len)
           == 0)
    {
        ngx_auth_refresh_reused(r, res);
        return;
    }

    if (outcome.len != 2) {
        ngx_api_finish(r, ngx_auth_challenge(r,
                                             &ngx_auth_refresh_token_invalid));
        return;
    }

    session = ngx_auth_call(r)->session;

    p = ngx_api_uuid_format((u_char *) session->id,
                            (u_char *) PQgetvalue(res, 0, SESSION));
    *p = '\0';

    ngx_auth_session_send(r, NGX_HTTP_OK, session, res, NULL);
}


/* it was stolen, or its owner is the thief's victim: nobody can tell which */

static void
ngx_auth_refresh_reused(ngx_http_request_t *r, const PGresult *res)
{
    u_char     id[NGX_API_UUID_LEN];
    ngx_str_t  text;

    enum { SESSION = 1 };

    text.data = id;
    text.len = ngx_api_uuid_format(id, (u_char *) PQgetvalue(res, 0, SESSION))
               - id;

    ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                  "a spent refresh token came again: session %V is revoked",
                  &text);

    ngx_auth_sessions_revoked(r, res);

    ngx_api_finish(r, ngx_auth_challenge(r, &ngx_auth_refresh_token_reused));
}
