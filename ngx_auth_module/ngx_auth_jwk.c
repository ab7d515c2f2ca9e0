
/*
 * JSON Web Keys: read, for other issuers' tokens, and written, for those who
 * verify ours.
 */


#include "ngx_auth_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>


#define NGX_AUTH_JWK_KID_MAX  255
#define NGX_AUTH_JWK_P256     32
#define NGX_AUTH_JWK_BYTES    (NGX_AUTH_KEY_RSA_MAX / 8)


static ngx_int_t ngx_auth_jwk_purpose(const json_t *jwk, const char **why);
static ngx_int_t ngx_auth_jwk_private(const json_t *jwk);
static EVP_PKEY *ngx_auth_jwk_rsa(const json_t *jwk);
static EVP_PKEY *ngx_auth_jwk_ec(const json_t *jwk);
static EVP_PKEY *ngx_auth_jwk_import(const char *type, OSSL_PARAM_BLD *bld);
static ngx_int_t ngx_auth_jwk_bytes(const json_t *value, u_char *dst,
    size_t max, size_t *len);
static ngx_uint_t ngx_auth_jwk_is(const json_t *jwk, const char *name,
    const char *text);


ngx_int_t
ngx_auth_key_jwk(ngx_pool_t *pool, const json_t *jwk, ngx_auth_jwt_key_t *key,
    const char **why)
{
    json_t     *kid;
    EVP_PKEY   *pkey;
    ngx_int_t   rc;
    ngx_str_t   name;

    ngx_memzero(key, sizeof(ngx_auth_jwt_key_t));

    *why = "is malformed";

    if (!json_is_object(jwk) || !json_is_string(json_object_get(jwk, "kty"))) {
        return NGX_ERROR;
    }

    rc = ngx_auth_jwk_purpose(jwk, why);
    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_auth_jwk_private(jwk)) {
        *why = "is a private key";
        return NGX_ERROR;
    }

    kid = json_object_get(jwk, "kid");

    if (kid) {
        name.len = json_string_length(kid);
        name.data = (u_char *) json_string_value(kid);

        if (name.len == 0 || name.len > NGX_AUTH_JWK_KID_MAX) {
            *why = "has a malformed kid";
            return NGX_ERROR;
        }

        if (ngx_auth_key_join(pool, &name, 1, &key->kid) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (ngx_auth_jwk_is(jwk, "kty", "RSA")) {
        ngx_str_set(&key->alg, "RS256");
        pkey = ngx_auth_jwk_rsa(jwk);

    } else {
        ngx_str_set(&key->alg, "ES256");
        pkey = ngx_auth_jwk_ec(jwk);
    }

    rc = NGX_ERROR;

    if (pkey) {
        *why = ngx_auth_key_take(pool, pkey, 0, key);
        rc = *why ? NGX_ERROR : NGX_OK;
        EVP_PKEY_free(pkey);
    }

    ERR_clear_error();

    return rc;
}


/* whether it is a key that signatures of ours are verified by */

static ngx_int_t
ngx_auth_jwk_purpose(const json_t *jwk, const char **why)
{
    size_t       i;
    json_t      *ops;
    ngx_uint_t   rsa;

    rsa = ngx_auth_jwk_is(jwk, "kty", "RSA");

    if (!rsa && !ngx_auth_jwk_is(jwk, "kty", "EC")) {
        *why = "is of another kind than RSA and EC";
        return NGX_DECLINED;
    }

    if (json_object_get(jwk, "use") && !ngx_auth_jwk_is(jwk, "use", "sig")) {
        *why = "is not for signatures";
        return NGX_DECLINED;
    }

    if (json_object_get(jwk, "alg")
        && !ngx_auth_jwk_is(jwk, "alg", rsa ? "RS256" : "ES256"))
    {
        *why = "is for another algorithm than RS256 and ES256";
        return NGX_DECLINED;
    }

    if (!rsa && !ngx_auth_jwk_is(jwk, "crv", "P-256")) {
        *why = "is on another curve than P-256";
        return NGX_DECLINED;
    }

    ops = json_object_get(jwk, "key_ops");
    if (ops == NULL) {
        return NGX_OK;
    }

    for (i = 0; i < json_array_size(ops); i++) {
        if (json_is_string(json_array_get(ops, i))
            && ngx_strcmp(json_string_value(json_array_get(ops, i)), "verify")
               == 0)
        {
            return NGX_OK;
        }
    }

    *why = "is not for verifying";
    return NGX_DECLINED;
}


/* whoever has that file could sign, too: it is the wrong file */

static ngx_int_t
ngx_auth_jwk_private(const json_t *jwk)
{
    return json_object_get(jwk, "d") != NULL
           || json_object_get(jwk, "p") != NULL
           || json_object_get(jwk, "q") != NULL;
}


static EVP_PKEY *
ngx_auth_jwk_rsa(const json_t *jwk)
{
    u_char           bytes[NGX_AUTH_JWK_BYTES];
    size_t           len;
    BIGNUM          *n, *e;
    EVP_PKEY        *pkey;
    OSSL_PARAM_BLD  *bld;

    n = NULL;
    e = NULL;
    pkey = NULL;

    bld = OSSL_PARAM_BLD_new();

    if (ngx_auth_jwk_bytes(json_object_get(jwk, "n"), bytes, sizeof(bytes),
                           &len)
        == NGX_OK)
    {
        n = BN_bin2bn(bytes, (int) len, NULL);
    }

    if (ngx_auth_jwk_bytes(json_object_get(jwk, "e"), bytes, sizeof(uint64_t),
                           &len)
        == NGX_OK)
    {
        e = BN_bin2bn(bytes, (int) len, NULL);
    }

    if (bld && n && e
        && OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n)
        && OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e))
    {
        pkey = ngx_auth_jwk_import("RSA", bld);
    }

    OSSL_PARAM_BLD_free(bld);
    BN_free(n);
    BN_free(e);

    return pkey;
}


