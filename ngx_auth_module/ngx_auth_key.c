
#include "ngx_auth_key.h"
#include "ngx_auth_digest.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>


#define NGX_AUTH_KEY_P256  32            /* bytes of a coordinate */

#define NGX_AUTH_KEY_NUMBER_MAX  (NGX_AUTH_KEY_RSA_MAX / 8)


static ngx_auth_jwt_alg_e ngx_auth_key_algorithm(const ngx_str_t *alg);
static const char *ngx_auth_key_secret(const ngx_str_t *content,
    ngx_auth_jwt_key_t *key);
static const char *ngx_auth_key_pem(ngx_pool_t *pool,
    const ngx_str_t *content, ngx_auth_jwt_key_t *key);
static int ngx_auth_key_passphrase(char *buf, int size, int rwflag, void *u);
static const char *ngx_auth_key_check(EVP_PKEY *pkey, ngx_auth_jwt_alg_e alg);
static const char *ngx_auth_key_consistent(EVP_PKEY *pkey,
    ngx_uint_t private);
static ngx_int_t ngx_auth_key_keep(ngx_pool_t *pool, EVP_PKEY *pkey,
    ngx_auth_jwt_key_t *key);
static void ngx_auth_key_drop(void *data);
static ngx_int_t ngx_auth_key_members(ngx_pool_t *pool, EVP_PKEY *pkey,
    ngx_auth_jwt_key_t *key);
static ngx_int_t ngx_auth_key_number(EVP_PKEY *pkey, const char *name,
    size_t size, u_char *dst, ngx_str_t *text);
static ngx_int_t ngx_auth_key_thumbprint(ngx_pool_t *pool,
    ngx_auth_jwt_key_t *key);


static const char  ngx_auth_key_no_memory[] = "can't be kept: out of memory";


const char *
ngx_auth_key_read(ngx_pool_t *pool, const ngx_str_t *alg,
    const ngx_str_t *kid, const ngx_str_t *content, ngx_auth_jwt_key_t *key)
{
    const char  *fault;

    ngx_memzero(key, sizeof(ngx_auth_jwt_key_t));

    key->kid = *kid;
    key->alg = *alg;

    if (ngx_auth_key_algorithm(alg) == NGX_AUTH_JWT_HS256) {
        key->algorithm = NGX_AUTH_JWT_HS256;
        return ngx_auth_key_secret(content, key);
    }

    fault = ngx_auth_key_pem(pool, content, key);

    if (fault == NULL && key->kid.len == 0
        && ngx_auth_key_thumbprint(pool, key) != NGX_OK)
    {
        fault = ngx_auth_key_no_memory;
    }

    ERR_clear_error();

    return fault;
}


/* NGX_AUTH_JWT_NONE: not known here */

static ngx_auth_jwt_alg_e
ngx_auth_key_algorithm(const ngx_str_t *alg)
{
    ngx_uint_t  i;

    static const struct {
        ngx_str_t           name;
        ngx_auth_jwt_alg_e  alg;
    } algs[] = {
        { ngx_string("HS256"), NGX_AUTH_JWT_HS256 },
        { ngx_string("RS256"), NGX_AUTH_JWT_RS256 },
        { ngx_string("ES256"), NGX_AUTH_JWT_ES256 }
    };

    for (i = 0; i < sizeof(algs) / sizeof(algs[0]); i++) {
        if (alg->len == algs[i].name.len
            && ngx_memcmp(alg->data, algs[i].name.data, alg->len) == 0)
        {
            return algs[i].alg;
        }
    }

    return NGX_AUTH_JWT_NONE;
}


static const char *
ngx_auth_key_secret(const ngx_str_t *content, ngx_auth_jwt_key_t *key)
{
    if (content->len < NGX_AUTH_KEY_SECRET_MIN) {
        return "must hold at least 32 bytes";
    }

    /* a public key as a secret would let anybody sign */

    if (memmem(content->data, content->len, "-----BEGIN ",
               sizeof("-----BEGIN ") - 1))
    {
        return "holds a key in PEM, which is no secret for HS256";
    }

    key->secret = *content;
    key->signs = 1;

    return NULL;
}


