
/*
 * Access tokens: JSON Web Tokens (RFC 7519) in compact JWS form (RFC 7515),
 * made and verified as strictly as RFC 8725 asks.
 *
 * Pure: nothing here knows a request, a clock or a pool; "now" is an argument.
 * The signature itself is libjwt's work.  Everything that libjwt leaves open
 * (the algorithm, the key, the form of the token, the claims) is decided here.
 */


#ifndef _NGX_AUTH_JWT_H_INCLUDED_
#define _NGX_AUTH_JWT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <jwt.h>


/* a longer token is refused without being looked at */
#define NGX_AUTH_JWT_MAX        8192

#define NGX_AUTH_JWT_KEY_MIN    32      /* bytes of an HMAC key (RFC 7518,
                                           3.2) */
#define NGX_AUTH_JWT_KID_MAX    64
#define NGX_AUTH_JWT_ROLE_MAX   32
#define NGX_AUTH_JWT_UUID_LEN   36


typedef enum {
    NGX_AUTH_JWT_OK = 0,
    NGX_AUTH_JWT_INVALID,
    NGX_AUTH_JWT_EXPIRED       /* right in all but "exp" */
} ngx_auth_jwt_status_e;


/* A key is pinned to one algorithm: a token names it, but never chooses it. */
typedef struct {
    ngx_str_t                   kid;    /* empty: the key has no name */
    ngx_str_t                   alg;    /* as in the header: "HS256" */
    jwt_alg_t                   jwt_alg;
    ngx_str_t                   key;    /* the secret's bytes */
} ngx_auth_jwt_key_t;


typedef struct {
    const ngx_auth_jwt_key_t   *keys;   /* the first one signs */
    ngx_uint_t                  nkeys;
    ngx_str_t                   issuer;
    ngx_str_t                   audience;
    time_t                      leeway; /* seconds, for exp, nbf and iat */
} ngx_auth_jwt_conf_t;


/* Who the bearer is.  The texts are NUL-terminated; no pointers, so that it
 * may lie in shared memory. */
typedef struct {
    int64_t   expires;                            /* "exp" */
    u_char    user[NGX_AUTH_JWT_UUID_LEN + 1];    /* "sub", lower-case */
    u_char    session[NGX_AUTH_JWT_UUID_LEN + 1]; /* "sid"; may be empty */
    u_char    role[NGX_AUTH_JWT_ROLE_MAX + 1];    /* "role" */
} ngx_auth_jwt_claims_t;


/*
 * Verifies a token at the time of now.  claims is filled in only when the
 * status is NGX_AUTH_JWT_OK; otherwise *fault is a static phrase for the log.
 *
 * Header: "alg" is exactly that of the key; "typ" is absent or JWT; "kid"
 * names a key; without it the only key, or those that have no name, are tried;
 * a header that brings its own key, or has "crit", is refused.
 * Claims: "iss" ours; "aud" ours, or an array with ours in it; "sub" a UUID;
 * "sid", if there, a UUID; "role" an identifier; "exp" an integer after
 * now - leeway; "nbf" and "iat", if there, integers not after now + leeway.
 */
ngx_auth_jwt_status_e ngx_auth_jwt_verify(const ngx_auth_jwt_conf_t *conf,
    const ngx_str_t *token, time_t now, ngx_auth_jwt_claims_t *claims,
    const char **fault);


/*
 * Signs a token for claims with the first key.  jti: NUL-terminated text.
 * Returns a NUL-terminated string for the caller to free(), or NULL if out of
 * memory or if issuer or audience are not UTF-8.
 */
char *ngx_auth_jwt_sign(const ngx_auth_jwt_conf_t *conf,
    const ngx_auth_jwt_claims_t *claims, const char *jti, time_t now);


#endif /* _NGX_AUTH_JWT_H_INCLUDED_ */
