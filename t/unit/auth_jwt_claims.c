
/*
 * Claims: whose, for whom, who, and from when until when.
 */


#include "auth_forge.h"


static void
test_identity(void **state)
{
    ngx_uint_t  i;

    static const char  *bad[] = {
        "{}",
        "[]",
        "\"text\"",
        "1",

        /* iss */
        "{\"aud\":\"skep\",\"sub\":\"" USER "\",\"role\":\"user\"," TIMES "}",
        "{\"iss\":\"Skep\",\"aud\":\"skep\",\"sub\":\"" USER "\","
            "\"role\":\"user\"," TIMES "}",
        "{\"iss\":\"skep2\",\"aud\":\"skep\",\"sub\":\"" USER "\","
            "\"role\":\"user\"," TIMES "}",
        "{\"iss\":[\"skep\"],\"aud\":\"skep\",\"sub\":\"" USER "\","
            "\"role\":\"user\"," TIMES "}",
        "{\"iss\":null,\"aud\":\"skep\",\"sub\":\"" USER "\","
            "\"role\":\"user\"," TIMES "}",

        /* aud */
        "{\"iss\":\"skep\",\"sub\":\"" USER "\",\"role\":\"user\"," TIMES "}",
        "{\"iss\":\"skep\",\"aud\":\"other\",\"sub\":\"" USER "\","
            "\"role\":\"user\"," TIMES "}",
        "{\"iss\":\"skep\",\"aud\":[],\"sub\":\"" USER "\","
            "\"role\":\"user\"," TIMES "}",
        "{\"iss\":\"skep\",\"aud\":[\"a\",\"b\"],\"sub\":\"" USER "\","
            "\"role\":\"user\"," TIMES "}",
        "{\"iss\":\"skep\",\"aud\":[\"skep\",1],\"sub\":\"" USER "\","
            "\"role\":\"user\"," TIMES "}",
        "{\"iss\":\"skep\",\"aud\":[[\"skep\"]],\"sub\":\"" USER "\","
            "\"role\":\"user\"," TIMES "}",
        "{\"iss\":\"skep\",\"aud\":{\"skep\":1},\"sub\":\"" USER "\","
            "\"role\":\"user\"," TIMES "}",

        /* sub */
        "{\"iss\":\"skep\",\"aud\":\"skep\",\"role\":\"user\"," TIMES "}",
        "{\"iss\":\"skep\",\"aud\":\"skep\",\"sub\":\"\","
            "\"role\":\"user\"," TIMES "}",
        "{\"iss\":\"skep\",\"aud\":\"skep\",\"sub\":\"admin\","
            "\"role\":\"user\"," TIMES "}",
        "{\"iss\":\"skep\",\"aud\":\"skep\",\"sub\":\"{" USER "}\","
            "\"role\":\"user\"," TIMES "}",
        "{\"iss\":\"skep\",\"aud\":\"skep\",\"sub\":\"" USER " \","
            "\"role\":\"user\"," TIMES "}",
        "{\"iss\":\"skep\",\"aud\":\"skep\",\"sub\":1,"
            "\"role\":\"user\"," TIMES "}",

        /* role */
        "{\"iss\":\"skep\",\"aud\":\"skep\",\"sub\":\"" USER "\"," TIMES "}",
        "{\"iss\":\"skep\",\"aud\":\"skep\",\"sub\":\"" USER "\","
            "\"role\":\"\"," TIMES "}",
        "{\"iss\":\"skep\",\"aud\":\"skep\",\"sub\":\"" USER "\","
            "\"role\":\"a b\"," TIMES "}",
        "{\"iss\":\"skep\",\"aud\":\"skep\",\"sub\":\"" USER "\","
            "\"role\":[\"admin\"]," TIMES "}",
        "{\"iss\":\"skep\",\"aud\":\"skep\",\"sub\":\"" USER "\","
            "\"role\":\"x\\r\\nX-Evil: 1\"," TIMES "}",
        "{\"iss\":\"skep\",\"aud\":\"skep\",\"sub\":\"" USER "\","
            "\"role\":\"123456789012345678901234567890123\"," TIMES "}",

        /* sid, jti */
        "{" IDS "," TIMES ",\"sid\":\"\"}",
        "{" IDS "," TIMES ",\"sid\":\"session\"}",
        "{" IDS "," TIMES ",\"sid\":null}",
        "{" IDS "," TIMES ",\"jti\":1}",
        "{" IDS "," TIMES ",\"jti\":null}",

        /* twice, however deep */
        "{" IDS "," TIMES "," TIMES "}",
        "{" IDS "," IDS "," TIMES "}",
        "{" IDS "," TIMES ",\"role\":\"admin\"}",
        "{" IDS "," TIMES ",\"x\":{\"y\":1,\"y\":1}}",

        "{" IDS "," TIMES "} {}",
        "{" IDS "," TIMES ",\"x\":[[[[[[[[[[]]]]]]]]]]}"
    };

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_invalid(forge(HEADER, bad[i]));
    }

    assert_ok(forge(HEADER, "{\"iss\":\"skep\",\"aud\":[\"a\",\"skep\"],"
                    "\"sub\":\"" USER "\",\"role\":\"user\"," TIMES "}"));

    assert_ok(forge(HEADER, "{\"iss\":\"skep\",\"aud\":\"skep\","
                    "\"sub\":\"" USER "\",\"role\":"
                    "\"12345678901234567890123456789-_A\"," TIMES "}"));

    /* brackets and quotes in a string do not nest */

    assert_ok(forge(HEADER, "{" IDS "," TIMES
                    ",\"x\":\"[[[[[[[[[[{{{{{{\\\"[[[[[[[[[[[[\\\\\"}"));
}


