
#include "ngx_auth_signature.h"

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/hmac.h>


#define NGX_AUTH_SIGNATURE_P256  32            /* bytes of r and of s */

/* a sequence of two integers, each with a zero in front */
#define NGX_AUTH_SIGNATURE_DER   (2 + 2 * (2 + 1 + NGX_AUTH_SIGNATURE_P256))


static ngx_int_t ngx_auth_signature_private(EVP_PKEY *pkey,
    const ngx_str_t *input, ngx_str_t *signature);
static ngx_int_t ngx_auth_signature_bare(ngx_str_t *signature);
static ngx_int_t ngx_auth_signature_mac(const ngx_auth_jwt_key_t *key,
    const ngx_str_t *input, const ngx_str_t *signature);
static ngx_int_t ngx_auth_signature_public(EVP_PKEY *pkey,
    const ngx_str_t *input, const ngx_str_t *signature);
static ngx_uint_t ngx_auth_signature_memory(void);
static ngx_int_t ngx_auth_signature_der(const ngx_str_t *bare,
    u_char der[NGX_AUTH_SIGNATURE_DER], size_t *len);


ngx_int_t
ngx_auth_signature_verify(const ngx_auth_jwt_key_t *key,
    const ngx_str_t *input, const ngx_str_t *signature)
{
    u_char     der[NGX_AUTH_SIGNATURE_DER];
    ngx_int_t  rc;
    ngx_str_t  text;

    rc = NGX_ERROR;

    switch (key->algorithm) {

    case NGX_AUTH_JWT_HS256:
        return ngx_auth_signature_mac(key, input, signature);

    case NGX_AUTH_JWT_RS256:
        rc = ngx_auth_signature_public(key->pkey, input, signature);
        break;

    case NGX_AUTH_JWT_ES256:
        text.data = der;
        rc = ngx_auth_signature_der(signature, der, &text.len);

        if (rc == NGX_OK) {
            rc = ngx_auth_signature_public(key->pkey, input, &text);
        }

        break;

    default:
        break;
    }

    /* what is left in the thread's queue of errors would be taken for one of a
     * TLS connection */

    ERR_clear_error();

    return rc;
}


static ngx_int_t
ngx_auth_signature_mac(const ngx_auth_jwt_key_t *key, const ngx_str_t *input,
    const ngx_str_t *signature)
{
    u_char    mac[EVP_MAX_MD_SIZE];
    unsigned  len;

    /* anybody can sign with a secret of no length */

    if (key->secret.len == 0) {
        return NGX_ERROR;
    }

    if (HMAC(EVP_sha256(), key->secret.data, (int) key->secret.len, input->data,
             input->len, mac, &len)
        == NULL)
    {
        return NGX_ABORT;
    }

    if (len != signature->len) {
        return NGX_ERROR;
    }

    return CRYPTO_memcmp(mac, signature->data, len) == 0 ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_auth_signature_public(EVP_PKEY *pkey, const ngx_str_t *input,
    const ngx_str_t *signature)
{
    ngx_int_t    rc;
    EVP_MD_CTX  *ctx;

    ctx = EVP_MD_CTX_new();

    if (ctx == NULL
        || EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, pkey) != 1)
    {
        rc = NGX_ABORT;

    } else if (EVP_DigestVerify(ctx, signature->data, signature->len,
                                input->data, input->len)
               == 1)
    {
        rc = NGX_OK;

    } else {
        rc = ngx_auth_signature_memory() ? NGX_ABORT : NGX_ERROR;
    }

    EVP_MD_CTX_free(ctx);

    return rc;
}


/* whether OpenSSL says that it was short of memory, and not the signature
 * wrong; its queue is taken to its end */

static ngx_uint_t
ngx_auth_signature_memory(void)
{
    ngx_uint_t     found;
    unsigned long  error;

    found = 0;

    while ((error = ERR_get_error()) != 0) {
        found |= (ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE);
    }

    return found;
}


/* JWS has r and s bare, each in full (RFC 7518, 3.4); OpenSSL wants DER */

