
/*
 * Access tokens: what is accepted, what a signature is, and what is signed.
 */


#include "auth_forge.h"


static void
test_good(void **state)
{
    char                   *token;
    ngx_auth_jwt_claims_t   claims;

    (void) state;

    token = forge(HEADER, "{" IDS "," TIMES ",\"sid\":\"" SESSION "\","
                  "\"iat\":1800000000,\"nbf\":1800000000,\"jti\":\"x\","
                  "\"more\":{\"is\":[\"let\",\"be\"]}}");

    assert_int_equal(verify_len(&forge_conf, token, strlen(token), NOW,
                                &claims), NGX_AUTH_JWT_OK);

    assert_text_equal(claims.user, USER);
    assert_text_equal(claims.session, SESSION);
    assert_text_equal(claims.role, "user");
    assert_int_equal(claims.expires, 1800000900);

    free(token);

    /* no more than what must be there */

    token = forge("{\"alg\":\"HS256\"}", CLAIMS);

    assert_int_equal(verify_len(&forge_conf, token, strlen(token), NOW,
                                &claims), NGX_AUTH_JWT_OK);
    assert_text_equal(claims.session, "");

    free(token);

    assert_ok(forge("{\"alg\":\"HS256\",\"typ\":\"jwt\"}",
                    CLAIMS));

    assert_ok(forge(HEADER, " {" IDS "," TIMES "}\r\n"));

    /* a UUID comes out in lower case */

    token = forge(HEADER, "{\"iss\":\"skep\",\"aud\":\"skep\",\"role\":\"r\","
                  TIMES ",\"sub\":\"018F3A5E-7C1B-7DEF-8123-456789ABCDEF\"}");

    assert_int_equal(verify_len(&forge_conf, token, strlen(token), NOW,
                                &claims), NGX_AUTH_JWT_OK);
    assert_text_equal(claims.user, USER);

    free(token);
}


static void
test_algorithm(void **state)
{
    char         header[128];
    ngx_uint_t   i;
    const char  *text;

    static const char  *algs[] = {
        "\"none\"", "\"None\"", "\"NONE\"", "\"nOnE\"", "\"hs256\"",
        "\"HS384\"", "\"HS512\"", "\"RS256\"", "\"ES256\"", "\"\"",
        "\"HS256 \"", "null", "1", "[\"HS256\"]", "true", "{}"
    };

    (void) state;

    for (i = 0; i < sizeof(algs) / sizeof(algs[0]); i++) {
        snprintf(header, sizeof(header), "{\"alg\":%s,\"typ\":\"JWT\"}",
                 algs[i]);
        assert_invalid(forge(header, CLAIMS));
    }

    assert_invalid(forge("{\"typ\":\"JWT\"}", CLAIMS));

    /* unsigned, with and without the last dot */

    text = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJza2VwIn0.";
    assert_invalid(strdup(text));
    assert_invalid(strndup(text, strlen(text) - 1));
}


static void
test_signature(void **state)
{
    char  *token, *p;

    (void) state;

    assert_invalid(forge_by(HEADER, CLAIMS, forge_other, 32));
    assert_invalid(forge_by(HEADER, CLAIMS, "", 0));
    assert_invalid(forge_by(HEADER, CLAIMS, forge_secret, 31));

    /* each character of a token counts */

    token = forge(HEADER, CLAIMS);

    for (p = token; *p; p++) {
        char  c = *p;

        *p = (c == 'A') ? 'B' : 'A';
        assert_invalid(strdup(token));
        *p = c;
    }

    /* and none may be missing or follow */

    assert_invalid(strndup(token, strlen(token) - 1));
    assert_invalid(strndup(token, strlen(token) - 2));

    free(token);
}


