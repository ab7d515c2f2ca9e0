
/*
 * Access tokens: JSON Web Tokens (RFC 7519) in compact JWS form (RFC 7515),
 * made and verified as strictly as RFC 8725 asks.
 *
 * Pure: nothing here knows a request, a clock or a pool; "now" is an argument.
 * What a token says is decided here, by one parser; OpenSSL signs, and checks
 * signatures.  A library for tokens, such as libjwt, would leave open what
 * matters: the algorithm, the key, the form of the token, the claims.
 */


#ifndef _NGX_AUTH_JWT_H_INCLUDED_
#define _NGX_AUTH_JWT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <openssl/evp.h>

#include "ngx_auth_jose.h"


/* a longer token is refused without being looked at */
#define NGX_AUTH_JWT_MAX        8192

#define NGX_AUTH_JWT_KID_MAX    64      /* of a key that signs */
#define NGX_AUTH_JWT_SUB_MAX    255     /* OpenID Connect Core, 2 */
#define NGX_AUTH_JWT_ROLE_MAX   32
#define NGX_AUTH_JWT_UUID_LEN   36


typedef enum {
    NGX_AUTH_JWT_OK = 0,
    NGX_AUTH_JWT_INVALID,
    NGX_AUTH_JWT_EXPIRED,      /* right in all but "exp" */
    NGX_AUTH_JWT_FAILED        /* out of memory: nothing is known of it */
} ngx_auth_jwt_status_e;


/* "alg" of a header (RFC 7518, 3.1) */
typedef enum {
    NGX_AUTH_JWT_NONE = 0,     /* not one of these: no token has it */
    NGX_AUTH_JWT_HS256,
    NGX_AUTH_JWT_RS256,
    NGX_AUTH_JWT_ES256
} ngx_auth_jwt_alg_e;


/* "typ" of a header */
typedef enum {
    NGX_AUTH_JWT_TYP_NONE = 0,
    NGX_AUTH_JWT_TYP_JWT,      /* RFC 7519, 5.1 */
    NGX_AUTH_JWT_TYP_ACCESS    /* "at+jwt": an access token (RFC 9068) */
} ngx_auth_jwt_typ_e;


/* A key is pinned to one algorithm: a token names it, but never chooses it. */
typedef struct {
    ngx_str_t                     kid;      /* empty: the key has no name */
    ngx_str_t                     alg;      /* as in the header: "HS256" */
    ngx_auth_jwt_alg_e            algorithm;
    ngx_uint_t                    signs;    /* it does not only verify */
    ngx_str_t                     secret;   /* of HS256 */
    EVP_PKEY                     *pkey;     /* of the others */
    ngx_str_t                     jwk;      /* a public key's members in a JSON
                                               Web Key, without braces; empty:
                                               there is nothing public */
    ngx_uint_t                    derived;  /* kid was made from the key, so
                                               tokens may not know it */
} ngx_auth_jwt_key_t;


/* Whose tokens they are: "iss" chooses among issuers, "kid" among the keys of
 * that issuer. */
typedef struct {
    ngx_str_t                     issuer;
    ngx_str_t                     audience;
    ngx_auth_jwt_typ_e            typ;      /* NONE: any of them, or none */
    const ngx_auth_jwt_key_t     *keys;
    ngx_uint_t                    nkeys;
} ngx_auth_jwt_issuer_t;


typedef struct {
    const ngx_auth_jwt_issuer_t  *issuers;  /* the first is this server */
    ngx_uint_t                    nissuers; /* 1 at least */
    const ngx_auth_jwt_key_t     *signer;   /* of ours; NULL: none can sign */
    time_t                        leeway;   /* seconds, for exp, nbf and iat */
} ngx_auth_jwt_conf_t;


/* Who the bearer is.  The texts are NUL-terminated. */
typedef struct {
    int64_t     expires;                            /* "exp" */
    ngx_uint_t  issuer;                             /* index; 0: this server,
                                                       user has an account */
    u_char      user[NGX_AUTH_JWT_SUB_MAX + 1];     /* "sub"; of ours a UUID in
                                                       lower case */
    u_char      session[NGX_AUTH_JWT_UUID_LEN + 1]; /* "sid"; may be empty */
    u_char      role[NGX_AUTH_JWT_ROLE_MAX + 1];    /* "role"; of others it may
                                                       be empty */
} ngx_auth_jwt_claims_t;


/*
 * Verifies a token at the time of now.  claims is filled in only when the
 * status is NGX_AUTH_JWT_OK; otherwise *fault is a static phrase for the log.
 *
 * Header: "alg" is exactly that of the key; "typ" is absent, JWT or at+jwt, or
 * the one that the issuer is known to use; "kid" names a key; without it the
 * only key, or those that were given no name, are tried; a header that brings
 * its own key, or has "crit", is refused.
 * Claims of all: "iss" one of the issuers; "aud" as that issuer's, or an array
 * with it in it; "exp" an integer after now - leeway; "nbf" and "iat", if
 * there, integers not after now + leeway.  Of ours besides: "sub" a UUID;
 * "sid", if there, a UUID; "role" an identifier; "jti", if there, a string.
 * Of others: "sub" is 1 to 255 visible ASCII characters; "role" counts if it
 * is an identifier; "sid" is theirs, session stays empty.
 */
ngx_auth_jwt_status_e ngx_auth_jwt_verify(const ngx_auth_jwt_conf_t *conf,
    const ngx_str_t *token, time_t now, ngx_auth_jwt_claims_t *claims,
    const char **fault);


/* All claims of a token that is verified already.  The caller owns the object:
 * json_decref().  NULL if out of memory. */
json_t *ngx_auth_jwt_payload(const ngx_str_t *token);


/*
 * Signs a token for claims, as this server, with conf->signer.  jti:
 * NUL-terminated text.  Returns a NUL-terminated string for the caller to
 * free(), or NULL if out of memory or if issuer or audience are not UTF-8.
 */
char *ngx_auth_jwt_sign(const ngx_auth_jwt_conf_t *conf,
    const ngx_auth_jwt_claims_t *claims, const char *jti, time_t now);


#endif /* _NGX_AUTH_JWT_H_INCLUDED_ */
