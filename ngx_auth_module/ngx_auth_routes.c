
/*
 * The calls of accounts: their routes, and what their handlers share.
 */


#include "ngx_auth_account.h"


static ngx_int_t ngx_auth_routes_fields(ngx_conf_t *cf,
    ngx_auth_main_conf_t *amcf, ngx_api_route_t *route);


const ngx_api_field_t  ngx_auth_list_args[] = {

    { ngx_string("limit"), NGX_API_INTEGER, 0, 1, 100, 0, NULL, "20" },

    { ngx_string("cursor"), NGX_API_CURSOR, 0, 0, 0, 0, NULL, NULL },

    ngx_api_null_field
};


static const ngx_api_route_t  ngx_auth_account_routes[] = {

    { NGX_HTTP_POST, ngx_string("/v1/auth/register"), ngx_auth_register,
      ngx_auth_register_fields, NULL, NGX_API_ROUTE_PUBLIC },

    { NGX_HTTP_POST, ngx_string("/v1/auth/login"), ngx_auth_login,
      ngx_auth_login_fields, NULL, NGX_API_ROUTE_PUBLIC },

    { NGX_HTTP_POST, ngx_string("/v1/auth/refresh"), ngx_auth_refresh,
      ngx_auth_refresh_fields, NULL, NGX_API_ROUTE_PUBLIC },

    { NGX_HTTP_POST, ngx_string("/v1/auth/logout"), ngx_auth_logout,
      NULL, ngx_auth_logout_args, 0 },

    { NGX_HTTP_POST, ngx_string("/v1/auth/password-reset"), ngx_auth_reset,
      ngx_auth_reset_fields, NULL, NGX_API_ROUTE_PUBLIC },

    { NGX_HTTP_POST, ngx_string("/v1/auth/password-reset/confirm"),
      ngx_auth_reset_confirm, ngx_auth_reset_confirm_fields, NULL,
      NGX_API_ROUTE_PUBLIC },

    { NGX_HTTP_POST, ngx_string("/v1/auth/verify-email"),
      ngx_auth_verify_email, ngx_auth_verify_fields, NULL,
      NGX_API_ROUTE_PUBLIC },

    { NGX_HTTP_POST, ngx_string("/v1/auth/verify-email/resend"),
      ngx_auth_verify_resend, NULL, NULL, 0 },

    { NGX_HTTP_GET, ngx_string("/v1/me"), ngx_auth_me_get, NULL, NULL, 0 },

    { NGX_HTTP_PATCH, ngx_string("/v1/me"), ngx_auth_me_patch,
      ngx_auth_me_patch_fields, NULL, NGX_API_ROUTE_PARTIAL },

    { NGX_HTTP_DELETE, ngx_string("/v1/me"), ngx_auth_me_delete,
      ngx_auth_me_delete_fields, NULL, 0 },

    { NGX_HTTP_PUT, ngx_string("/v1/me/password"), ngx_auth_me_password,
      ngx_auth_me_password_fields, NULL, 0 },

    { NGX_HTTP_GET, ngx_string("/v1/sessions"), ngx_auth_session_list,
      NULL, ngx_auth_list_args, 0 },

    { NGX_HTTP_DELETE, ngx_string("/v1/sessions/{id}"),
      ngx_auth_session_delete, NULL, NULL, 0 },

    { NGX_HTTP_GET, ngx_string("/v1/users"), ngx_auth_user_list,
      NULL, ngx_auth_list_args, 0 },

    { NGX_HTTP_GET, ngx_string("/v1/users/{id}"), ngx_auth_user_get,
      NULL, NULL, 0 },

    { NGX_HTTP_PATCH, ngx_string("/v1/users/{id}"), ngx_auth_user_patch,
      ngx_auth_user_patch_fields, NULL, NGX_API_ROUTE_PARTIAL },

    { NGX_HTTP_GET, ngx_string("/.well-known/jwks.json"), ngx_auth_jwks,
      NULL, NULL, NGX_API_ROUTE_PUBLIC },

    { 0, ngx_null_string, NULL, NULL, NULL, 0 }
};


const ngx_api_route_t *
ngx_auth_routes(ngx_conf_t *cf, ngx_auth_main_conf_t *amcf)
{
    ngx_uint_t        i;
    ngx_api_route_t  *routes;

    if (amcf->routes) {
        return amcf->routes;
    }

    routes = ngx_palloc(cf->pool, sizeof(ngx_auth_account_routes));

    if (routes == NULL
        || ngx_array_init(&amcf->new_passwords, cf->pool, 4,
                          sizeof(ngx_api_field_t *))
           != NGX_OK)
    {
        return NULL;
    }

    ngx_memcpy(routes, ngx_auth_account_routes,
               sizeof(ngx_auth_account_routes));

    for (i = 0; routes[i].path.len; i++) {
        if (routes[i].body == ngx_auth_register_fields
            || routes[i].body == ngx_auth_me_password_fields
            || routes[i].body == ngx_auth_reset_confirm_fields)
        {
            if (ngx_auth_routes_fields(cf, amcf, &routes[i]) != NGX_OK) {
                return NULL;
            }
        }
    }

    amcf->routes = routes;

    return routes;
}


