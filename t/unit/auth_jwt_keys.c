
/*
 * Which key a token is verified by: its name, its algorithm, its issuer.
 */


#include "auth_forge.h"
#include "ngx_auth_key.h"

#include <openssl/ec.h>
#include <openssl/rsa.h>


#define RSA_HEADER  "{\"alg\":\"RS256\",\"typ\":\"JWT\"}"
#define EC_HEADER   "{\"alg\":\"ES256\",\"typ\":\"JWT\"}"

#define OIDC  "https://id.example"
#define OIDC_IDS  "\"iss\":\"" OIDC "\",\"aud\":\"gateway\""


static EVP_PKEY  *rsa, *rsa_other, *ec, *ec_other;


static int
setup(void **state)
{
    (void) state;

    rsa = EVP_RSA_gen(2048);
    rsa_other = EVP_RSA_gen(2048);
    ec = EVP_EC_gen("P-256");
    ec_other = EVP_EC_gen("P-256");

    return rsa && rsa_other && ec && ec_other ? 0 : -1;
}


static int
teardown(void **state)
{
    (void) state;

    EVP_PKEY_free(rsa);
    EVP_PKEY_free(rsa_other);
    EVP_PKEY_free(ec);
    EVP_PKEY_free(ec_other);

    return 0;
}


/* the key as a configuration has it */

static ngx_auth_jwt_key_t
key_of(ngx_pool_t *pool, const char *alg, const char *kid, EVP_PKEY *pkey,
    ngx_uint_t private)
{
    ngx_str_t            name, algorithm, pem;
    ngx_auth_jwt_key_t   key;

    name.data = (u_char *) kid;
    name.len = strlen(kid);
    algorithm.data = (u_char *) alg;
    algorithm.len = strlen(alg);
    pem = forge_pem(pool, pkey, private);

    assert_null(ngx_auth_key_read(pool, &algorithm, &name, &pem, &key));

    return key;
}


/* an asymmetric key pinned to its algorithm is never an HMAC secret */

static void
test_confusion(void **state)
{
    ngx_str_t              pem[2];
    ngx_uint_t             i;
    ngx_pool_t            *pool;
    ngx_auth_jwt_key_t     keys[2], key;
    ngx_auth_jwt_conf_t    cf;
    ngx_auth_jwt_issuer_t  issuer;

    (void) state;

    pool = unit_pool();
    keys[0] = key_of(pool, "RS256", "", rsa, 0);
    keys[1] = key_of(pool, "ES256", "", ec, 0);
    cf = forge_conf_of(&issuer, keys, 2);

    pem[0] = forge_pem(pool, rsa, 0);
    pem[1] = forge_pem(pool, ec, 0);

    for (i = 0; i < 2; i++) {

        /* with and without the line feed at its end, as RS256, too */

        assert_bad_by(&cf, forge_by(HEADER, CLAIMS, pem[i].data, pem[i].len));
        assert_bad_by(&cf, forge_by(HEADER, CLAIMS, pem[i].data,
                                    pem[i].len - 1));
        assert_bad_by(&cf, forge_by(RSA_HEADER, CLAIMS, pem[i].data,
                                    pem[i].len));
        assert_bad_by(&cf, forge_by(EC_HEADER, CLAIMS, pem[i].data,
                                    pem[i].len));
    }

    assert_bad_by(&cf, strdup("eyJhbGciOiJub25lIn0.eyJpc3MiOiJza2VwIn0."));

    /* a key of no length lets nothing pass */

    key = forge_key(NULL, forge_secret, 0);
    cf = forge_conf_of(&issuer, &key, 1);
    assert_bad_by(&cf, forge_by(HEADER, CLAIMS, "", 0));

    ngx_str_set(&key.alg, "none");
    key.algorithm = NGX_AUTH_JWT_NONE;
    assert_bad_by(&cf, forge_by("{\"alg\":\"none\"}", CLAIMS, "", 0));

    ngx_destroy_pool(pool);
}


