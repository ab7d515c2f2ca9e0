
/*
 * Sessions: POST /v1/auth/logout, GET /v1/sessions, DELETE /v1/sessions/{id}.
 */


#include "ngx_auth_account.h"
#include "ngx_auth_revoked.h"


static void ngx_auth_logout_done(ngx_http_request_t *r, const PGresult *res);
static void ngx_auth_session_list_done(ngx_http_request_t *r,
    const PGresult *res);
static void ngx_auth_session_delete_done(ngx_http_request_t *r,
    const PGresult *res);


enum {
    NGX_AUTH_LOGOUT_SESSION = 0,
    NGX_AUTH_LOGOUT_ALL
};


static const ngx_str_t  ngx_auth_logout_scopes[] = {
    ngx_string("session"),
    ngx_string("all"),
    ngx_null_string
};


const ngx_api_field_t  ngx_auth_logout_args[] = {

    { ngx_string("scope"), NGX_API_ENUM, 0, 0, 0, 0, ngx_auth_logout_scopes,
      "session" },

    ngx_api_null_field
};


/* POST /v1/auth/logout[?scope=all] */

void
ngx_auth_logout(ngx_http_request_t *r)
{
    const char                *values[2];
    const ngx_api_identity_t  *identity;

    identity = ngx_api_identity(r);

    values[0] = (char *) identity->user.data;

    if (ngx_api_args(r)[0].integer == NGX_AUTH_LOGOUT_ALL) {
        ngx_api_pg_exec(r, NGX_AUTH_SQL_SESSION_REVOKE_ALL, values,
                        ngx_auth_logout_done);
        return;
    }

    /* a token of another issuer may have no session */

    values[1] = identity->session.len ? (char *) identity->session.data : NULL;

    ngx_api_pg_exec(r, NGX_AUTH_SQL_SESSION_REVOKE, values,
                    ngx_auth_logout_done);
}


static void
ngx_auth_logout_done(ngx_http_request_t *r, const PGresult *res)
{
    /* without a row it was over already */

    ngx_auth_sessions_revoked(r, res);

    ngx_api_finish(r, NGX_HTTP_NO_CONTENT);
}


/* GET /v1/sessions */

void
ngx_auth_session_list(ngx_http_request_t *r)
{
    ngx_int_t                  rc;
    const char                *values[4];
    const ngx_api_identity_t  *identity;

    rc = ngx_auth_list_page(r, NGX_AUTH_SORT_SESSIONS, &values[1]);

    if (rc != NGX_OK) {
        ngx_api_finish(r, rc);
        return;
    }

    identity = ngx_api_identity(r);

    values[0] = (char *) identity->user.data;
    values[3] = identity->session.len ? (char *) identity->session.data : NULL;

    ngx_api_pg_exec(r, NGX_AUTH_SQL_SESSION_LIST, values,
                    ngx_auth_session_list_done);
}


static void
ngx_auth_session_list_done(ngx_http_request_t *r, const PGresult *res)
{
    ngx_api_send_page(r, res, (ngx_uint_t) ngx_api_args(r)[0].integer,
                      NGX_AUTH_SORT_SESSIONS);
}


/* DELETE /v1/sessions/{id} */

void
ngx_auth_session_delete(ngx_http_request_t *r)
{
    const char  *values[2];

    values[0] = (char *) ngx_api_identity(r)->user.data;
    values[1] = ngx_api_path_id(r, 0);

    ngx_api_pg_exec(r, NGX_AUTH_SQL_SESSION_REVOKE, values,
                    ngx_auth_session_delete_done);
}


static void
ngx_auth_session_delete_done(ngx_http_request_t *r, const PGresult *res)
{
    ngx_auth_sessions_revoked(r, res);

    ngx_api_send_done(r, res);
}


void
ngx_auth_sessions_revoked(ngx_http_request_t *r, const PGresult *res)
{
    int         i, column, rows;
    u_char    (*sessions)[NGX_AUTH_REVOKED_SESSION];
    ngx_uint_t  n;

    column = PQfnumber(res, "_session");
    rows = PQntuples(res);

    if (column == -1 || rows == 0) {
        return;
    }

    sessions = ngx_palloc(r->pool, rows * NGX_AUTH_REVOKED_SESSION);

    if (sessions == NULL) {

        /* committed they are: who looks into the database will know */

        ngx_log_error(NGX_LOG_CRIT, r->connection->log, 0,
                      "no memory to tell of revoked sessions");
        return;
    }

    n = 0;

    for (i = 0; i < rows; i++) {
        if (PQgetlength(res, i, column) == NGX_AUTH_REVOKED_SESSION) {
            ngx_memcpy(sessions[n++], PQgetvalue(res, i, column),
                       NGX_AUTH_REVOKED_SESSION);
        }
    }

    if (n) {
        ngx_auth_revoke(r, (const u_char (*)[NGX_AUTH_REVOKED_SESSION])
                           sessions, n);
    }
}
