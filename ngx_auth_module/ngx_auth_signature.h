
/*
 * Signatures of JSON Web Tokens (RFC 7518, 3): verified, by OpenSSL.
 */


#ifndef _NGX_AUTH_SIGNATURE_H_INCLUDED_
#define _NGX_AUTH_SIGNATURE_H_INCLUDED_


#include "ngx_auth_jwt.h"


/*
 * Whether signature is one of input by this key and its algorithm: the bytes of
 * a MAC for HS256, of RSASSA-PKCS1-v1_5 for RS256, of r and s for ES256.
 * NGX_OK; else NGX_ERROR, also if out of memory.
 */
ngx_int_t ngx_auth_signature_verify(const ngx_auth_jwt_key_t *key,
    const ngx_str_t *input, const ngx_str_t *signature);


#endif /* _NGX_AUTH_SIGNATURE_H_INCLUDED_ */
