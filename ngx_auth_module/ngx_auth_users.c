
/*
 * Users as admins see them: GET /v1/users, GET and PATCH /v1/users/{id}.
 *
 * Others are told 403 whatever the path's id is.
 */


#include "ngx_auth_account.h"


static void ngx_auth_user_list_done(ngx_http_request_t *r,
    const PGresult *res);
static void ngx_auth_user_done(ngx_http_request_t *r, const PGresult *res);
static void ngx_auth_user_patch_done(ngx_http_request_t *r,
    const PGresult *res);


enum {
    NGX_AUTH_USER_ROLE = 0,
    NGX_AUTH_USER_DISABLED
};


static const ngx_str_t  ngx_auth_user_roles[] = {
    ngx_string("user"),
    ngx_string("admin"),
    ngx_null_string
};


const ngx_api_field_t  ngx_auth_user_patch_fields[] = {

    { ngx_string("role"), NGX_API_ENUM, 0, 0, 0, 0, ngx_auth_user_roles,
      NULL },

    { ngx_string("disabled"), NGX_API_BOOLEAN, 0, 0, 0, 0, NULL, NULL },

    ngx_auth_read_only("id"),
    ngx_auth_read_only("email"),
    ngx_auth_read_only("name"),
    ngx_auth_read_only("email_verified"),
    ngx_auth_read_only("created_at"),
    ngx_auth_read_only("updated_at"),
    ngx_auth_read_only("version"),

    ngx_api_null_field
};


void
ngx_auth_user_list(ngx_http_request_t *r)
{
    ngx_int_t    rc;
    const char  *values[3];

    rc = ngx_auth_list_page(r, NGX_AUTH_SORT_USERS, &values[1]);

    if (rc != NGX_OK) {
        ngx_api_finish(r, rc);
        return;
    }

    values[0] = (char *) ngx_api_identity(r)->user.data;

    ngx_api_pg_exec(r, NGX_AUTH_SQL_ADMIN_USER_LIST, values,
                    ngx_auth_user_list_done);
}


static void
ngx_auth_user_list_done(ngx_http_request_t *r, const PGresult *res)
{
    ngx_api_send_page(r, res, (ngx_uint_t) ngx_api_args(r)[0].integer,
                      NGX_AUTH_SORT_USERS);
}


void
ngx_auth_user_get(ngx_http_request_t *r)
{
    const char  *values[2];

    values[0] = (char *) ngx_api_identity(r)->user.data;
    values[1] = ngx_api_path_id(r, 0);

    ngx_api_pg_exec(r, NGX_AUTH_SQL_ADMIN_USER_GET, values,
                    ngx_auth_user_done);
}


static void
ngx_auth_user_done(ngx_http_request_t *r, const PGresult *res)
{
    ngx_api_send_row(r, NGX_HTTP_OK, res, NULL);
}


void
ngx_auth_user_patch(ngx_http_request_t *r)
{
    ngx_uint_t              present;
    const char             *values[5];
    const ngx_api_value_t  *body;

    if (ngx_api_if_match(r, &values[2], &present) != NGX_OK) {
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    body = ngx_api_body(r);

    values[0] = (char *) ngx_api_identity(r)->user.data;
    values[1] = ngx_api_path_id(r, 0);
    values[3] = body[NGX_AUTH_USER_ROLE].text;
    values[4] = body[NGX_AUTH_USER_DISABLED].text;

    ngx_api_pg_exec(r, NGX_AUTH_SQL_ADMIN_USER_PATCH, values,
                    ngx_auth_user_patch_done);
}


static void
ngx_auth_user_patch_done(ngx_http_request_t *r, const PGresult *res)
{
    ngx_str_t  outcome;

    enum { OUTCOME = 0 };

    outcome = ngx_api_pg_text(res, 0, OUTCOME);

    if (outcome.len == sizeof("own_account") - 1
        && ngx_strncmp(outcome.data, "own_account", outcome.len) == 0)
    {
        ngx_auth_fault(r, ngx_api_body(r)[NGX_AUTH_USER_ROLE].set
                          ? "/role" : "/disabled",
                       "read_only", "must be changed by another admin");
        return;
    }

    ngx_auth_sessions_revoked(r, res);

    ngx_api_send_row(r, NGX_HTTP_OK, res, NULL);
}
