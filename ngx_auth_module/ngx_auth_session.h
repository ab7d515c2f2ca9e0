
/*
 * A session that begins: its id, its refresh token, and the answer that hands
 * both tokens to the client.
 */


#ifndef _NGX_AUTH_SESSION_H_INCLUDED_
#define _NGX_AUTH_SESSION_H_INCLUDED_


#include "ngx_auth_module.h"


#define NGX_AUTH_REFRESH_LEN  43    /* base64url of 256 random bits */
#define NGX_AUTH_AGENT_MAX    512   /* bytes of User-Agent that are kept */


/* Texts are NUL-terminated: they are parameters of statements, too. */
typedef struct {
    char         id[NGX_API_UUID_LEN + 1];
    char         refresh_token[NGX_AUTH_REFRESH_LEN + 1];
    char         refresh_hash[2 + 2 * NGX_AUTH_DIGEST_LEN + 1];
                                    /* SHA-256 of the token as bytea: \x... */
    char         refresh_ttl[NGX_TIME_T_LEN + 1];
                                    /* seconds */
    const char  *ip;                /* of the client */
    const char  *user_agent;        /* NULL: it told none */
} ngx_auth_session_t;


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
