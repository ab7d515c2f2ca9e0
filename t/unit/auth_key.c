
/*
 * Keys: from PEM, from JSON Web Keys, as a set; and those that are refused.
 */


#include "auth_forge.h"
#include "ngx_auth_key.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>


/* the example of RFC 7638, 3.1, and its thumbprint */
#define RFC_N                                                                 \
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7a" \
    "PFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl" \
    "93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgd" \
    "AZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr" \
    "3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
#define RFC_KID  "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"

/* RFC 7517, A.1: P-256 */
#define RFC_X    "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4"
#define RFC_Y    "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"

#define EC_JWK   "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" RFC_X            \
                 "\",\"y\":\"" RFC_Y "\""
#define RSA_JWK  "\"kty\":\"RSA\",\"n\":\"" RFC_N "\",\"e\":\"AQAB\""


static const char *
read_key(ngx_pool_t *pool, const char *alg, const ngx_str_t *content,
    ngx_auth_jwt_key_t *key)
{
    ngx_str_t    name, none = ngx_null_string;
    const char  *fault;

    name.data = (u_char *) alg;
    name.len = strlen(alg);

    fault = ngx_auth_key_read(pool, &name, &none, content, key);

    /* nothing is left for a TLS connection to stumble over */

    assert_int_equal(ERR_peek_error(), 0);

    return fault;
}


static void
refused(const char *alg, EVP_PKEY *pkey, ngx_uint_t private, const char *says)
{
    ngx_str_t            pem;
    ngx_pool_t          *pool;
    const char          *fault;
    ngx_auth_jwt_key_t   key;

    assert_non_null(pkey);

    pool = unit_pool();
    pem = forge_pem(pool, pkey, private);
    fault = read_key(pool, alg, &pem, &key);

    assert_non_null(fault);
    assert_non_null(strstr(fault, says));

    EVP_PKEY_free(pkey);
    ngx_destroy_pool(pool);
}


static void
refused_text(const char *alg, const char *text, const char *says)
{
    ngx_str_t            content;
    ngx_pool_t          *pool;
    const char          *fault;
    ngx_auth_jwt_key_t   key;

    pool = unit_pool();
    content.len = strlen(text);
    content.data = unit_copy(pool, text, content.len);
    fault = read_key(pool, alg, &content, &key);

    assert_non_null(fault);
    assert_non_null(strstr(fault, says));

    ngx_destroy_pool(pool);
}


static void
test_pem(void **state)
{
    EVP_PKEY            *pkey;
    ngx_str_t            pem;
    ngx_pool_t          *pool;
    ngx_auth_jwt_key_t   private, public;

    (void) state;

    pool = unit_pool();
    pkey = EVP_EC_gen("P-256");

    pem = forge_pem(pool, pkey, 1);
    assert_null(read_key(pool, "ES256", &pem, &private));
    pem = forge_pem(pool, pkey, 0);
    assert_null(read_key(pool, "ES256", &pem, &public));

    /* both halves have one name, and verify by the same; one signs */

    assert_true(private.derived && public.derived);
    assert_int_equal(private.kid.len, 43);
    assert_memory_equal(private.kid.data, public.kid.data, 43);
    assert_int_equal(EVP_PKEY_eq(private.pkey, public.pkey), 1);
    assert_true(private.signs && !public.signs);
    assert_int_equal(private.algorithm, NGX_AUTH_JWT_ES256);

    EVP_PKEY_free(pkey);
    ngx_destroy_pool(pool);
}


static void
test_kind(void **state)
{
    (void) state;

    refused("RS256", EVP_RSA_gen(1024), 1, "too short");
    refused("RS256", EVP_RSA_gen(2040), 0, "too short");
    refused("RS256", EVP_EC_gen("P-256"), 1, "not an RSA key");
    refused("RS256", EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), 0,
            "not an RSA key");
    refused("ES256", EVP_RSA_gen(2048), 1, "P-256");
    refused("ES256", EVP_EC_gen("P-384"), 1, "P-256");
    refused("ES256", EVP_EC_gen("P-384"), 0, "P-256");
    refused("ES256", EVP_EC_gen("secp256k1"), 0, "P-256");
    refused("ES256", EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), 1, "P-256");
    refused("HS256", EVP_EC_gen("P-256"), 0, "in PEM");
    refused("HS256", EVP_RSA_gen(2048), 1, "in PEM");
    refused("PS256", EVP_RSA_gen(2048), 1, "not known");
}