static void
test_times(void **state)
{
    ngx_uint_t  i;
    char        payload[256];

    static const char  *bad[] = {
        "\"iat\":1800000000",                           /* no exp */
        "\"exp\":\"1800000900\"", "\"exp\":1800000900.0", "\"exp\":1.8e9",
        "\"exp\":-1", "\"exp\":null", "\"exp\":true", "\"exp\":[1800000900]",
        "\"exp\":9223372036854775808", "\"exp\":01800000900",
        TIMES ",\"nbf\":\"1800000000\"", TIMES ",\"nbf\":1799999999.5",
        TIMES ",\"nbf\":-1", TIMES ",\"nbf\":null",
        TIMES ",\"nbf\":1800000001", TIMES ",\"nbf\":9223372036854775807",
        TIMES ",\"iat\":\"1800000000\"", TIMES ",\"iat\":1799999999.5",
        TIMES ",\"iat\":-1", TIMES ",\"iat\":null",
        TIMES ",\"iat\":1800000001", TIMES ",\"iat\":9223372036854775807"
    };

    static const char  *good[] = {
        "\"exp\":1800000001", "\"exp\":9223372036854775807",
        TIMES ",\"nbf\":1800000000", TIMES ",\"nbf\":0",
        TIMES ",\"iat\":1800000000", TIMES ",\"iat\":1"
    };

    static const char  *expired[] = {
        "\"exp\":1800000000", "\"exp\":1799999999", "\"exp\":0"
    };

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(payload, sizeof(payload), "{" IDS ",%s}", bad[i]);
        assert_invalid(forge(HEADER, payload));
    }

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        snprintf(payload, sizeof(payload), "{" IDS ",%s}", good[i]);
        assert_ok(forge(HEADER, payload));
    }

    for (i = 0; i < sizeof(expired) / sizeof(expired[0]); i++) {
        snprintf(payload, sizeof(payload), "{" IDS ",%s}", expired[i]);
        assert_expired(forge(HEADER, payload));
    }

    /* only a token that is ours otherwise is told to be old */

    assert_invalid(forge_by(HEADER, "{" IDS ",\"exp\":1}", forge_other, 32));
    assert_invalid(forge(HEADER, "{\"iss\":\"x\",\"aud\":\"skep\",\"sub\":\""
                         USER "\",\"role\":\"user\",\"exp\":1}"));
}


static void
test_leeway(void **state)
{
    ngx_auth_jwt_conf_t  cf = forge_conf;

    (void) state;

    cf.leeway = 5;

    assert_int_equal(verify(&cf, forge(HEADER, "{" IDS
                                       ",\"exp\":1799999996}"), NOW),
                     NGX_AUTH_JWT_OK);
    assert_int_equal(verify(&cf, forge(HEADER, "{" IDS
                                       ",\"exp\":1799999995}"), NOW),
                     NGX_AUTH_JWT_EXPIRED);
    assert_int_equal(verify(&cf, forge(HEADER, "{" IDS "," TIMES
                                       ",\"nbf\":1800000005}"), NOW),
                     NGX_AUTH_JWT_OK);
    assert_int_equal(verify(&cf, forge(HEADER, "{" IDS "," TIMES
                                       ",\"nbf\":1800000006}"), NOW),
                     NGX_AUTH_JWT_INVALID);
    assert_int_equal(verify(&cf, forge(HEADER, "{" IDS "," TIMES
                                       ",\"iat\":1800000005}"), NOW),
                     NGX_AUTH_JWT_OK);
    assert_int_equal(verify(&cf, forge(HEADER, "{" IDS "," TIMES
                                       ",\"iat\":1800000006}"), NOW),
                     NGX_AUTH_JWT_INVALID);
}


/* aud as a string and as an array */

static void
test_audience(void **state)
{
    ngx_uint_t  i;
    char        payload[512];

    static const char  *good[] = {
        "\"skep\"", "[\"skep\"]", "[\"a\",\"skep\"]", "[\"skep\",\"skep\"]"
    };

    static const char  *bad[] = {
        "\"\"", "\"skep \"", "\"SKEP\"", "[]", "[\"\"]", "[\"skep \"]",
        "[[\"skep\"]]", "[\"skep\",null]", "{\"skep\":true}", "1", "true",
        "null", "\"a,skep\"", "\"a skep\""
    };

    (void) state;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        snprintf(payload, sizeof(payload), "{\"iss\":\"skep\",\"sub\":\"" USER
                 "\",\"role\":\"user\"," TIMES ",\"aud\":%s}", good[i]);
        assert_ok(forge(HEADER, payload));
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(payload, sizeof(payload), "{\"iss\":\"skep\",\"sub\":\"" USER
                 "\",\"role\":\"user\"," TIMES ",\"aud\":%s}", bad[i]);
        assert_invalid(forge(HEADER, payload));
    }
}


/* a refresh token is 43 characters of base64url, and no JWT at all; nor is a
 * JWT for that purpose an access token */

static void
test_refresh_token(void **state)
{
    (void) state;

    assert_invalid(strdup("q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA"));

    assert_invalid(forge("{\"alg\":\"HS256\",\"typ\":\"refresh+jwt\"}",
                         CLAIMS));
    assert_invalid(forge(HEADER, "{\"iss\":\"skep\",\"aud\":\"skep/refresh\","
                         "\"sub\":\"" USER "\",\"role\":\"user\"," TIMES
                         "}"));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_identity),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_leeway),
        cmocka_unit_test(test_audience),
        cmocka_unit_test(test_refresh_token)
    };

    return unit_run(tests);
}
