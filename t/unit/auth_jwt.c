
/*
 * Access tokens: what is accepted, and, one fault at a time, what is not.
 */


#include "ngx_unit.h"
#include "ngx_auth_jwt.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>


#define NOW      1800000000

#define USER     "018f3a5e-7c1b-7def-8123-456789abcdef"
#define SESSION  "018f3a5e-7c1b-7def-9123-456789abcdef"

#define HEADER   "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"

#define IDS      "\"iss\":\"skep\",\"aud\":\"skep\",\"sub\":\"" USER "\","    \
                 "\"role\":\"user\""
#define TIMES    "\"exp\":1800000900"


static u_char  secret[] = "0123456789abcdef0123456789abcdef";
static u_char  other[] = "0123456789abcdef0123456789abcdeF";
static u_char  public_pem[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEVs/o5+uQbTjL3chynL4wXgUg2R9\n"
    "q9UU8I5mEovUf86QZ7kOBIjJwqnzD1omageEHWwHdBO6B+dFabmdT9POxg==\n"
    "-----END PUBLIC KEY-----\n";

static ngx_auth_jwt_key_t  unnamed[] = {
    { ngx_null_string, ngx_string("HS256"), JWT_ALG_HS256,
      { 32, secret } }
};

static ngx_auth_jwt_conf_t  conf = {
    unnamed, 1, ngx_string("skep"), ngx_string("skep"), 0
};


static void
base64url(char *dst, const void *src, size_t len)
{
    ngx_str_t  d, s;

    s.data = (u_char *) src;
    s.len = len;
    d.data = (u_char *) dst + strlen(dst);

    ngx_encode_base64url(&d, &s);
    d.data[d.len] = '\0';
}


/* a token signed rightly by the key, whatever its parts are */

static char *
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
    base64url(token, md, n);

    return token;
}


static char *
forge_by(const char *header, const char *payload, const void *key, size_t len)
{
    char  *head, *body, *token;

    head = calloc(2, strlen(header) + 8);
    body = calloc(2, strlen(payload) + 8);
    assert_non_null(head);
    assert_non_null(body);

    base64url(head, header, strlen(header));
    base64url(body, payload, strlen(payload));

    token = forge_raw(head, body, key, len);

    free(head);
    free(body);

    return token;
}


static char *
forge(const char *header, const char *payload)
{
    return forge_by(header, payload, secret, 32);
}


static ngx_auth_jwt_status_e
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

    if (status == NGX_AUTH_JWT_OK) {
        assert_null(fault);

    } else {
        assert_non_null(fault);
        assert_memory_equal(claims, &mark, sizeof(mark));
    }

    ngx_destroy_pool(pool);

    return status;
}


static ngx_auth_jwt_status_e
verify(const ngx_auth_jwt_conf_t *cf, char *token, time_t now)
{
    ngx_auth_jwt_claims_t   claims;
    ngx_auth_jwt_status_e   status;

    status = verify_len(cf, token, strlen(token), now, &claims);
    free(token);

    return status;
}


#define assert_ok(token)                                                      \
    assert_int_equal(verify(&conf, token, NOW), NGX_AUTH_JWT_OK)

#define assert_invalid(token)                                                 \
    assert_int_equal(verify(&conf, token, NOW), NGX_AUTH_JWT_INVALID)

#define assert_expired(token)                                                 \
    assert_int_equal(verify(&conf, token, NOW), NGX_AUTH_JWT_EXPIRED)