static void
test_kid(void **state)
{
    char                   header[128];
    ngx_uint_t             i;
    ngx_auth_jwt_key_t     keys[3];
    ngx_auth_jwt_conf_t    cf;
    ngx_auth_jwt_issuer_t  issuer;

    static u_char  third[] = "abcdefghijklmnopqrstuvwxyz0123456789";

    static const char  *bad[] = {
        "new",                       /* another key than that which signed */
        "", "ol", "olds", "OLD", "old\\u0000", "../old",
        "../../../../dev/null", "/etc/passwd", "old' OR '1'='1",
        "old'; DROP TABLE auth.users; --", "' UNION SELECT 'x",
        "old; cat /etc/passwd", "%6f%6c%64"
    };

    (void) state;

    keys[0] = forge_key("new", forge_other, 32);
    keys[1] = forge_key("old", forge_secret, 32);
    keys[2] = forge_key(NULL, third, sizeof(third) - 1);
    cf = forge_conf_of(&issuer, keys, 3);

    assert_good_by(&cf, forge("{\"alg\":\"HS256\",\"kid\":\"old\"}", CLAIMS));

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(header, sizeof(header), "{\"alg\":\"HS256\",\"kid\":\"%s\"}",
                 bad[i]);
        assert_bad_by(&cf, forge(header, CLAIMS));
    }

    /* without a kid only keys without one are tried */

    assert_bad_by(&cf, forge(HEADER, CLAIMS));
    assert_good_by(&cf, forge_by(HEADER, CLAIMS, third, sizeof(third) - 1));

    /* several of them, too, and a named one if it is alone */

    keys[0] = forge_key(NULL, forge_other, 32);
    keys[1] = forge_key(NULL, forge_secret, 32);
    assert_good_by(&cf, forge(HEADER, CLAIMS));

    keys[1] = forge_key("old", forge_secret, 32);
    cf = forge_conf_of(&issuer, &keys[1], 1);
    assert_good_by(&cf, forge(HEADER, CLAIMS));

    cf = forge_conf_of(&issuer, keys, 0);
    assert_bad_by(&cf, forge(HEADER, CLAIMS));
}


/* RS256 and ES256: by private and public keys, and by no other key */

static void
test_asymmetric(void **state)
{
    size_t                 i;
    ngx_uint_t             k;
    char                  *token;
    ngx_pool_t            *pool;
    ngx_auth_jwt_key_t     keys[2];
    ngx_auth_jwt_conf_t    cf;
    ngx_auth_jwt_issuer_t  issuer;

    (void) state;

    pool = unit_pool();

    for (k = 0; k < 2; k++) {
        keys[0] = key_of(pool, "RS256", "", rsa, k);
        keys[1] = key_of(pool, "ES256", "", ec, k);
        cf = forge_conf_of(&issuer, keys, 2);

        assert_good_by(&cf, forge_signed(RSA_HEADER, CLAIMS, rsa));
        assert_good_by(&cf, forge_signed(EC_HEADER, CLAIMS, ec));
        assert_bad_by(&cf, forge_signed(RSA_HEADER, CLAIMS, rsa_other));
        assert_bad_by(&cf, forge_signed(EC_HEADER, CLAIMS, ec_other));
        assert_bad_by(&cf, forge_signed(EC_HEADER, CLAIMS, rsa));
        assert_bad_by(&cf, forge_signed(RSA_HEADER, CLAIMS, ec));
        assert_bad_by(&cf, forge_signed("{\"alg\":\"RS384\"}", CLAIMS, rsa));
        assert_bad_by(&cf, forge_signed("{\"alg\":\"PS256\"}", CLAIMS, rsa));
        assert_bad_by(&cf, forge_signed("{\"alg\":\"ES384\"}", CLAIMS, ec));
    }

    /* a signature of zeros, one of another length */

    token = forge_signed(EC_HEADER, CLAIMS, ec);
    i = strlen(token);
    memset(strrchr(token, '.') + 1, 'A', 86);
    assert_int_equal(strlen(token), i);
    assert_bad_by(&cf, strdup(token));
    assert_bad_by(&cf, strndup(token, i - 4));
    free(token);

    ngx_destroy_pool(pool);
}