static const char *
ngx_auth_key_pem(ngx_pool_t *pool, const ngx_str_t *content,
    ngx_auth_jwt_key_t *key)
{
    BIO         *bio;
    EVP_PKEY    *pkey;
    ngx_uint_t   encrypted, private;
    const char  *fault;

    bio = BIO_new_mem_buf(content->data, (int) content->len);
    if (bio == NULL) {
        return ngx_auth_key_no_memory;
    }

    encrypted = 0;

    pkey = PEM_read_bio_PrivateKey(bio, NULL, ngx_auth_key_passphrase,
                                   &encrypted);
    private = (pkey != NULL);

    if (pkey == NULL && !encrypted) {
        (void) BIO_reset(bio);
        pkey = PEM_read_bio_PUBKEY(bio, NULL, ngx_auth_key_passphrase,
                                   &encrypted);
    }

    BIO_free(bio);

    if (pkey == NULL) {
        return encrypted ? "is encrypted: the key must have no passphrase"
                         : "holds no private or public key in PEM";
    }

    fault = ngx_auth_key_take(pool, pkey, private, key);

    EVP_PKEY_free(pkey);

    return fault;
}


const char *
ngx_auth_key_take(ngx_pool_t *pool, EVP_PKEY *pkey, ngx_uint_t private,
    ngx_auth_jwt_key_t *key)
{
    const char  *fault;

    key->algorithm = ngx_auth_key_algorithm(&key->alg);

    fault = ngx_auth_key_check(pkey, key->algorithm);

    if (fault == NULL) {
        fault = ngx_auth_key_consistent(pkey, private);
    }

    if (fault) {
        return fault;
    }

    if (ngx_auth_key_keep(pool, pkey, key) != NGX_OK
        || ngx_auth_key_members(pool, pkey, key) != NGX_OK)
    {
        return ngx_auth_key_no_memory;
    }

    key->signs = private;

    return NULL;
}


/* OpenSSL's own would ask at the terminal */

static int
ngx_auth_key_passphrase(char *buf, int size, int rwflag, void *u)
{
    ngx_uint_t *encrypted = u;

    (void) buf;
    (void) size;
    (void) rwflag;

    *encrypted = 1;

    return -1;
}


static const char *
ngx_auth_key_check(EVP_PKEY *pkey, ngx_auth_jwt_alg_e alg)
{
    int   bits;
    char  group[32];

    if (alg == NGX_AUTH_JWT_RS256) {

        if (!EVP_PKEY_is_a(pkey, "RSA")) {
            return "is not an RSA key, as RS256 wants";
        }

        bits = EVP_PKEY_get_bits(pkey);

        if (bits < NGX_AUTH_KEY_RSA_MIN) {
            return "is too short: RS256 wants 2048 bits at least";
        }

        if (bits > NGX_AUTH_KEY_RSA_MAX) {
            return "is too long: 16384 bits are the most";
        }

        return NULL;
    }

    if (alg != NGX_AUTH_JWT_ES256) {
        return "is for an algorithm that is not known";
    }

    if (!EVP_PKEY_is_a(pkey, "EC")
        || EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) != 1
        || ngx_strcmp(group, "prime256v1") != 0)
    {
        return "is not an EC key on the curve P-256, as ES256 wants";
    }

    return NULL;
}


/* a point on its curve, a modulus that is no prime, two halves that match */

static const char *
ngx_auth_key_consistent(EVP_PKEY *pkey, ngx_uint_t private)
{
    ngx_uint_t     good;
    EVP_PKEY_CTX  *ctx;

    ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    if (ctx == NULL) {
        return ngx_auth_key_no_memory;
    }

    good = EVP_PKEY_public_check(ctx) == 1
           && (!private || EVP_PKEY_pairwise_check(ctx) == 1);

    EVP_PKEY_CTX_free(ctx);

    return good ? NULL : "holds a key that is broken";
}


/* for as long as the pool */

static ngx_int_t
ngx_auth_key_keep(ngx_pool_t *pool, EVP_PKEY *pkey, ngx_auth_jwt_key_t *key)
{
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(pool, 0);

    if (cln == NULL || EVP_PKEY_up_ref(pkey) != 1) {
        return NGX_ERROR;
    }

    cln->handler = ngx_auth_key_drop;
    cln->data = pkey;

    key->pkey = pkey;

    return NGX_OK;
}