static void
test_good(void **state)
{
    char                   *token;
    ngx_auth_jwt_claims_t   claims;

    (void) state;

    token = forge(HEADER, "{" IDS "," TIMES ",\"sid\":\"" SESSION "\","
                  "\"iat\":1800000000,\"nbf\":1800000000,\"jti\":\"x\","
                  "\"more\":{\"is\":[\"let\",\"be\"]}}");

    assert_int_equal(verify_len(&conf, token, strlen(token), NOW, &claims),
                     NGX_AUTH_JWT_OK);

    assert_string_equal(claims.user, USER);
    assert_string_equal(claims.session, SESSION);
    assert_string_equal(claims.role, "user");
    assert_int_equal(claims.expires, 1800000900);

    free(token);

    /* no more than what must be there */

    token = forge("{\"alg\":\"HS256\"}", "{" IDS "," TIMES "}");

    assert_int_equal(verify_len(&conf, token, strlen(token), NOW, &claims),
                     NGX_AUTH_JWT_OK);
    assert_string_equal(claims.session, "");

    free(token);

    assert_ok(forge("{\"alg\":\"HS256\",\"typ\":\"jwt\"}",
                    "{" IDS "," TIMES "}"));

    assert_ok(forge(HEADER, " {" IDS "," TIMES "}\r\n"));

    /* a UUID comes out in lower case */

    token = forge(HEADER, "{\"iss\":\"skep\",\"aud\":\"skep\",\"role\":\"r\","
                  TIMES ",\"sub\":\"018F3A5E-7C1B-7DEF-8123-456789ABCDEF\"}");

    assert_int_equal(verify_len(&conf, token, strlen(token), NOW, &claims),
                     NGX_AUTH_JWT_OK);
    assert_string_equal(claims.user, USER);

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
        assert_invalid(forge(header, "{" IDS "," TIMES "}"));
    }

    assert_invalid(forge("{\"typ\":\"JWT\"}", "{" IDS "," TIMES "}"));

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

    assert_invalid(forge_by(HEADER, "{" IDS "," TIMES "}", other, 32));
    assert_invalid(forge_by(HEADER, "{" IDS "," TIMES "}", "", 0));
    assert_invalid(forge_by(HEADER, "{" IDS "," TIMES "}", secret, 31));

    /* each character of a token counts */

    token = forge(HEADER, "{" IDS "," TIMES "}");

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


/* an asymmetric key pinned to its algorithm is never an HMAC secret */

static void
test_confusion(void **state)
{
    ngx_auth_jwt_key_t   key = {
        ngx_null_string, ngx_string("ES256"), JWT_ALG_ES256,
        { sizeof(public_pem) - 1, public_pem }
    };
    ngx_auth_jwt_conf_t  cf = conf;

    (void) state;

    cf.keys = &key;

    assert_int_equal(verify(&cf, forge_by(HEADER, "{" IDS "," TIMES "}",
                                          public_pem, sizeof(public_pem) - 1),
                            NOW),
                     NGX_AUTH_JWT_INVALID);

    /* nor is a key of no length one that lets anything pass */

    ngx_str_set(&key.alg, "HS256");
    key.jwt_alg = JWT_ALG_HS256;
    key.key.len = 0;

    assert_int_equal(verify(&cf, forge_by(HEADER, "{" IDS "," TIMES "}", "",
                                          0), NOW),
                     NGX_AUTH_JWT_INVALID);

    ngx_str_set(&key.alg, "none");
    key.jwt_alg = JWT_ALG_NONE;

    assert_int_equal(verify(&cf, forge_by("{\"alg\":\"none\"}",
                                          "{" IDS "," TIMES "}", "", 0), NOW),
                     NGX_AUTH_JWT_INVALID);
}


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

    token = forge(HEADER, "{" IDS "," TIMES "}");

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
        assert_int_equal(verify_len(&conf, copy, strlen(copy) + 1, NOW,
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
    base64url(body, "{" IDS "," TIMES "}", sizeof("{" IDS "," TIMES "}") - 1);

    assert_ok(forge_raw(headers[0], body, secret, 32));

    for (i = 1; i < sizeof(headers) / sizeof(headers[0]); i++) {
        assert_invalid(forge_raw(headers[i], body, secret, 32));
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
        assert_invalid(forge(bad[i], "{" IDS "," TIMES "}"));
    }
}


static void
test_kid(void **state)
{
    ngx_uint_t           i;
    char                 header[128];
    ngx_auth_jwt_conf_t  cf = conf;
    ngx_auth_jwt_key_t   keys[] = {
        { ngx_string("new"), ngx_string("HS256"), JWT_ALG_HS256,
          { 32, other } },
        { ngx_string("old"), ngx_string("HS256"), JWT_ALG_HS256,
          { 32, secret } },
        { ngx_null_string, ngx_string("HS256"), JWT_ALG_HS256,
          { sizeof(public_pem) - 1, public_pem } }
    };

    static const char  *bad[] = {
        "new",                       /* another key than that which signed */
        "", "ol", "olds", "OLD", "old\\u0000", "../old",
        "../../../../dev/null", "/etc/passwd", "old' OR '1'='1",
        "old; cat /etc/passwd", "%6f%6c%64"
    };

    (void) state;

    cf.keys = keys;
    cf.nkeys = 3;

    assert_int_equal(verify(&cf, forge("{\"alg\":\"HS256\",\"kid\":\"old\"}",
                                       "{" IDS "," TIMES "}"), NOW),
                     NGX_AUTH_JWT_OK);

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(header, sizeof(header), "{\"alg\":\"HS256\",\"kid\":\"%s\"}",
                 bad[i]);
        assert_int_equal(verify(&cf, forge(header, "{" IDS "," TIMES "}"),
                                NOW),
                         NGX_AUTH_JWT_INVALID);
    }

    /* without a kid only keys without one are tried */

    assert_int_equal(verify(&cf, forge(HEADER, "{" IDS "," TIMES "}"), NOW),
                     NGX_AUTH_JWT_INVALID);

    assert_int_equal(verify(&cf, forge_by(HEADER, "{" IDS "," TIMES "}",
                                          public_pem, sizeof(public_pem) - 1),
                            NOW),
                     NGX_AUTH_JWT_OK);

    /* several of them, too, and a named one if it is alone */

    ngx_str_null(&keys[0].kid);
    ngx_str_null(&keys[1].kid);

    assert_int_equal(verify(&cf, forge(HEADER, "{" IDS "," TIMES "}"), NOW),
                     NGX_AUTH_JWT_OK);

    ngx_str_set(&keys[1].kid, "old");
    cf.keys = &keys[1];
    cf.nkeys = 1;

    assert_int_equal(verify(&cf, forge(HEADER, "{" IDS "," TIMES "}"), NOW),
                     NGX_AUTH_JWT_OK);

    /* no key at all */

    cf.nkeys = 0;

    assert_int_equal(verify(&cf, forge(HEADER, "{" IDS "," TIMES "}"), NOW),
                     NGX_AUTH_JWT_INVALID);
}


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

    assert_invalid(forge_by(HEADER, "{" IDS ",\"exp\":1}", other, 32));
    assert_invalid(forge(HEADER, "{\"iss\":\"x\",\"aud\":\"skep\",\"sub\":\""
                         USER "\",\"role\":\"user\",\"exp\":1}"));
}


