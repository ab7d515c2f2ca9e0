
/*
 * Passwords of request handlers: bcrypt in an nginx thread pool, so that the
 * event loop never waits for it.
 */


#ifndef _NGX_AUTH_PASSWORD_H_INCLUDED_
#define _NGX_AUTH_PASSWORD_H_INCLUDED_


#include "ngx_api.h"
#include "ngx_auth_bcrypt.h"


/* What is to be done, in this order; zeros: not. */
typedef struct {
    const ngx_api_value_t  *current;  /* to verify against hash */
    const char             *hash;     /* NUL-terminated */
    const ngx_api_value_t  *fresh;    /* to look up in auth_password_refuse and
                                         to hash */
    unsigned                rehash:1; /* to hash current, if the cost of hash
                                         is below auth_bcrypt_cost */
    void                  (*busy)(ngx_http_request_t *r);
                                      /* is told when the queue is full */
} ngx_auth_password_t;


/*
 * rc: NGX_OK; NGX_DECLINED: current is not the password of hash; NGX_ABORT:
 * fresh is refused; NGX_ERROR: hash is none, or the system failed.  hash: as it
 * was given.  made: the new hash, NULL if there is none.  Both NUL-terminated,
 * in the request's pool.
 */
typedef void (*ngx_auth_password_handler_pt)(ngx_http_request_t *r,
    ngx_int_t rc, const char *hash, const char *made);


/*
 * Takes a copy of the passwords, at most 72 bytes each, and wipes those in the
 * request's body; the thread wipes the copy.  A wrong password takes at least
 * as long as auth_bcrypt_cost asks for, whatever the cost of hash.  The handler
 * is called once, from the event loop, after this function returned; not at all
 * if the client went away.  If there is no memory, or the pool's queue is full,
 * the request is ended here: either way return and touch nothing.
 */
void ngx_auth_password_run(ngx_http_request_t *r,
    const ngx_auth_password_t *job, ngx_auth_password_handler_pt handler);


#endif /* _NGX_AUTH_PASSWORD_H_INCLUDED_ */
