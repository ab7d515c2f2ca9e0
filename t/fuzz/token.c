
/*
 * Access tokens.  The first byte says what the rest is: "r" a token as it is,
 * "s", "t" and "x" a header and claims, with LF between them, signed by our
 * key, by that of another issuer, and by nobody's.
 */


#include "auth_forge.h"
#include "fuzz.h"
#include "ngx_auth_claim.h"

#include <openssl/hmac.h>


#define LEEWAY  5


static u_char  token_nobody[] = "fedcba9876543210fedcba9876543210";

static ngx_auth_jwt_key_t     token_keys[2];
static ngx_auth_jwt_issuer_t  token_issuers[2];
static ngx_auth_jwt_conf_t    token_conf;


static void
token_init(void)
{
    if (token_conf.issuers) {
        return;
    }

    token_keys[0] = forge_key(NULL, forge_secret, 32);
    token_keys[1] = forge_key("k1", forge_other, 32);

    token_conf = forge_conf_of(&token_issuers[0], &token_keys[0], 1);
    token_issuers[1] = token_issuers[0];
    token_issuers[1].keys = &token_keys[1];
    ngx_str_set(&token_issuers[1].issuer, "other");
    ngx_str_set(&token_issuers[1].audience, "api");

    token_conf.nissuers = 2;
    token_conf.leeway = LEEWAY;
}


static ngx_auth_jwt_status_e
token_verify(const void *text, size_t len, time_t now,
    ngx_auth_jwt_claims_t *claims)
{
    ngx_str_t               token;
    const char             *fault;
    ngx_auth_jwt_claims_t   before;
    ngx_auth_jwt_status_e   status;

    memset(&before, 0xa5, sizeof(before));
    *claims = before;

    token.data = (u_char *) text;
    token.len = len;

    fault = NULL;
    status = ngx_auth_jwt_verify(&token_conf, &token, now, claims, &fault);

    if (status != NGX_AUTH_JWT_OK) {
        fuzz_check(fault != NULL);
        fuzz_check(memcmp(claims, &before, sizeof(before)) == 0);
    }

    return status;
}


/* the signature is OpenSSL's of the two parts before it, letter by letter */

static void
token_signed(const char *text, size_t len, const ngx_str_t *key)
{
    char        want[64];
    u_char      md[EVP_MAX_MD_SIZE];
    unsigned    n;
    const char *dot;

    dot = memrchr(text, '.', len);
    fuzz_check(dot != NULL);

    HMAC(EVP_sha256(), key->data, (int) key->len, (const u_char *) text,
         (size_t) (dot - text), md, &n);

    want[0] = '\0';
    forge_base64url(want, md, n);

    fuzz_check(len - (size_t) (dot + 1 - text) == strlen(want));
    fuzz_check(memcmp(dot + 1, want, strlen(want)) == 0);
}


static void
token_texts(const json_t *payload)
{
    void         *at;
    json_t       *object;
    ngx_str_t     name, text;
    ngx_pool_t   *pool;
    const char   *key;

    object = (json_t *) payload;
    pool = unit_pool();

    for (at = json_object_iter(object); at;
         at = json_object_iter_next(object, at))
    {
        key = json_object_iter_key(at);
        name.data = (u_char *) key;
        name.len = strlen(key);

        fuzz_check(ngx_auth_claim_find(payload, &name)
                   == json_object_iter_value(at));

        if (ngx_auth_claim_text(pool, json_object_iter_value(at), &text)
            == NGX_OK)
        {
            /* it is to stand in a header */

            fuzz_check(fuzz_utf8(text.data, text.len));
            fuzz_check(memchr(text.data, '\r', text.len) == NULL);
            fuzz_check(memchr(text.data, '\n', text.len) == NULL);
            fuzz_check(memchr(text.data, '\0', text.len) == NULL);
        }
    }

    ngx_destroy_pool(pool);
}


