
/*
 * Values of headers.  The first byte says whose: "b" Authorization, "t"
 * traceparent, "i" X-Request-ID, "m" If-Match, "n" If-None-Match, "k"
 * Idempotency-Key; "l" is a query that goes into Link.
 */


#include "fuzz.h"
#include "ngx_unit.h"
#include "ngx_api_header.h"
#include "ngx_api_traceparent.h"
#include "ngx_auth_jwt.h"
#include "ngx_auth_text.h"


static void
headers_bearer(ngx_pool_t *pool, const ngx_str_t *value)
{
    ngx_str_t  token;

    (void) pool;

    if (ngx_auth_text_bearer(value, &token) != NGX_OK) {
        return;
    }

    fuzz_check(strncasecmp((char *) value->data, "bearer ", 7) == 0);
    fuzz_check(token.len > 0 && token.len <= NGX_AUTH_JWT_MAX);
    fuzz_check(token.data[0] != ' ');
    fuzz_check(token.data >= value->data + 7);
    fuzz_check(token.data + token.len == value->data + value->len);
}


static void
headers_traceparent(ngx_pool_t *pool, const ngx_str_t *value)
{
    size_t  i;
    u_char  own[NGX_API_TRACEPARENT_LEN];

    (void) pool;

    if (!ngx_api_traceparent_valid(value->data, value->len)) {
        return;
    }

    fuzz_check(value->len >= sizeof(own));

    for (i = 0; i < sizeof(own); i++) {
        fuzz_check(strchr("0123456789abcdef-", value->data[i]) != NULL);
    }

    fuzz_check(ngx_strncmp(value->data, "ff", 2) != 0);
    fuzz_check(ngx_strncmp(&value->data[3], "00000000000000000000000000000000",
                           32)
               != 0);

    /* what goes on is of this version, of that trace, of another span */

    fuzz_check(ngx_api_traceparent_make(own, value->data) == NGX_OK);
    fuzz_check(ngx_api_traceparent_valid(own, sizeof(own)));
    fuzz_check(ngx_strncmp(own, "00-", 3) == 0);
    fuzz_check(memcmp(&own[3], &value->data[3], 32) == 0);
    fuzz_check(memcmp(&own[36], &value->data[36], 16) != 0);
}


static void
headers_id(ngx_pool_t *pool, const ngx_str_t *value)
{
    (void) pool;

    if (ngx_api_header_id(value)) {
        fuzz_check(value->len > 0 && value->len <= NGX_API_REQUEST_ID_MAX);
        fuzz_check(fuzz_printable(value->data, value->len, 0));
        fuzz_check(strcspn((char *) value->data, "\"\\<>&;'%") == value->len);
    }
}


/* a bigint[] that PostgreSQL takes, of numbers that are there in quotes */

static void
headers_versions(ngx_pool_t *pool, const ngx_str_t *value)
{
    char        *end, tag[24];
    long long    n;
    const char  *text, *p;

    fuzz_check(ngx_api_header_versions(pool, value, &text) == NGX_OK);

    if (text == NULL) {
        fuzz_check(value->len == 1 && value->data[0] == '*');
        return;
    }

    fuzz_check(*text == '{');

    for (p = text + 1; *p != '}'; p = *end == ',' ? end + 1 : end) {
        fuzz_check(*p >= '1' && *p <= '9');

        n = strtoll(p, &end, 10);
        fuzz_check(*end == ',' || *end == '}');
        fuzz_check(n > 0 && n < INT64_MAX);

        snprintf(tag, sizeof(tag), "\"%lld\"", n);
        fuzz_check(memmem(value->data, value->len, tag, strlen(tag)) != NULL);
    }

    fuzz_check(p[1] == '\0');
}


static void
headers_matches(ngx_pool_t *pool, const ngx_str_t *value)
{
    static const ngx_str_t  etag = ngx_string("\"17\"");

    (void) pool;

    if (ngx_api_header_matches(value, &etag)) {
        fuzz_check((value->len == 1 && value->data[0] == '*')
                   || memmem(value->data, value->len, "\"17\"", 4) != NULL);
    }
}


/* the key, in quotes, is the same key */

static void
headers_key(ngx_pool_t *pool, const ngx_str_t *value)
{
    size_t      i;
    u_char     *p;
    ngx_int_t   rc;
    ngx_str_t   key, quoted, again;

    rc = ngx_api_header_key(pool, value, &key);
    fuzz_check(rc == NGX_OK || rc == NGX_DECLINED);

    if (rc != NGX_OK) {
        return;
    }

    fuzz_check(key.len > 0 && key.len <= NGX_API_HEADER_KEY_MAX);
    fuzz_check(fuzz_printable(key.data, key.len, 0));
    fuzz_check(strlen((char *) key.data) == key.len);

    p = ngx_pnalloc(pool, 2 * key.len + 2);
    quoted.data = p;
    *p++ = '"';

    for (i = 0; i < key.len; i++) {
        if (key.data[i] == '"' || key.data[i] == '\\') {
            *p++ = '\\';
        }

        *p++ = key.data[i];
    }

    *p++ = '"';
    quoted.len = (size_t) (p - quoted.data);

    fuzz_check(ngx_api_header_key(pool, &quoted, &again) == NGX_OK);
    fuzz_check(again.len == key.len);
    fuzz_check(memcmp(again.data, key.data, key.len) == 0);
}


static void
headers_link(ngx_pool_t *pool, const ngx_str_t *value)
{
    size_t   i;
    u_char  *p, *last;

    p = ngx_pnalloc(pool, 3 * value->len);
    last = ngx_api_header_link(p, value->data, value->len);

    fuzz_check((size_t) (last - p) <= 3 * value->len);
    fuzz_check(fuzz_printable(p, (size_t) (last - p), 0));

    for (i = 0; i < (size_t) (last - p); i++) {
        fuzz_check(strchr("<>\"\\", p[i]) == NULL);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t         i;
    ngx_str_t      value;
    ngx_pool_t    *pool;
    fuzz_input_t   input;

    static const struct {
        char     kind;
        void   (*check)(ngx_pool_t *pool, const ngx_str_t *value);
    } kinds[] = {
        { 'b', headers_bearer },
        { 't', headers_traceparent },
        { 'i', headers_id },
        { 'm', headers_versions },
        { 'n', headers_matches },
        { 'k', headers_key },
        { 'l', headers_link }
    };

    if (size == 0) {
        return 0;
    }

    /* nginx puts a NUL after each value */

    input = fuzz_input(data + 1, size - 1);
    value.data = (u_char *) fuzz_text(&input, -1, &value.len);

    pool = unit_pool();

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (kinds[i].kind == (char) data[0]) {
            kinds[i].check(pool, &value);
        }
    }

    ngx_destroy_pool(pool);
    free(value.data);

    return 0;
}
