
/*
 * Rate limits: what the rest of ngx_auth_module needs of them.
 */


#ifndef _NGX_AUTH_LIMIT_H_INCLUDED_
#define _NGX_AUTH_LIMIT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/* variables that get their value only when a body was read */
typedef enum {
    NGX_AUTH_LIMIT_ACCOUNT = 0,       /* $auth_account: value is the e-mail */
    NGX_AUTH_LIMIT_SESSION,           /* $auth_refresh_session: the session's
                                         id */
    NGX_AUTH_LIMIT_LATE_N
} ngx_auth_limit_late_e;


/*
 * For a route's handler, once it knows: checks the limits of this location
 * whose key has the variable in it.  Then, now or later, next runs, or the
 * request ended with 429.  After it touch nothing.  An empty value is exempt.
 *
 * The e-mail is hashed here, its letters lowered: it gets into no shared
 * memory and not into Redis.  *value is not kept.
 */
void ngx_auth_limit_late(ngx_http_request_t *r, ngx_auth_limit_late_e late,
    const ngx_str_t *value, void (*next)(ngx_http_request_t *r));


/*
 * The access phase, in two steps around what finds out who is calling.
 *
 * ngx_auth_limit_resumed() comes first: NGX_OK if the handler is called again
 * after a wait, then *rc is what it is to return; else NGX_DECLINED.
 *
 * ngx_auth_limit() comes last, with what the handler would return (a refusal
 * too: those requests count), and returns what it is to return instead.
 */
ngx_int_t ngx_auth_limit_resumed(ngx_http_request_t *r, ngx_int_t *rc);
ngx_int_t ngx_auth_limit(ngx_http_request_t *r, ngx_int_t rc);


/* at configuration time: whether there is any "rate_limit" */
ngx_uint_t ngx_auth_limit_configured(ngx_conf_t *cf);


extern ngx_module_t  ngx_auth_limit_module;


#endif /* _NGX_AUTH_LIMIT_H_INCLUDED_ */