static void
token_claims(const char *text, size_t len, const ngx_auth_jwt_claims_t *claims)
{
    json_t                       *payload, *sid;
    ngx_str_t                     token;
    const char                   *sub;
    const ngx_auth_jwt_issuer_t  *issuer;

    fuzz_check(claims->issuer < 2);
    issuer = &token_issuers[claims->issuer];

    token_signed(text, len, &issuer->keys[0].secret);

    token.data = (u_char *) text;
    token.len = len;

    payload = ngx_auth_jwt_payload(&token);
    fuzz_check(json_is_object(payload));

    sub = json_string_value(json_object_get(payload, "sub"));

    fuzz_check(strcmp(json_string_value(json_object_get(payload, "iss")),
                      (char *) issuer->issuer.data) == 0);
    fuzz_check(json_integer_value(json_object_get(payload, "exp"))
               == claims->expires);
    fuzz_check(claims->expires > NOW - LEEWAY);
    fuzz_check(strcasecmp(sub, (char *) claims->user) == 0);
    fuzz_check(fuzz_printable(sub, strlen(sub), 0));
    fuzz_check(fuzz_printable(claims->role, strlen((char *) claims->role), 0));
    fuzz_check(claims->issuer
               || strlen((char *) claims->user) == NGX_AUTH_JWT_UUID_LEN);

    /* "sid" is of our own tokens, and then all that is said of the session */

    sid = json_object_get(payload, "sid");

    if (claims->issuer == 0 && sid) {
        fuzz_check(json_is_string(sid));
        fuzz_check(strcasecmp(json_string_value(sid), (char *) claims->session)
                   == 0);
        fuzz_check(strlen((char *) claims->session) == NGX_AUTH_JWT_UUID_LEN);

    } else {
        fuzz_check(claims->session[0] == '\0');
    }

    token_texts(payload);
    json_decref(payload);
}


/* what was taken is taken no more when it is old, or another byte */

static void
token_accepted(const char *text, size_t len,
    const ngx_auth_jwt_claims_t *claims)
{
    char                   *other;
    size_t                  at;
    ngx_auth_jwt_claims_t   again;

    token_claims(text, len, claims);

    fuzz_check(token_verify(text, len, claims->expires + LEEWAY, &again)
               == NGX_AUTH_JWT_EXPIRED);

    other = malloc(len);
    fuzz_check(other != NULL);
    memcpy(other, text, len);

    at = (size_t) claims->expires * 7 % len;
    other[at] ^= 1;

    fuzz_check(token_verify(other, len, NOW, &again) == NGX_AUTH_JWT_INVALID);

    other[at] ^= 1;
    fuzz_check(token_verify(other, len - 1, NOW, &again)
               == NGX_AUTH_JWT_INVALID);

    free(other);
}


/* one text for one sequence of bytes */

static void
token_base64url(const char *text, size_t len)
{
    char       *back;
    size_t      n;
    u_char     *bytes;
    ngx_str_t   src;

    src.data = (u_char *) text;
    src.len = len;

    bytes = malloc(len / 4 * 3 + 3);
    back = calloc(1, len + 4);
    fuzz_check(bytes != NULL && back != NULL);

    if (ngx_auth_base64url_decode(&src, bytes, &n) == NGX_OK) {
        forge_base64url(back, bytes, n);
        fuzz_check(strlen(back) == len && memcmp(back, text, len) == 0);
    }

    free(bytes);
    free(back);
}


static char *
token_forge(fuzz_input_t *input, const void *key)
{
    char  *header, *payload, *token;

    header = fuzz_text(input, '\n', NULL);
    payload = fuzz_text(input, -1, NULL);
    token = forge_by(header, payload, key, 32);

    free(header);
    free(payload);

    return token;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                     kind;
    char                   *text;
    size_t                  len;
    fuzz_input_t            input;
    ngx_auth_jwt_claims_t   claims;

    token_init();

    input = fuzz_input(data, size);
    kind = (int) fuzz_number(&input, 1);

    switch (kind) {

    case 's':
        text = token_forge(&input, forge_secret);
        len = strlen(text);
        break;

    case 't':
        text = token_forge(&input, forge_other);
        len = strlen(text);
        break;

    case 'x':
        text = token_forge(&input, token_nobody);
        len = strlen(text);
        break;

    default:
        text = fuzz_text(&input, -1, &len);
        token_base64url(text, len);
    }

    if (token_verify(text, len, NOW, &claims) == NGX_AUTH_JWT_OK) {
        fuzz_check(kind != 'x');
        fuzz_check(kind != 's' || claims.issuer == 0);
        fuzz_check(kind != 't' || claims.issuer == 1);

        token_accepted(text, len, &claims);
    }

    free(text);

    return 0;
}