/* the new key signs, the old one verifies until it is out */

static void
test_rotation(void **state)
{
    char                   *token;
    ngx_pool_t             *pool;
    ngx_auth_jwt_key_t      keys[3];
    ngx_auth_jwt_conf_t     cf;
    ngx_auth_jwt_claims_t   claims;
    ngx_auth_jwt_issuer_t   issuer;

    (void) state;

    pool = unit_pool();
    keys[0] = key_of(pool, "ES256", "", ec, 1);
    keys[1] = key_of(pool, "RS256", "second", rsa, 1);
    keys[2] = forge_key("third", forge_secret, 32);

    memset(&claims, 0, sizeof(claims));
    strcpy((char *) claims.user, USER);
    strcpy((char *) claims.session, SESSION);
    strcpy((char *) claims.role, "user");
    claims.expires = NOW + 900;

    cf = forge_conf_of(&issuer, keys, 3);

    for (cf.signer = keys; cf.signer < keys + 3; cf.signer++) {
        token = ngx_auth_jwt_sign(&cf, &claims, "jti", NOW);
        assert_non_null(token);
        assert_good_by(&cf, strdup(token));

        /* the key is out */

        issuer.keys = (cf.signer == keys) ? keys + 1 : keys;
        issuer.nkeys = (cf.signer == keys + 1) ? 1 : 2;
        assert_bad_by(&cf, strdup(token));

        issuer.keys = keys;
        issuer.nkeys = 3;
        free(token);
    }

    /* a name that was made from the key is no name to those who sign without:
     * not so one that was given */

    assert_good_by(&cf, forge_signed(EC_HEADER, CLAIMS, ec));
    assert_bad_by(&cf, forge_signed(RSA_HEADER, CLAIMS, rsa));

    ngx_destroy_pool(pool);
}


/* each issuer has its keys, its audience and its users */

static void
test_issuers(void **state)
{
    ngx_uint_t              i;
    ngx_pool_t             *pool;
    ngx_auth_jwt_key_t      theirs;
    ngx_auth_jwt_conf_t     cf;
    ngx_auth_jwt_issuer_t   issuers[2];

    static const char  *bad[] = {
        "{\"iss\":\"" OIDC "\",\"aud\":\"skep\",\"sub\":\"x\"," TIMES "}",
        "{\"iss\":\"" OIDC "/\",\"aud\":\"gateway\",\"sub\":\"x\"," TIMES "}",
        "{" OIDC_IDS "," TIMES "}",
        "{" OIDC_IDS ",\"sub\":\"\"," TIMES "}",
        "{" OIDC_IDS ",\"sub\":7," TIMES "}",
        "{" OIDC_IDS ",\"sub\":null," TIMES "}",
        "{" OIDC_IDS ",\"sub\":\"a b\"," TIMES "}",
        "{" OIDC_IDS ",\"sub\":\" a\"," TIMES "}",
        "{" OIDC_IDS ",\"sub\":\"a\\r\\nX-Evil: 1\"," TIMES "}",
        "{" OIDC_IDS ",\"sub\":\"a\\u007f\"," TIMES "}",
        "{" OIDC_IDS ",\"sub\":\"\\u00e9\"," TIMES "}",
        "{" OIDC_IDS ",\"sub\":\"x\"}",
        "{" OIDC_IDS ",\"sub\":\"x\"," TIMES ",\"nbf\":1800000001}",

        /* ours, by their key */
        CLAIMS
    };

    (void) state;

    pool = unit_pool();
    theirs = key_of(pool, "RS256", "k", rsa, 0);
    cf = forge_conf;
    issuers[0] = forge_conf.issuers[0];
    ngx_str_set(&issuers[1].issuer, OIDC);
    ngx_str_set(&issuers[1].audience, "gateway");
    issuers[1].typ = NGX_AUTH_JWT_TYP_NONE;
    issuers[1].keys = &theirs;
    issuers[1].nkeys = 1;
    cf.issuers = issuers;
    cf.nissuers = 2;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_bad_by(&cf, forge_signed(RSA_HEADER, bad[i], rsa));
    }

    /* theirs, by our key */

    assert_bad_by(&cf, forge(HEADER, "{" OIDC_IDS ",\"sub\":\"x\"," TIMES
                             "}"));
    assert_good_by(&cf, forge(HEADER, CLAIMS));

    /* without keys of our own, our name is nobody's */

    issuers[0].nkeys = 0;
    assert_bad_by(&cf, forge(HEADER, CLAIMS));
    assert_good_by(&cf, forge_signed(RSA_HEADER, "{" OIDC_IDS ",\"sub\":\"x\","
                                     TIMES "}", rsa));

    ngx_destroy_pool(pool);
}