static void
ngx_auth_key_drop(void *data)
{
    EVP_PKEY_free(data);
}


/* in the order of their names, as a thumbprint wants them */

static ngx_int_t
ngx_auth_key_members(ngx_pool_t *pool, EVP_PKEY *pkey, ngx_auth_jwt_key_t *key)
{
    u_char      first[NGX_AUTH_KEY_NUMBER_MAX / 3 * 4 + 8],
                second[NGX_AUTH_KEY_NUMBER_MAX / 3 * 4 + 8];
    ngx_int_t   rc;
    ngx_str_t   texts[5];

    if (key->algorithm == NGX_AUTH_JWT_RS256) {
        ngx_str_set(&texts[0], "\"e\":\"");
        ngx_str_set(&texts[2], "\",\"kty\":\"RSA\",\"n\":\"");

        rc = ngx_auth_key_number(pkey, OSSL_PKEY_PARAM_RSA_E, 0, first,
                                 &texts[1]);

        if (rc == NGX_OK) {
            rc = ngx_auth_key_number(pkey, OSSL_PKEY_PARAM_RSA_N, 0, second,
                                     &texts[3]);
        }

    } else {
        ngx_str_set(&texts[0], "\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"");
        ngx_str_set(&texts[2], "\",\"y\":\"");

        rc = ngx_auth_key_number(pkey, OSSL_PKEY_PARAM_EC_PUB_X,
                                 NGX_AUTH_KEY_P256, first, &texts[1]);

        if (rc == NGX_OK) {
            rc = ngx_auth_key_number(pkey, OSSL_PKEY_PARAM_EC_PUB_Y,
                                     NGX_AUTH_KEY_P256, second, &texts[3]);
        }
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_str_set(&texts[4], "\"");

    return ngx_auth_key_join(pool, texts, 5, &key->jwk);
}


ngx_int_t
ngx_auth_key_join(ngx_pool_t *pool, const ngx_str_t *texts, ngx_uint_t n,
    ngx_str_t *all)
{
    u_char      *p;
    ngx_uint_t   i;

    all->len = 0;

    for (i = 0; i < n; i++) {
        all->len += texts[i].len;
    }

    p = ngx_pnalloc(pool, all->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    all->data = p;

    for (i = 0; i < n; i++) {
        p = ngx_cpymem(p, texts[i].data, texts[i].len);
    }

    return NGX_OK;
}


/* base64url of a number, filled up with zeros to size bytes; 0: as it is */

static ngx_int_t
ngx_auth_key_number(EVP_PKEY *pkey, const char *name, size_t size,
    u_char *dst, ngx_str_t *text)
{
    int         len;
    u_char      buf[NGX_AUTH_KEY_NUMBER_MAX];
    BIGNUM     *n;
    ngx_str_t   bytes;

    n = NULL;

    if (EVP_PKEY_get_bn_param(pkey, name, &n) != 1) {
        return NGX_ERROR;
    }

    len = size ? (int) size : BN_num_bytes(n);

    if (len > (int) sizeof(buf) || BN_bn2binpad(n, buf, len) != len) {
        BN_free(n);
        return NGX_ERROR;
    }

    BN_free(n);

    bytes.data = buf;
    bytes.len = len;
    text->data = dst;

    ngx_encode_base64url(text, &bytes);

    return NGX_OK;
}


static ngx_int_t
ngx_auth_key_thumbprint(ngx_pool_t *pool, ngx_auth_jwt_key_t *key)
{
    u_char     digest[NGX_AUTH_DIGEST_LEN];
    ngx_int_t  rc;
    ngx_str_t  texts[3], bytes;

    ngx_str_set(&texts[0], "{");
    texts[1] = key->jwk;
    ngx_str_set(&texts[2], "}");

    if (ngx_auth_digest_init() != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_auth_digest(texts, 3, digest);
    ngx_auth_digest_done();

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    bytes.data = digest;
    bytes.len = sizeof(digest);

    key->kid.data = ngx_pnalloc(pool, ngx_base64_encoded_length(bytes.len));
    if (key->kid.data == NULL) {
        return NGX_ERROR;
    }

    ngx_encode_base64url(&key->kid, &bytes);
    key->derived = 1;

    return NGX_OK;
}