static void
test_text(void **state)
{
    (void) state;

    refused_text("HS256", "0123456789abcdef0123456789abcde", "32 bytes");
    refused_text("RS256", "0123456789abcdef0123456789abcdef", "no private");
    refused_text("RS256", "-----BEGIN PUBLIC KEY-----\nAAAA\n"
                 "-----END PUBLIC KEY-----\n", "no private or public");
    refused_text("ES256", "-----BEGIN CERTIFICATE-----\nAAAA\n"
                 "-----END CERTIFICATE-----\n", "no private or public");
    refused_text("ES256", "-----BEGIN ENCRYPTED PRIVATE KEY-----\n",
                 "no private or public");
}


static void
test_encrypted(void **state)
{
    BIO                 *bio;
    char                *text;
    EVP_PKEY            *pkey;
    ngx_str_t            content;
    ngx_pool_t          *pool;
    const char          *fault;
    ngx_auth_jwt_key_t   key;

    (void) state;

    pool = unit_pool();
    pkey = EVP_EC_gen("P-256");
    bio = BIO_new(BIO_s_mem());

    assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, pkey,
                                                   EVP_aes_128_cbc(), "pass",
                                                   4, NULL, NULL), 1);

    content.len = BIO_get_mem_data(bio, &text);
    content.data = unit_copy(pool, text, content.len);

    fault = read_key(pool, "ES256", &content, &key);
    assert_non_null(fault);
    assert_non_null(strstr(fault, "encrypted"));

    BIO_free(bio);
    EVP_PKEY_free(pkey);
    ngx_destroy_pool(pool);
}


static ngx_int_t
jwk(ngx_pool_t *pool, const char *text, ngx_auth_jwt_key_t *key,
    const char **why)
{
    json_t     *object;
    ngx_int_t   rc;

    object = json_loads(text, 0, NULL);
    assert_non_null(object);

    rc = ngx_auth_key_jwk(pool, object, key, why);

    assert_int_equal(ERR_peek_error(), 0);

    json_decref(object);

    return rc;
}


static void
test_jwk(void **state)
{
    ngx_str_t            none = ngx_null_string, alg = ngx_string("RS256");
    ngx_str_t            pem;
    ngx_pool_t          *pool;
    const char          *why;
    ngx_auth_jwt_key_t   key, again;

    (void) state;

    pool = unit_pool();

    assert_int_equal(jwk(pool, "{" RSA_JWK ",\"kid\":\"2011-04-29\"}", &key,
                         &why), NGX_OK);
    assert_int_equal(key.algorithm, NGX_AUTH_JWT_RS256);
    assert_int_equal(key.kid.len, 10);
    assert_memory_equal(key.kid.data, "2011-04-29", 10);
    assert_false(key.signs);

    /* its thumbprint is the RFC's */

    assert_int_equal(EVP_PKEY_get_bits(key.pkey), 2048);

    pem = forge_pem(pool, key.pkey, 0);
    assert_null(ngx_auth_key_read(pool, &alg, &none, &pem, &again));
    assert_int_equal(again.kid.len, 43);
    assert_memory_equal(again.kid.data, RFC_KID, 43);

    assert_int_equal(jwk(pool, "{" EC_JWK ",\"use\":\"sig\","
                         "\"alg\":\"ES256\",\"key_ops\":[\"verify\"]}", &key,
                         &why), NGX_OK);
    assert_int_equal(key.algorithm, NGX_AUTH_JWT_ES256);
    assert_int_equal(key.kid.len, 0);

    ngx_destroy_pool(pool);
}


