
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
#include "ngx_auth_revoked_zone.h"


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

/*
 * For the access phase: why a token that is good by itself is refused, if it
 * is.  UNKNOWN: nobody knows yet whether its session was revoked, shortly after
 * the start.
 */
ngx_auth_refused_reason_e ngx_auth_revoked_reason(ngx_auth_main_conf_t *amcf,
    const ngx_auth_jwt_claims_t *claims);


/*
 * For the access phase, when ngx_auth_revoked_reason() is UNKNOWN: NGX_AGAIN if
 * it may be known in a moment, and then the phase comes again; NGX_DECLINED if
 * there is no use in waiting; NGX_ERROR.
 */
ngx_int_t ngx_auth_revoked_wait(ngx_http_request_t *r);


/* auth_revocations size [poll=time]; */
char *ngx_auth_revocations_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* once all is read; NGX_OK or NGX_ERROR */
ngx_int_t ngx_auth_revoked_conf_init(ngx_conf_t *cf,
    ngx_auth_main_conf_t *amcf);

/* of each worker; NGX_OK or NGX_ERROR */
ngx_int_t ngx_auth_revoked_init_process(ngx_cycle_t *cycle,
    ngx_auth_main_conf_t *amcf);


#endif /* _NGX_AUTH_REVOKED_H_INCLUDED_ */
