
/*
 * The form of a token and its header: one spelling, three segments, bounded,
 * and a header that brings nothing of its own.
 */


#include "auth_forge.h"


static void
test_form(void **state)
{
    char        *token, *copy, *p;
    ngx_uint_t   i;

    static const char  *bad[] = {
        "", ".", "..", "...", "a", "a.b", "a.b.c", "a..c", ".b.c", "a.b.",
        "e30.e30.e30", "e30.e30.", "X", "null.null.null", "bm8.bm8.bm8"
    };

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_invalid(strdup(bad[i]));
    }

    token = forge(HEADER, CLAIMS);

    /* four segments, an empty one, padding, white space, a NUL */

    copy = calloc(1, strlen(token) + 64);
    assert_non_null(copy);

    sprintf(copy, "%s.", token);
    assert_invalid(strdup(copy));
    sprintf(copy, "%s.e30", token);
    assert_invalid(strdup(copy));
    sprintf(copy, ".%s", token);
    assert_invalid(strdup(copy));
    sprintf(copy, "%s=", token);
    assert_invalid(strdup(copy));
    sprintf(copy, "%s==", token);
    assert_invalid(strdup(copy));
    sprintf(copy, "%s ", token);
    assert_invalid(strdup(copy));
    sprintf(copy, "%s\n", token);
    assert_invalid(strdup(copy));
    sprintf(copy, " %s", token);
    assert_invalid(strdup(copy));

    {
        ngx_auth_jwt_claims_t  claims;

        sprintf(copy, "%s", token);
        assert_int_equal(verify_len(&forge_conf, copy, strlen(copy) + 1, NOW,
                                    &claims),
                         NGX_AUTH_JWT_INVALID);
    }

    /* the last character of 32 bytes has two bits to spare: they are zero */

    sprintf(copy, "%s", token);
    p = copy + strlen(copy) - 1;

    for (i = 1; i < 4; i++) {
        static const char  alphabet[] =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        char  c = *p;

        *p = alphabet[(strchr(alphabet, c) - alphabet) | i];
        assert_invalid(strdup(copy));
        *p = c;
    }

    assert_ok(strdup(copy));

    free(copy);
    free(token);
}


/* base64url has one spelling, also where the signature covers another */

static void
test_spelling(void **state)
{
    char         body[512];
    ngx_uint_t   i;

    /* {"alg":"HS256"} and a space: 16 bytes, four bits to spare */

    static const char  *headers[] = {
        "eyJhbGciOiJIUzI1NiJ9IA", "eyJhbGciOiJIUzI1NiJ9IB",
        "eyJhbGciOiJIUzI1NiJ9II", "eyJhbGciOiJIUzI1NiJ9IA==",
        "eyJhbGciOiJIUzI1NiJ9IAA", "eyJhbGciOiJIUzI1NiJ9A",
        "eyJhbGciOiJIUzI1NiJ9 IA", "eyJhbGciOiJIUzI1NiJ9\nIA",
        "eyJhbGciOiJIUzI1NiJ9IA+", "eyJhbGciOiJIUzI1NiJ9IA/"
    };

    (void) state;

    body[0] = '\0';
    forge_base64url(body, CLAIMS, sizeof(CLAIMS) - 1);

    assert_ok(forge_raw(headers[0], body, forge_secret, 32));

    for (i = 1; i < sizeof(headers) / sizeof(headers[0]); i++) {
        assert_invalid(forge_raw(headers[i], body, forge_secret, 32));
    }
}


static void
test_size(void **state)
{
    int      len, longest;
    char    *token, payload[16384];
    size_t   n;

    (void) state;

    longest = 0;

    /* to the limit and over it, by one claim that is filled up */

    for (n = 0; n < 7000; n++) {
        len = snprintf(payload, sizeof(payload),
                       "{" IDS "," TIMES ",\"fill\":\"");
        memset(payload + len, 'x', n);
        strcpy(payload + len + n, "\"}");

        token = forge(HEADER, payload);

        len = strlen(token);

        if (len < NGX_AUTH_JWT_MAX - 100) {
            free(token);
            n += 50;
            continue;
        }

        if (len > NGX_AUTH_JWT_MAX) {
            assert_invalid(token);
            break;
        }

        longest = len;
        assert_ok(token);
    }

    /* base64url has no text of every length */

    assert_true(longest >= NGX_AUTH_JWT_MAX - 1);

    token = malloc(100 * 1024 + 1);
    assert_non_null(token);
    memset(token, 'A', 100 * 1024);
    token[100 * 1024] = '\0';

    assert_invalid(token);
}


static void
test_header(void **state)
{
    ngx_uint_t  i;

    static const char  *bad[] = {
        "{\"alg\":\"HS256\",\"crit\":[\"exp\"]}",
        "{\"alg\":\"HS256\",\"crit\":[]}",
        "{\"alg\":\"HS256\",\"crit\":null}",
        "{\"alg\":\"HS256\",\"jku\":\"https://evil.example/jwks\"}",
        "{\"alg\":\"HS256\",\"jwk\":{\"kty\":\"oct\",\"k\":\"AA\"}}",
        "{\"alg\":\"HS256\",\"x5u\":\"https://evil.example/x\"}",
        "{\"alg\":\"HS256\",\"x5c\":[]}",
        "{\"alg\":\"HS256\",\"b64\":false}",
        "{\"alg\":\"HS256\",\"zip\":\"DEF\"}",
        "{\"alg\":\"HS256\",\"enc\":\"A256GCM\"}",
        "{\"alg\":\"HS256\",\"typ\":\"JOSE\"}",
        "{\"alg\":\"HS256\",\"typ\":\"dpop+jwt\"}",
        "{\"alg\":\"HS256\",\"typ\":null}",
        "{\"alg\":\"HS256\",\"typ\":1}",
        "{\"alg\":\"HS256\",\"alg\":\"HS256\"}",
        "{\"alg\":\"none\",\"alg\":\"HS256\"}",
        "{\"alg\":\"HS256\",\"kid\":\"\"}",
        "{\"alg\":\"HS256\",\"kid\":\"a\"}",
        "{\"alg\":\"HS256\",\"kid\":null}",
        "{\"alg\":\"HS256\",\"kid\":1}",
        "{\"alg\":\"HS256\"} {}",
        "{\"alg\":\"HS256\"}x",
        "{\"alg\":\"HS256\",}",
        "[\"HS256\"]",
        "\"HS256\"",
        "null",
        " ",
        "{\"alg\":\"HS256\",\"x\":\"\\u0000\"}",
        "{\"alg\":\"HS256\",\"x\":\"\\ud800\"}",
        "{\"alg\":\"HS256\",\"x\":\"\xff\"}",
        "{\"alg\":\"HS256\",\"x\":[[[[[[[[[[]]]]]]]]]]}"
    };

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_invalid(forge(bad[i], CLAIMS));
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_form),
        cmocka_unit_test(test_spelling),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_header)
    };

    return unit_run(tests);
}
