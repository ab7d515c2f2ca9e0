
#include "auth_forge.h"

#include <openssl/bio.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>


u_char  forge_secret[] = "0123456789abcdef0123456789abcdef";
u_char  forge_other[] = "0123456789abcdef0123456789abcdeF";

static const ngx_auth_jwt_key_t  forge_unnamed = {
    ngx_null_string, ngx_string("HS256"), NGX_AUTH_JWT_HS256,
    1, { 32, forge_secret }, NULL, ngx_null_string, 0
};

static const ngx_auth_jwt_issuer_t  forge_issuer = {
    ngx_string("skep"), ngx_string("skep"), NGX_AUTH_JWT_TYP_NONE,
    &forge_unnamed, 1
};

const ngx_auth_jwt_conf_t  forge_conf = {
    &forge_issuer, 1, &forge_unnamed, 0
};


ngx_auth_jwt_key_t
forge_key(const char *kid, u_char *key, size_t len)
{
    ngx_auth_jwt_key_t  made = forge_unnamed;

    if (kid) {
        made.kid.data = (u_char *) kid;
        made.kid.len = strlen(kid);
    }

    made.secret.data = key;
    made.secret.len = len;

    return made;
}


ngx_auth_jwt_conf_t
forge_conf_of(ngx_auth_jwt_issuer_t *issuer, const ngx_auth_jwt_key_t *keys,
    ngx_uint_t n)
{
    ngx_auth_jwt_conf_t  cf = forge_conf;

    *issuer = forge_issuer;
    issuer->keys = keys;
    issuer->nkeys = n;

    cf.issuers = issuer;
    cf.signer = keys;

    return cf;
}


void
forge_base64url(char *dst, const void *src, size_t len)
{
    ngx_str_t  d, s;

    s.data = (u_char *) src;
    s.len = len;
    d.data = (u_char *) dst + strlen(dst);

    ngx_encode_base64url(&d, &s);
    d.data[d.len] = '\0';
}


char *
forge_raw(const char *header, const char *payload, const void *key,
    size_t len)
{
    char      *token;
    u_char     md[EVP_MAX_MD_SIZE];
    unsigned   n;

    token = calloc(1, strlen(header) + strlen(payload) + 128);
    assert_non_null(token);

    sprintf(token, "%s.%s", header, payload);

    assert_non_null(HMAC(EVP_sha256(), key, (int) len, (u_char *) token,
                         strlen(token), md, &n));

    strcat(token, ".");
    forge_base64url(token, md, n);

    return token;
}


/* header and payload in base64url, room left for a signature */

static char *
forge_input(const char *header, const char *payload)
{
    char  *input;

    input = calloc(2, strlen(header) + strlen(payload) + 512);
    assert_non_null(input);

    forge_base64url(input, header, strlen(header));
    strcat(input, ".");
    forge_base64url(input, payload, strlen(payload));

    return input;
}


char *
forge_by(const char *header, const char *payload, const void *key, size_t len)
{
    char  *input, *dot, *token;

    input = forge_input(header, payload);
    dot = strchr(input, '.');
    *dot = '\0';

    token = forge_raw(input, dot + 1, key, len);

    free(input);

    return token;
}


char *
forge(const char *header, const char *payload)
{
    return forge_by(header, payload, forge_secret, 32);
}


/* ECDSA's two numbers as JWS has them (RFC 7518, 3.4) */

static size_t
forge_ecdsa(const u_char *der, size_t len, u_char *dst)
{
    ECDSA_SIG  *sig;

    sig = d2i_ECDSA_SIG(NULL, &der, (long) len);
    assert_non_null(sig);

    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(sig), dst, 32), 32);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(sig), dst + 32, 32), 32);

    ECDSA_SIG_free(sig);

    return 64;
}


char *
forge_signed(const char *header, const char *payload, EVP_PKEY *pkey)
{
    char        *token;
    u_char       sig[1024], raw[64];
    size_t       len;
    EVP_MD_CTX  *ctx;

    token = forge_input(header, payload);

    ctx = EVP_MD_CTX_new();
    assert_non_null(ctx);
    len = sizeof(sig);
    assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, pkey),
                     1);
    assert_int_equal(EVP_DigestSign(ctx, sig, &len, (u_char *) token,
                                    strlen(token)), 1);
    EVP_MD_CTX_free(ctx);

    strcat(token, ".");

    if (EVP_PKEY_is_a(pkey, "EC")) {
        len = forge_ecdsa(sig, len, raw);
        forge_base64url(token, raw, len);

    } else {
        forge_base64url(token, sig, len);
    }

    return token;
}


ngx_str_t
forge_pem(ngx_pool_t *pool, EVP_PKEY *pkey, ngx_uint_t private)
{
    BIO        *bio;
    char       *text;
    ngx_str_t   pem;

    bio = BIO_new(BIO_s_mem());
    assert_non_null(bio);

    assert_int_equal(private ? PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL,
                                                        0, NULL, NULL)
                             : PEM_write_bio_PUBKEY(bio, pkey), 1);

    pem.len = BIO_get_mem_data(bio, &text);
    pem.data = unit_copy(pool, text, pem.len);

    BIO_free(bio);

    return pem;
}


ngx_auth_jwt_status_e
verify_len(const ngx_auth_jwt_conf_t *cf, const char *token, size_t len,
    time_t now, ngx_auth_jwt_claims_t *claims)
{
    ngx_str_t               text;
    const char             *fault;
    ngx_pool_t             *pool;
    ngx_auth_jwt_claims_t   mark;
    ngx_auth_jwt_status_e   status;

    /* exactly that many bytes: reading on is seen by the sanitizer */

    pool = unit_pool();
    text.data = unit_copy(pool, token, len);
    text.len = len;

    memset(claims, 0xee, sizeof(ngx_auth_jwt_claims_t));
    mark = *claims;
    fault = NULL;

    status = ngx_auth_jwt_verify(cf, &text, now, claims, &fault);

    /* nothing is left for a TLS connection to stumble over */

    assert_int_equal(ERR_peek_error(), 0);

    if (status == NGX_AUTH_JWT_OK) {
        assert_null(fault);

    } else {
        assert_non_null(fault);
        assert_memory_equal(claims, &mark, sizeof(mark));
    }

    ngx_destroy_pool(pool);

    return status;
}


ngx_auth_jwt_status_e
verify(const ngx_auth_jwt_conf_t *cf, char *token, time_t now)
{
    ngx_auth_jwt_claims_t  claims;
    ngx_auth_jwt_status_e  status;

    status = verify_len(cf, token, strlen(token), now, &claims);
    free(token);

    return status;
}
