
/*
 * Sessions whose access tokens are refused though they are good otherwise.
 *
 * PostgreSQL knows (auth.sessions.revoked_at); a set in shared memory is what
 * requests look at.  It is filled when nginx starts, and learns from those who
 * revoke in this instance, from other instances through Redis, and from
 * PostgreSQL, which it asks again and again: so nothing is missed for long,
 * whatever is away.  It outlives a reload.
 */


#ifndef _NGX_AUTH_REVOKED_H_INCLUDED_
#define _NGX_AUTH_REVOKED_H_INCLUDED_


#include "ngx_auth_module.h"


#define NGX_AUTH_REVOKED_SESSION  16     /* bytes of an id */


/*
 * From a statement's handler, after its commit: these sessions are refused
 * from now on, by every worker of this instance at once, and by the others
 * through Redis.  sessions: n ids.
 */
void ngx_auth_revoke(ngx_http_request_t *r,
    const u_char (*sessions)[NGX_AUTH_REVOKED_SESSION], ngx_uint_t n);


/* whether a session was revoked */
ngx_uint_t ngx_auth_revoked(ngx_auth_main_conf_t *amcf,
    const u_char session[NGX_AUTH_REVOKED_SESSION]);


#endif /* _NGX_AUTH_REVOKED_H_INCLUDED_ */