static void
test_jwk_others(void **state)
{
    ngx_uint_t           i;
    ngx_pool_t          *pool;
    const char          *why;
    ngx_auth_jwt_key_t   key;

    static const char  *others[] = {
        "{\"kty\":\"oct\",\"k\":\"AAAA\"}",
        "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\"}",
        "{" RSA_JWK ",\"use\":\"enc\"}",
        "{" RSA_JWK ",\"alg\":\"RS512\"}",
        "{" RSA_JWK ",\"alg\":\"PS256\"}",
        "{" RSA_JWK ",\"alg\":\"ES256\"}",
        "{" RSA_JWK ",\"alg\":\"HS256\"}",
        "{" RSA_JWK ",\"alg\":1}",
        "{" RSA_JWK ",\"key_ops\":[\"encrypt\"]}",
        "{" EC_JWK ",\"alg\":\"ES384\"}",
        "{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"AAAA\",\"y\":\"AAAA\"}"
    };

    static const char  *bad[] = {
        "[]",
        "{}",
        "{\"kty\":1}",
        "{\"kty\":\"RSA\"}",
        "{\"kty\":\"RSA\",\"n\":\"" RFC_N "\"}",
        "{\"kty\":\"RSA\",\"n\":\"AAAA\",\"e\":\"AQAB\"}",
        "{\"kty\":\"RSA\",\"n\":\"" RFC_N "\",\"e\":\"\"}",
        "{\"kty\":\"RSA\",\"n\":\"" RFC_N "\",\"e\":\"AQ\"}",
        "{\"kty\":\"RSA\",\"n\":\"" RFC_N "\",\"e\":\"AAAAAAAAAAAAAAAA\"}",
        "{\"kty\":\"RSA\",\"n\":\"" RFC_N "==\",\"e\":\"AQAB\"}",
        "{\"kty\":\"RSA\",\"n\":\"+" RFC_N "\",\"e\":\"AQAB\"}",
        "{" RSA_JWK ",\"d\":\"AAAA\"}",
        "{" RSA_JWK ",\"kid\":\"\"}",
        "{" RSA_JWK ",\"kid\":1}",
        "{" EC_JWK ",\"d\":\"AAAA\"}",
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" RFC_X "\"}",
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" RFC_X "\",\"y\":\""
            RFC_X "\"}",
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAA\",\"y\":\"AAAA\"}",
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" RFC_X "AAAA\",\"y\":\""
            RFC_Y "\"}"
    };

    (void) state;

    pool = unit_pool();

    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        why = NULL;
        assert_int_equal(jwk(pool, others[i], &key, &why), NGX_DECLINED);
        assert_non_null(why);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        why = NULL;
        assert_int_equal(jwk(pool, bad[i], &key, &why), NGX_ERROR);
        assert_non_null(why);
    }

    ngx_destroy_pool(pool);
}


/* what we publish is what others read, and never a secret */

static void
test_set(void **state)
{
    json_t              *object, *list;
    EVP_PKEY            *pkey[2];
    ngx_str_t            set, pem;
    ngx_uint_t           i;
    ngx_pool_t          *pool;
    const char          *why;
    ngx_auth_jwt_key_t   keys[3], again;

    (void) state;

    pool = unit_pool();
    pkey[0] = EVP_RSA_gen(2048);
    pkey[1] = EVP_EC_gen("P-256");

    keys[0] = forge_key("secret", forge_secret, 32);
    pem = forge_pem(pool, pkey[0], 1);
    assert_null(read_key(pool, "RS256", &pem, &keys[1]));
    pem = forge_pem(pool, pkey[1], 1);
    assert_null(read_key(pool, "ES256", &pem, &keys[2]));

    assert_int_equal(ngx_auth_key_set(pool, keys, 3, &set), NGX_OK);

    object = json_loadb((char *) set.data, set.len, JSON_REJECT_DUPLICATES,
                        NULL);
    list = json_object_get(object, "keys");
    assert_int_equal(json_array_size(list), 2);

    for (i = 0; i < 2; i++) {
        assert_int_equal(json_object_size(json_array_get(list, i)),
                         i ? 7 : 6);
        assert_int_equal(ngx_auth_key_jwk(pool, json_array_get(list, i),
                                          &again, &why),
                         NGX_OK);
        assert_int_equal(again.kid.len, 43);
        assert_memory_equal(again.kid.data, keys[i + 1].kid.data, 43);
        assert_int_equal(EVP_PKEY_eq(again.pkey, keys[i + 1].pkey), 1);
        EVP_PKEY_free(pkey[i]);
    }

    json_decref(object);

    assert_int_equal(ngx_auth_key_set(pool, keys, 1, &set), NGX_OK);
    assert_int_equal(set.len, 11);
    assert_memory_equal(set.data, "{\"keys\":[]}", 11);

    ngx_destroy_pool(pool);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_pem),
        cmocka_unit_test(test_kind),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_encrypted),
        cmocka_unit_test(test_jwk),
        cmocka_unit_test(test_jwk_others),
        cmocka_unit_test(test_set)
    };

    return unit_run(tests);
}
