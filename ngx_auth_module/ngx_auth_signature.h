
/*
 * Signatures of JSON Web Tokens (RFC 7518, 3), by OpenSSL.
 */


#ifndef _NGX_AUTH_SIGNATURE_H_INCLUDED_
#define _NGX_AUTH_SIGNATURE_H_INCLUDED_


#include "ngx_auth_jwt.h"


/*
 * Whether signature is one of input by this key and its algorithm: the bytes of
 * a MAC for HS256, of RSASSA-PKCS1-v1_5 for RS256, of r and s for ES256.
 * NGX_OK, NGX_ERROR, or NGX_ABORT if out of memory.
 */
ngx_int_t ngx_auth_signature_verify(const ngx_auth_jwt_key_t *key,
    const ngx_str_t *input, const ngx_str_t *signature);


/* the longest that is made: RS256 with a key of 16,384 bits */
#define NGX_AUTH_SIGNATURE_MAX  2048

/*
 * Signs input by this key and its algorithm; signature has room for
 * NGX_AUTH_SIGNATURE_MAX bytes.  NGX_OK; NGX_ERROR if the key can't sign, or if
 * out of memory.
 */
ngx_int_t ngx_auth_signature_make(const ngx_auth_jwt_key_t *key,
    const ngx_str_t *input, ngx_str_t *signature);


#endif /* _NGX_AUTH_SIGNATURE_H_INCLUDED_ */