static ngx_int_t
ngx_auth_signature_der(const ngx_str_t *bare,
    u_char der[NGX_AUTH_SIGNATURE_DER], size_t *len)
{
    int         n;
    BIGNUM     *r, *s;
    ECDSA_SIG  *sig;

    if (bare->len != 2 * NGX_AUTH_SIGNATURE_P256) {
        return NGX_ERROR;
    }

    r = BN_bin2bn(bare->data, NGX_AUTH_SIGNATURE_P256, NULL);
    s = BN_bin2bn(bare->data + NGX_AUTH_SIGNATURE_P256,
                  NGX_AUTH_SIGNATURE_P256, NULL);
    sig = ECDSA_SIG_new();

    if (r == NULL || s == NULL || sig == NULL
        || ECDSA_SIG_set0(sig, r, s) != 1)
    {
        BN_free(r);
        BN_free(s);
        ECDSA_SIG_free(sig);
        return NGX_ABORT;
    }

    n = i2d_ECDSA_SIG(sig, &der);

    ECDSA_SIG_free(sig);

    if (n <= 0) {
        return NGX_ABORT;
    }

    *len = n;

    return NGX_OK;
}


ngx_int_t
ngx_auth_signature_make(const ngx_auth_jwt_key_t *key,
    const ngx_str_t *input, ngx_str_t *signature)
{
    unsigned   len;
    ngx_int_t  rc;

    rc = NGX_ERROR;

    if (!key->signs) {
        return NGX_ERROR;
    }

    switch (key->algorithm) {

    case NGX_AUTH_JWT_HS256:
        if (HMAC(EVP_sha256(), key->secret.data, (int) key->secret.len,
                 input->data, input->len, signature->data, &len)
            != NULL)
        {
            signature->len = len;
            rc = NGX_OK;
        }

        break;

    case NGX_AUTH_JWT_RS256:
        rc = ngx_auth_signature_private(key->pkey, input, signature);
        break;

    case NGX_AUTH_JWT_ES256:
        rc = ngx_auth_signature_private(key->pkey, input, signature);

        if (rc == NGX_OK) {
            rc = ngx_auth_signature_bare(signature);
        }

        break;

    default:
        break;
    }

    ERR_clear_error();

    return rc;
}


static ngx_int_t
ngx_auth_signature_private(EVP_PKEY *pkey, const ngx_str_t *input,
    ngx_str_t *signature)
{
    ngx_int_t    rc;
    EVP_MD_CTX  *ctx;

    ctx = EVP_MD_CTX_new();

    if (ctx == NULL) {
        return NGX_ERROR;
    }

    signature->len = NGX_AUTH_SIGNATURE_MAX;

    rc = EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, pkey) == 1
         && EVP_DigestSign(ctx, signature->data, &signature->len, input->data,
                           input->len)
            == 1
         ? NGX_OK : NGX_ERROR;

    EVP_MD_CTX_free(ctx);

    return rc;
}


/* DER, as OpenSSL makes it, to r and s bare, in place */

static ngx_int_t
ngx_auth_signature_bare(ngx_str_t *signature)
{
    ngx_int_t      rc;
    ECDSA_SIG     *sig;
    const u_char  *p;

    p = signature->data;
    sig = d2i_ECDSA_SIG(NULL, &p, (long) signature->len);

    if (sig == NULL) {
        return NGX_ERROR;
    }

    rc = BN_bn2binpad(ECDSA_SIG_get0_r(sig), signature->data,
                      NGX_AUTH_SIGNATURE_P256)
         == NGX_AUTH_SIGNATURE_P256
         && BN_bn2binpad(ECDSA_SIG_get0_s(sig),
                         signature->data + NGX_AUTH_SIGNATURE_P256,
                         NGX_AUTH_SIGNATURE_P256)
            == NGX_AUTH_SIGNATURE_P256
         ? NGX_OK : NGX_ERROR;

    signature->len = 2 * NGX_AUTH_SIGNATURE_P256;

    ECDSA_SIG_free(sig);

    return rc;
}
