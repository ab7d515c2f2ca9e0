
/*
 * Password hashes for request handlers: bcrypt in an nginx thread pool, so
 * that the event loop never waits for it.
 */


#ifndef _NGX_AUTH_PASSWORD_H_INCLUDED_
#define _NGX_AUTH_PASSWORD_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_auth_bcrypt.h"


/*
 * rc: as of ngx_auth_bcrypt_hash() or ngx_auth_bcrypt_verify().  hash: the new
 * hash, or the one that was verified against, NUL-terminated, in the request's
 * pool.
 */
typedef void (*ngx_auth_password_handler_pt)(ngx_http_request_t *r,
    ngx_int_t rc, const char *hash);


/*
 * Both take a copy of the password (NUL-terminated, at most 72 bytes) and wipe
 * it when the thread is done with it.  The handler is called once, from the
 * event loop, after this function returned; not at all if the client went
 * away.  NGX_OK: the request is kept until then; return and touch nothing.
 * NGX_BUSY: the pool's queue is full.  NGX_ERROR: out of memory.
 */
ngx_int_t ngx_auth_password_hash(ngx_http_request_t *r,
    ngx_thread_pool_t *pool, const char *password, ngx_uint_t cost,
    ngx_auth_password_handler_pt handler);

ngx_int_t ngx_auth_password_verify(ngx_http_request_t *r,
    ngx_thread_pool_t *pool, const char *password, const char *hash,
    ngx_auth_password_handler_pt handler);


#endif /* _NGX_AUTH_PASSWORD_H_INCLUDED_ */