static EVP_PKEY *
ngx_auth_jwk_ec(const json_t *jwk)
{
    u_char           point[1 + 2 * NGX_AUTH_JWK_P256];
    size_t           x, y;
    EVP_PKEY        *pkey;
    OSSL_PARAM_BLD  *bld;

    /* both coordinates in full (RFC 7518, 6.2.1.2), as an uncompressed
     * point */

    point[0] = 4;

    if (ngx_auth_jwk_bytes(json_object_get(jwk, "x"), point + 1,
                           NGX_AUTH_JWK_P256, &x)
        != NGX_OK
        || ngx_auth_jwk_bytes(json_object_get(jwk, "y"),
                              point + 1 + NGX_AUTH_JWK_P256,
                              NGX_AUTH_JWK_P256, &y)
           != NGX_OK
        || x != NGX_AUTH_JWK_P256 || y != NGX_AUTH_JWK_P256)
    {
        return NULL;
    }

    pkey = NULL;
    bld = OSSL_PARAM_BLD_new();

    if (bld
        && OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME,
                                           "prime256v1", 0)
        && OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY,
                                            point, sizeof(point)))
    {
        pkey = ngx_auth_jwk_import("EC", bld);
    }

    OSSL_PARAM_BLD_free(bld);

    return pkey;
}


static EVP_PKEY *
ngx_auth_jwk_import(const char *type, OSSL_PARAM_BLD *bld)
{
    EVP_PKEY      *pkey;
    OSSL_PARAM    *params;
    EVP_PKEY_CTX  *ctx;

    pkey = NULL;
    params = OSSL_PARAM_BLD_to_param(bld);
    ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);

    if (params && ctx && EVP_PKEY_fromdata_init(ctx) == 1
        && EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
    {
        pkey = NULL;
    }

    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);

    return pkey;
}


static ngx_int_t
ngx_auth_jwk_bytes(const json_t *value, u_char *dst, size_t max, size_t *len)
{
    ngx_str_t  text;

    text.data = (u_char *) json_string_value(value);
    text.len = json_string_length(value);

    if (text.len == 0 || text.len > (max * 4 + 2) / 3) {
        return NGX_ERROR;
    }

    return ngx_auth_base64url_decode(&text, dst, len);
}


static ngx_uint_t
ngx_auth_jwk_is(const json_t *jwk, const char *name, const char *text)
{
    const char  *value;

    value = json_string_value(json_object_get(jwk, name));

    return value && ngx_strcmp(value, text) == 0;
}


ngx_int_t
ngx_auth_key_set(ngx_pool_t *pool, const ngx_auth_jwt_key_t *keys,
    ngx_uint_t n, ngx_str_t *set)
{
    ngx_str_t   *texts;
    ngx_uint_t   i, k;

    texts = ngx_palloc(pool, (2 + 7 * n) * sizeof(ngx_str_t));
    if (texts == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&texts[0], "{\"keys\":[");
    k = 1;

    for (i = 0; i < n; i++) {

        /* a secret has nothing to show */

        if (keys[i].jwk.len == 0) {
            continue;
        }

        ngx_str_set(&texts[k], ",{");

        if (k == 1) {
            ngx_str_set(&texts[k], "{");
        }

        texts[k + 1] = keys[i].jwk;
        ngx_str_set(&texts[k + 2], ",\"kid\":\"");
        texts[k + 3] = keys[i].kid;
        ngx_str_set(&texts[k + 4], "\",\"use\":\"sig\",\"alg\":\"");
        texts[k + 5] = keys[i].alg;
        ngx_str_set(&texts[k + 6], "\"}");
        k += 7;
    }

    ngx_str_set(&texts[k], "]}");

    return ngx_auth_key_join(pool, texts, k + 1, set);
}