static void
test_leeway(void **state)
{
    ngx_auth_jwt_conf_t  cf = conf;

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


static void
test_sign(void **state)
{
    char                   *token;
    u_char                  text[1024];
    json_t                 *json;
    ngx_str_t               src, dst;
    ngx_auth_jwt_conf_t     cf = conf;
    ngx_auth_jwt_claims_t   claims, found;
    ngx_auth_jwt_key_t      keys[] = {
        { ngx_string("a.key-1"), ngx_string("HS256"), JWT_ALG_HS256,
          { 32, secret } },
        { ngx_string("b"), ngx_string("HS256"), JWT_ALG_HS256,
          { 32, other } }
    };

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
    assert_memory_equal(&claims, &found, sizeof(claims));

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

    /* by the first key, with its name */

    cf.keys = keys;
    cf.nkeys = 2;

    token = ngx_auth_jwt_sign(&cf, &claims, "jti", NOW);
    assert_non_null(token);

    assert_int_equal(verify_len(&cf, token, strlen(token), NOW, &found),
                     NGX_AUTH_JWT_OK);

    cf.keys = &keys[1];
    cf.nkeys = 1;

    assert_int_equal(verify_len(&cf, token, strlen(token), NOW, &found),
                     NGX_AUTH_JWT_INVALID);
    free(token);

    /* what no token can say */

    ngx_str_set(&cf.issuer, "\xff");
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

    token = forge(HEADER, "{" IDS "," TIMES "}");
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

        assert_int_equal(verify_len(&conf, copy, n, NOW, &claims),
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
        cmocka_unit_test(test_confusion),
        cmocka_unit_test(test_form),
        cmocka_unit_test(test_spelling),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_header),
        cmocka_unit_test(test_kid),
        cmocka_unit_test(test_identity),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_leeway),
        cmocka_unit_test(test_sign),
        cmocka_unit_test(test_random)
    };

    return unit_run(tests);
}