/* gives a route fields of its own, and remembers the new password's */

static ngx_int_t
ngx_auth_routes_fields(ngx_conf_t *cf, ngx_auth_main_conf_t *amcf,
    ngx_api_route_t *route)
{
    size_t             size;
    ngx_uint_t         i, n;
    ngx_api_field_t   *fields, **field;

    for (n = 0; route->body[n].name.len; n++) { /* void */ }

    size = (n + 1) * sizeof(ngx_api_field_t);

    fields = ngx_palloc(cf->pool, size);
    if (fields == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(fields, route->body, size);
    route->body = fields;

    for (i = 0; i < n; i++) {
        if (ngx_strcmp(fields[i].name.data, "password") != 0
            && ngx_strcmp(fields[i].name.data, "new_password") != 0)
        {
            continue;
        }

        field = ngx_array_push(&amcf->new_passwords);
        if (field == NULL) {
            return NGX_ERROR;
        }

        *field = &fields[i];
    }

    return NGX_OK;
}


ngx_auth_call_t *
ngx_auth_call_create(ngx_http_request_t *r)
{
    ngx_auth_ctx_t   *ctx;
    ngx_auth_call_t  *call;

    ctx = ngx_auth_ctx(r);
    call = ngx_pcalloc(r->pool, sizeof(ngx_auth_call_t));

    if (ctx == NULL || call == NULL) {
        ngx_api_finish(r, NGX_ERROR);
        return NULL;
    }

    ctx->call = call;

    return call;
}


ngx_auth_call_t *
ngx_auth_call(ngx_http_request_t *r)
{
    ngx_auth_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_auth_module);

    return ctx->call;
}


ngx_auth_mail_t *
ngx_auth_mail_create(ngx_http_request_t *r)
{
    ngx_auth_mail_t  *mail;

    mail = ngx_palloc(r->pool, sizeof(ngx_auth_mail_t));

    if (mail == NULL
        || ngx_auth_secret(&mail->secret) != NGX_OK
        || ngx_auth_uuid(mail->event_id) != NGX_OK)
    {
        return NULL;
    }

    return mail;
}


void
ngx_auth_fault(ngx_http_request_t *r, const char *pointer, const char *code,
    const char *detail)
{
    ngx_str_t     where;
    ngx_array_t  *faults;

    where.data = (u_char *) pointer;
    where.len = ngx_strlen(pointer);

    faults = ngx_array_create(r->pool, 1, sizeof(ngx_api_fault_t));

    if (faults == NULL
        || ngx_api_fault_add(faults, &where, code, detail) != NGX_OK)
    {
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    ngx_api_finish(r, ngx_api_problem(r, &ngx_api_validation_failed, faults));
}


void
ngx_auth_refuse(ngx_http_request_t *r)
{
    ngx_api_finish(r, ngx_auth_challenge(r, &ngx_auth_invalid_credentials));
}


void
ngx_auth_password_failed(ngx_http_request_t *r, ngx_int_t rc,
    const char *pointer)
{
    switch (rc) {

    case NGX_DECLINED:
        ngx_auth_refuse(r);
        return;

    case NGX_ABORT:
        ngx_auth_fault(r, pointer, "too_common",
                       "must not be one that many people use");
        return;

    default:
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "a password can't be hashed");
        ngx_api_finish(r, NGX_ERROR);
    }
}


ngx_int_t
ngx_auth_list_page(ngx_http_request_t *r, ngx_uint_t sort,
    const char **values)
{
    u_char                  text[NGX_INT64_LEN + 1], id[NGX_API_UUID_LEN];
    ngx_int_t               rc;
    ngx_api_cursor_t        cursor;
    const ngx_api_value_t  *limit, *after;

    limit = &ngx_api_args(r)[0];
    after = &ngx_api_args(r)[1];

    /* one more than asked for tells whether there is a next page */

    *ngx_sprintf(text, "%L", limit->integer + 1) = '\0';

    values[0] = ngx_api_cstr(r, text, ngx_strlen(text));
    values[1] = "ffffffff-ffff-ffff-ffff-ffffffffffff";

    if (after->set) {

        rc = ngx_api_page_start(r, after, sort, &cursor);

        if (rc != NGX_OK) {
            return rc;
        }

        (void) ngx_api_uuid_format(id, cursor.id);

        values[1] = ngx_api_cstr(r, id, sizeof(id));
    }

    return values[0] && values[1] ? NGX_OK : NGX_ERROR;
}
