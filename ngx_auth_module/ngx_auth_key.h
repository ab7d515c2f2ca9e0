
/*
 * Keys for tokens, from files in PEM, from JSON Web Keys (RFC 7517), or from
 * plain secrets; checked for their kind and length when they are read.
 *
 * Pure but for the pool, which owns all that a key points to.
 */


#ifndef _NGX_AUTH_KEY_H_INCLUDED_
#define _NGX_AUTH_KEY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_auth_jwt.h"

#include <openssl/evp.h>


#define NGX_AUTH_KEY_SECRET_MIN  32      /* bytes (RFC 7518, 3.2) */
#define NGX_AUTH_KEY_RSA_MIN     2048    /* bits (RFC 7518, 3.3) */
#define NGX_AUTH_KEY_RSA_MAX     16384   /* OpenSSL verifies by no longer one */


/*
 * Fills in key of what a file holds: for HS256 the secret itself, for RS256
 * and ES256 a private key (which signs, too) or a public one in PEM.  kid, if
 * not empty, is the key's name; else a public key is given its thumbprint
 * (RFC 7638).  Returns NULL, or what is wrong with the content, as the rest of
 * a sentence: "is encrypted".
 */
const char *ngx_auth_key_read(ngx_pool_t *pool, const ngx_str_t *alg,
    const ngx_str_t *kid, const ngx_str_t *content, ngx_auth_jwt_key_t *key);

/*
 * The same of a JSON Web Key.  NGX_OK; NGX_DECLINED if it is a key for other
 * purposes, or NGX_ERROR if it is malformed, weak or private: then *why is the
 * rest of a sentence.
 */
ngx_int_t ngx_auth_key_jwk(ngx_pool_t *pool, const json_t *jwk,
    ngx_auth_jwt_key_t *key, const char **why);

/*
 * What both share: checks an OpenSSL key for key->alg and fills in the rest of
 * key but for its kid.  private: it has its private half, too.  The caller
 * keeps pkey.  NULL, or what is wrong as above.
 */
const char *ngx_auth_key_take(ngx_pool_t *pool, EVP_PKEY *pkey,
    ngx_uint_t private, ngx_auth_jwt_key_t *key);

/* n texts as one, in the pool; NGX_OK or NGX_ERROR */
ngx_int_t ngx_auth_key_join(ngx_pool_t *pool, const ngx_str_t *texts,
    ngx_uint_t n, ngx_str_t *all);

/*
 * The public ones of n keys as a JSON Web Key Set, with what a client needs to
 * choose by (kid, use, alg).  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_auth_key_set(ngx_pool_t *pool, const ngx_auth_jwt_key_t *keys,
    ngx_uint_t n, ngx_str_t *set);


#endif /* _NGX_AUTH_KEY_H_INCLUDED_ */
