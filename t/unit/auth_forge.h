
/*
 * Tokens for the tests of tokens: signed rightly, whatever their parts are.
 */


#ifndef _AUTH_FORGE_H_INCLUDED_
#define _AUTH_FORGE_H_INCLUDED_


#include "ngx_unit.h"
#include "ngx_auth_jwt.h"

#include <openssl/evp.h>


#define NOW      1800000000

#define USER     "018f3a5e-7c1b-7def-8123-456789abcdef"
#define SESSION  "018f3a5e-7c1b-7def-9123-456789abcdef"

#define HEADER   "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"

#define IDS      "\"iss\":\"skep\",\"aud\":\"skep\",\"sub\":\"" USER "\","    \
                 "\"role\":\"user\""
#define TIMES    "\"exp\":1800000900"

#define CLAIMS   "{" IDS "," TIMES "}"


/* two secrets of 32 bytes that differ in the last one */
extern u_char  forge_secret[];
extern u_char  forge_other[];

/* "skep" for "skep", by forge_secret, which has no name */
extern const ngx_auth_jwt_conf_t  forge_conf;


/* a key of HS256 for a configuration; kid may be NULL */
ngx_auth_jwt_key_t forge_key(const char *kid, u_char *key, size_t len);

/* the configuration of these keys, of "skep" for "skep"; issuer is where it
 * is kept */
ngx_auth_jwt_conf_t forge_conf_of(ngx_auth_jwt_issuer_t *issuer,
    const ngx_auth_jwt_key_t *keys, ngx_uint_t n);

/* appends to dst */
void forge_base64url(char *dst, const void *src, size_t len);

/* tokens by HMAC; of header and payload as they are, encoded, and by
 * forge_secret; the caller frees them */
char *forge_raw(const char *header, const char *payload, const void *key,
    size_t len);
char *forge_by(const char *header, const char *payload, const void *key,
    size_t len);
char *forge(const char *header, const char *payload);

/* by RS256 or ES256, as the key is */
char *forge_signed(const char *header, const char *payload, EVP_PKEY *pkey);

/* a key in PEM, in the pool */
ngx_str_t forge_pem(ngx_pool_t *pool, EVP_PKEY *pkey, ngx_uint_t private);


/* claims are left as they were if the token is not good; verify() frees it */
ngx_auth_jwt_status_e verify_len(const ngx_auth_jwt_conf_t *cf,
    const char *token, size_t len, time_t now, ngx_auth_jwt_claims_t *claims);
ngx_auth_jwt_status_e verify(const ngx_auth_jwt_conf_t *cf, char *token,
    time_t now);


#define assert_good_by(cf, token)                                             \
    assert_int_equal(verify(cf, token, NOW), NGX_AUTH_JWT_OK)

#define assert_bad_by(cf, token)                                              \
    assert_int_equal(verify(cf, token, NOW), NGX_AUTH_JWT_INVALID)

#define assert_ok(token)       assert_good_by(&forge_conf, token)
#define assert_invalid(token)  assert_bad_by(&forge_conf, token)

#define assert_expired(token)                                                 \
    assert_int_equal(verify(&forge_conf, token, NOW), NGX_AUTH_JWT_EXPIRED)


#endif /* _AUTH_FORGE_H_INCLUDED_ */
