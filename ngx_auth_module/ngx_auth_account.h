
/*
 * The calls of accounts: what their handlers share.
 */


#ifndef _NGX_AUTH_ACCOUNT_H_INCLUDED_
#define _NGX_AUTH_ACCOUNT_H_INCLUDED_


#include "ngx_auth_module.h"
#include "ngx_auth_limit.h"
#include "ngx_auth_password.h"
#include "ngx_auth_session.h"
#include "ngx_auth_sql.h"


/* how long tokens that go out by e-mail are good for, in seconds: parameters of
 * statements */
#define NGX_AUTH_RESET_TTL   "3600"
#define NGX_AUTH_VERIFY_TTL  "86400"

/* in the cursors of lists: no list takes another's */
#define NGX_AUTH_SORT_SESSIONS  64
#define NGX_AUTH_SORT_USERS     65


/* a token that goes out by e-mail */
typedef struct {
    ngx_auth_secret_t    secret;
    char                 event_id[NGX_API_UUID_LEN + 1];
} ngx_auth_mail_t;


/* of a request that waits for a hash or for the database */
typedef struct {
    char                 user[NGX_API_UUID_LEN + 1];
    const char          *versions;    /* of If-Match; see ngx_api_if_match() */
    ngx_auth_session_t  *session;
    ngx_auth_mail_t     *mail;
    const char         **values;      /* of a statement that may run again */
    ngx_http_request_t  *request;     /* of a login */
    char                 hash[NGX_AUTH_SECRET_HASH + 1];
                                      /* of the token that was sent */

    unsigned             known:1;     /* there is such an account, and it may
                                         be used */
    unsigned             again:1;
    unsigned             disabled:1;  /* there is, and it may not be used */
    unsigned             asked:1;     /* a login that was taken on, */
    unsigned             counted:1;   /* and of which it is known what became */
} ngx_auth_call_t;


/* made for the request; or NULL, and the request is ended by 500 */
ngx_auth_call_t *ngx_auth_call_create(ngx_http_request_t *r);
ngx_auth_call_t *ngx_auth_call(ngx_http_request_t *r);

/* a new one, in the request's pool; NULL on an error */
ngx_auth_mail_t *ngx_auth_mail_create(ngx_http_request_t *r);

/* ends the request: 422 with one fault; the texts are static */
void ngx_auth_fault(ngx_http_request_t *r, const char *pointer,
    const char *code, const char *detail);

/* ends the request: 401, without telling what was wrong */
void ngx_auth_refuse(ngx_http_request_t *r);

/* what the handler of a password hash does when rc is not NGX_OK: ends the
 * request.  pointer: of the new password, for a fault of it */
void ngx_auth_password_failed(ngx_http_request_t *r, ngx_int_t rc,
    const char *pointer);

/*
 * Sessions that a statement has revoked: those in the column "_session" (uuid,
 * may be null) of each row.
 */
void ngx_auth_sessions_revoked(ngx_http_request_t *r, const PGresult *res);

/*
 * For lists with the arguments "limit" and "cursor", in this order, newest
 * first: values[0] is one more than the page holds, values[1] the id that it
 * begins after.  NGX_OK, or what ngx_api_finish() takes.
 */
ngx_int_t ngx_auth_list_page(ngx_http_request_t *r, ngx_uint_t sort,
    const char **values);

extern const ngx_api_field_t  ngx_auth_list_args[];


/*
 * The routes, made once per configuration: "password" and "new_password", where
 * they are set, have their shortest length from it, which is known only when
 * all is read.  NULL: out of memory.
 */
const ngx_api_route_t *ngx_auth_routes(ngx_conf_t *cf,
    ngx_auth_main_conf_t *amcf);


/* handlers, see ngx_api_route.h; and the fields of their bodies */

void ngx_auth_register(ngx_http_request_t *r);
void ngx_auth_login(ngx_http_request_t *r);
void ngx_auth_refresh(ngx_http_request_t *r);
void ngx_auth_logout(ngx_http_request_t *r);

void ngx_auth_me_get(ngx_http_request_t *r);
void ngx_auth_me_patch(ngx_http_request_t *r);
void ngx_auth_me_delete(ngx_http_request_t *r);
void ngx_auth_me_password(ngx_http_request_t *r);

void ngx_auth_session_list(ngx_http_request_t *r);
void ngx_auth_session_delete(ngx_http_request_t *r);

void ngx_auth_reset(ngx_http_request_t *r);
void ngx_auth_reset_confirm(ngx_http_request_t *r);
void ngx_auth_verify_email(ngx_http_request_t *r);
void ngx_auth_verify_resend(ngx_http_request_t *r);

void ngx_auth_user_list(ngx_http_request_t *r);
void ngx_auth_user_get(ngx_http_request_t *r);
void ngx_auth_user_patch(ngx_http_request_t *r);

extern const ngx_api_field_t  ngx_auth_register_fields[];
extern const ngx_api_field_t  ngx_auth_login_fields[];
extern const ngx_api_field_t  ngx_auth_refresh_fields[];
extern const ngx_api_field_t  ngx_auth_logout_args[];
extern const ngx_api_field_t  ngx_auth_me_patch_fields[];
extern const ngx_api_field_t  ngx_auth_me_delete_fields[];
extern const ngx_api_field_t  ngx_auth_me_password_fields[];
extern const ngx_api_field_t  ngx_auth_reset_fields[];
extern const ngx_api_field_t  ngx_auth_reset_confirm_fields[];
extern const ngx_api_field_t  ngx_auth_verify_fields[];
extern const ngx_api_field_t  ngx_auth_user_patch_fields[];


/* a field that is known, but that the client may not set */
#define ngx_auth_read_only(name)                                              \
    { ngx_string(name), NGX_API_STRING, NGX_API_READ_ONLY, 0, 0, 0, NULL, NULL }


#endif /* _NGX_AUTH_ACCOUNT_H_INCLUDED_ */
