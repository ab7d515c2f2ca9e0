
/*
 * Cursors.  The first byte says what the rest is: "r" a cursor as a client
 * sends it; else the parts of one, which is then changed.
 */


#include "fuzz.h"
#include "ngx_unit.h"
#include "ngx_api_cursor.h"


static const ngx_str_t  cursor_secret = ngx_string("0123456789abcdef");
static const ngx_str_t  cursor_other = ngx_string("0123456789abcdeg");


static void
cursor_equal(const ngx_api_cursor_t *a, const ngx_api_cursor_t *b)
{
    fuzz_check(a->sort == b->sort);
    fuzz_check(memcmp(a->id, b->id, sizeof(a->id)) == 0);
    fuzz_check(a->key_len == b->key_len);
    fuzz_check(memcmp(a->key, b->key, a->key_len) == 0);
}


/* what is taken is what would have been given out, and by us */

static void
cursor_taken(const u_char *text, size_t len)
{
    u_char            *p, again[NGX_API_CURSOR_LEN];
    ngx_api_cursor_t   cursor, before;

    memset(&cursor, 0xa5, sizeof(cursor));
    before = cursor;

    if (ngx_api_cursor_parse(text, len, &cursor, &cursor_secret) != NGX_OK) {
        fuzz_check(memcmp(&cursor, &before, sizeof(cursor)) == 0);
        return;
    }

    fuzz_check(cursor.key_len <= NGX_API_CURSOR_KEY_MAX);

    p = ngx_api_cursor_format(again, &cursor, &cursor_secret);

    fuzz_check(p != NULL && (size_t) (p - again) == len);
    fuzz_check(memcmp(again, text, len) == 0);
    fuzz_check(ngx_api_cursor_parse(text, len, &cursor, &cursor_other)
               == NGX_ERROR);
}


/* by one byte, or shorter, or longer */

static void
cursor_tamper(const u_char *text, size_t len, size_t at, u_char by)
{
    u_char            *copy;
    ngx_api_cursor_t   cursor;

    copy = malloc(len + 1);
    fuzz_check(copy != NULL);

    memcpy(copy, text, len);
    copy[len] = by;

    fuzz_check(ngx_api_cursor_parse(copy, len + 1, &cursor, &cursor_secret)
               == NGX_ERROR);
    fuzz_check(ngx_api_cursor_parse(copy, at % len, &cursor, &cursor_secret)
               == NGX_ERROR);

    if (by) {
        copy[at % len] ^= by;
        fuzz_check(ngx_api_cursor_parse(copy, len, &cursor, &cursor_secret)
                   == NGX_ERROR);
    }

    free(copy);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char            *p, text[NGX_API_CURSOR_LEN], by;
    size_t             at, i;
    fuzz_input_t       input;
    ngx_api_cursor_t   cursor, back;

    input = fuzz_input(data, size);

    if (fuzz_number(&input, 1) == 'r') {
        cursor_taken(input.p, (size_t) (input.end - input.p));
        return 0;
    }

    memset(&cursor, 0, sizeof(cursor));

    cursor.sort = (ngx_uint_t) fuzz_number(&input, 1);
    at = (size_t) fuzz_number(&input, 2);
    by = (u_char) fuzz_number(&input, 1);

    for (i = 0; i < sizeof(cursor.id); i++) {
        cursor.id[i] = (u_char) fuzz_number(&input, 1);
    }

    cursor.key_len = (size_t) (input.end - input.p);
    memcpy(cursor.key, input.p,
           ngx_min(cursor.key_len, NGX_API_CURSOR_KEY_MAX));

    p = ngx_api_cursor_format(text, &cursor, &cursor_secret);
    fuzz_check((p == NULL) == (cursor.key_len > NGX_API_CURSOR_KEY_MAX));

    if (p) {
        fuzz_check(ngx_api_cursor_parse(text, (size_t) (p - text), &back,
                                        &cursor_secret) == NGX_OK);
        cursor_equal(&cursor, &back);
        cursor_tamper(text, (size_t) (p - text), at, by);
    }

    return 0;
}