/* who the bearer of another issuer's token is */

static void
test_stranger(void **state)
{
    char                    payload[1024], sub[300], *token;
    ngx_pool_t             *pool;
    ngx_auth_jwt_key_t      theirs;
    ngx_auth_jwt_conf_t     cf;
    ngx_auth_jwt_claims_t   claims;
    ngx_auth_jwt_issuer_t   issuers[2];

    (void) state;

    pool = unit_pool();
    theirs = key_of(pool, "ES256", "k", ec, 0);
    cf = forge_conf;
    issuers[0] = forge_conf.issuers[0];
    ngx_str_set(&issuers[1].issuer, OIDC);
    ngx_str_set(&issuers[1].audience, "gateway");
    issuers[1].keys = &theirs;
    issuers[1].nkeys = 1;
    cf.issuers = issuers;
    cf.nissuers = 2;

    /* their sid is theirs; a role that is none is no fault */

    token = forge_signed(EC_HEADER, "{" OIDC_IDS ",\"sub\":\"auth0|1\",\"sid\":"
                         "\"08a5019c-17e1-4977-8f42-65a12843ea02\","
                         "\"role\":[\"admin\"]," TIMES "}", ec);
    assert_int_equal(verify_len(&cf, token, strlen(token), NOW, &claims),
                     NGX_AUTH_JWT_OK);
    assert_int_equal(claims.issuer, 1);
    assert_text_equal(claims.user, "auth0|1");
    assert_text_equal(claims.session, "");
    assert_text_equal(claims.role, "");
    free(token);

    /* the longest sub, and one longer */

    memset(sub, 'x', sizeof(sub));
    sub[255] = '\0';
    snprintf(payload, sizeof(payload), "{" OIDC_IDS ",\"sub\":\"%s\","
             "\"role\":\"admin\"," TIMES "}", sub);
    token = forge_signed(EC_HEADER, payload, ec);
    assert_int_equal(verify_len(&cf, token, strlen(token), NOW, &claims),
                     NGX_AUTH_JWT_OK);
    assert_text_equal(claims.user, sub);
    assert_text_equal(claims.role, "admin");
    free(token);

    snprintf(payload, sizeof(payload), "{" OIDC_IDS ",\"sub\":\"%sx\"," TIMES
             "}", sub);
    assert_bad_by(&cf, forge_signed(EC_HEADER, payload, ec));

    ngx_destroy_pool(pool);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_confusion),
        cmocka_unit_test(test_kid),
        cmocka_unit_test(test_asymmetric),
        cmocka_unit_test(test_rotation),
        cmocka_unit_test(test_issuers),
        cmocka_unit_test(test_stranger)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, setup, teardown);
}
