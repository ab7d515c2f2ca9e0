
/*
 * A session that begins: its id, its refresh token, and the answer that hands
 * both tokens to the client.
 */


#ifndef _NGX_AUTH_SESSION_H_INCLUDED_
#define _NGX_AUTH_SESSION_H_INCLUDED_


#include "ngx_auth_module.h"


#define NGX_AUTH_SECRET_LEN   43    /* base64url of 256 random bits */
#define NGX_AUTH_SECRET_HASH  (2 + 2 * NGX_AUTH_DIGEST_LEN)
#define NGX_AUTH_AGENT_MAX    512   /* bytes of User-Agent that are kept */


/* A token that is known by its hash alone: a refresh token, or one that goes
 * out by e-mail.  Texts are NUL-terminated, here and below: they are parameters
 * of statements, too. */
typedef struct {
    char         text[NGX_AUTH_SECRET_LEN + 1];
    char         hash[NGX_AUTH_SECRET_HASH + 1];
                                    /* SHA-256 of the text as bytea: \x... */
} ngx_auth_secret_t;


typedef struct {
    char               id[NGX_API_UUID_LEN + 1];
    ngx_auth_secret_t  refresh;
    char               refresh_ttl[NGX_TIME_T_LEN + 1];
    char               session_ttl[NGX_TIME_T_LEN + 1];
                                    /* seconds */
    char               keep[NGX_TIME_T_LEN + 1];
                                    /* how long after its end, likewise: while
                                       its tokens may still come */
    const char        *ip;          /* of the client */
    const char        *user_agent;  /* NULL: it told none */
} ngx_auth_session_t;


/* a new token; NGX_OK, or NGX_ERROR if the system gives no random bytes */
ngx_int_t ngx_auth_secret(ngx_auth_secret_t *secret);

/* the hash of one that was sent, NUL-terminated; NGX_OK or NGX_ERROR */
ngx_int_t ngx_auth_secret_hash(const void *text, size_t len,
    char hash[NGX_AUTH_SECRET_HASH + 1]);


/* in the request's pool; NULL if out of memory or without random bytes */
ngx_auth_session_t *ngx_auth_session_create(ngx_http_request_t *r);

/*
 * Ends the request with an access token for the session and user, the refresh
 * token, and the user.  res: one row, the user; its columns id (uuid), role
 * (text) and version (bigint) are looked up by name.  location: of the user if
 * it was made just now (then its version is the ETag), else NULL.
 */
void ngx_auth_session_send(ngx_http_request_t *r, ngx_uint_t status,
    const ngx_auth_session_t *session, const PGresult *res,
    const ngx_str_t *location);

/* a new version 7 UUID as text: writes NGX_API_UUID_LEN + 1 bytes; NGX_OK or
 * NGX_ERROR */
ngx_int_t ngx_auth_uuid(char *dst);


#endif /* _NGX_AUTH_SESSION_H_INCLUDED_ */