static void
test_sign(void **state)
{
    char                   *token;
    u_char                  text[1024];
    json_t                 *json;
    ngx_str_t               src, dst;
    ngx_auth_jwt_conf_t     cf = forge_conf;
    ngx_auth_jwt_issuer_t   issuer;
    ngx_auth_jwt_claims_t   claims, found;
    ngx_auth_jwt_key_t      keys[2];

    (void) state;

    memset(&claims, 0, sizeof(claims));
    strcpy((char *) claims.user, USER);
    strcpy((char *) claims.session, SESSION);
    strcpy((char *) claims.role, "admin");
    claims.expires = NOW + 900;

    token = ngx_auth_jwt_sign(&cf, &claims, "jti", NOW);
    assert_non_null(token);

    assert_int_equal(verify_len(&cf, token, strlen(token), NOW, &found),
                     NGX_AUTH_JWT_OK);
    assert_text_equal(found.user, USER);
    assert_text_equal(found.session, SESSION);
    assert_text_equal(found.role, "admin");
    assert_int_equal(found.issuer, 0);
    assert_true(found.expires == NOW + 900);

    src.data = (u_char *) strchr(token, '.') + 1;
    src.len = strchr((char *) src.data, '.') - (char *) src.data;
    dst.data = text;
    assert_int_equal(ngx_decode_base64url(&dst, &src), NGX_OK);

    json = json_loadb((char *) text, dst.len, 0, NULL);
    assert_int_equal(json_object_size(json), 9);
    assert_string_equal(json_string_value(json_object_get(json, "jti")),
                        "jti");
    assert_int_equal(json_integer_value(json_object_get(json, "iat")), NOW);
    assert_int_equal(json_integer_value(json_object_get(json, "nbf")), NOW);
    json_decref(json);

    assert_int_equal(verify_len(&cf, token, strlen(token), NOW + 899, &found),
                     NGX_AUTH_JWT_OK);
    assert_int_equal(verify_len(&cf, token, strlen(token), NOW + 900, &found),
                     NGX_AUTH_JWT_EXPIRED);
    assert_int_equal(verify_len(&cf, token, strlen(token), NOW - 1, &found),
                     NGX_AUTH_JWT_INVALID);
    free(token);

    /* with its name, and by the key that signs */

    keys[0] = forge_key("a.key-1", forge_secret, 32);
    keys[1] = forge_key("b", forge_other, 32);
    cf = forge_conf_of(&issuer, keys, 2);

    token = ngx_auth_jwt_sign(&cf, &claims, "jti", NOW);
    assert_non_null(token);
    assert_int_equal(verify_len(&cf, token, strlen(token), NOW, &found),
                     NGX_AUTH_JWT_OK);

    cf = forge_conf_of(&issuer, &keys[1], 1);
    assert_bad_by(&cf, token);

    cf = forge_conf_of(&issuer, keys, 2);
    cf.signer = &keys[1];
    token = ngx_auth_jwt_sign(&cf, &claims, "jti", NOW);
    cf = forge_conf_of(&issuer, &keys[1], 1);
    assert_good_by(&cf, token);

    /* what no token can say, and what nobody can sign */

    ngx_str_set(&issuer.issuer, "\xff");
    assert_null(ngx_auth_jwt_sign(&cf, &claims, "jti", NOW));

    cf = forge_conf;
    cf.signer = NULL;
    assert_null(ngx_auth_jwt_sign(&cf, &claims, "jti", NOW));
}


/* nothing random passes, and nothing is read beyond its end */

static void
test_random(void **state)
{
    char                   *token, copy[512];
    size_t                  n, len;
    ngx_uint_t              i, k;
    ngx_auth_jwt_claims_t   claims;

    (void) state;

    token = forge(HEADER, CLAIMS);
    len = strlen(token);
    assert_true(len < sizeof(copy));

    for (i = 0; i < 20000; i++) {
        memcpy(copy, token, len);
        n = len - unit_random() % 4;

        for (k = 1 + unit_random() % 3; k; k--) {
            copy[unit_random() % n] = (char) unit_random();
        }

        if (n == len && memcmp(copy, token, len) == 0) {
            continue;
        }

        assert_int_equal(verify_len(&forge_conf, copy, n, NOW, &claims),
                         NGX_AUTH_JWT_INVALID);
    }

    free(token);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_algorithm),
        cmocka_unit_test(test_signature),
        cmocka_unit_test(test_sign),
        cmocka_unit_test(test_random)
    };

    return unit_run(tests);
}
