
#include "ngx_unit.h"
#include "ngx_api_json.h"

#include <jansson.h>


/* what must hold of every chain: full buffers, one end */

static char *
written(ngx_api_json_t *j, ngx_uint_t main, size_t *len)
{
    size_t        n;
    char         *text;
    ngx_buf_t    *b;
    ngx_chain_t  *cl, *head;

    head = ngx_api_json_close(j, main);
    assert_non_null(head);

    for (cl = head; cl; cl = cl->next) {
        b = cl->buf;

        assert_true(b->temporary);
        assert_ptr_equal(b->pos, b->start);
        assert_true(b->last > b->pos);
        assert_true(b->last <= b->end);

        assert_int_equal(b->last_in_chain, cl->next == NULL);
        assert_int_equal(b->last_buf, cl->next == NULL && main);

        n = b->end - b->start;

        if (cl == head) {
            assert_in_range(n, 512, 32768);

        } else {
            assert_in_range(n, 16384, 32768);
        }
    }

    text = unit_chain(j->pool, head, &n);
    assert_int_equal(j->size, n);

    if (len) {
        *len = n;
    }

    return text;
}


/* a byte at a time, by the letter of RFC 8259 */

static size_t
naive(char *p, const u_char *text, size_t len)
{
    char    *start;
    size_t   i;

    start = p;
    *p++ = '"';

    for (i = 0; i < len; i++) {

        switch (text[i]) {
        case '"':  p += sprintf(p, "\\\"");  break;
        case '\\': p += sprintf(p, "\\\\");  break;
        case '\b': p += sprintf(p, "\\b");   break;
        case '\f': p += sprintf(p, "\\f");   break;
        case '\n': p += sprintf(p, "\\n");   break;
        case '\r': p += sprintf(p, "\\r");   break;
        case '\t': p += sprintf(p, "\\t");   break;
        default:
            if (text[i] < 0x20) {
                p += sprintf(p, "\\u%04x", text[i]);
            } else {
                *p++ = (char) text[i];
            }
        }
    }

    *p++ = '"';

    return p - start;
}


static void
assert_string(const u_char *text, size_t len, size_t before)
{
    char            *got, *expected;
    u_char          *copy, *filler;
    size_t           n;
    ngx_pool_t      *pool;
    ngx_api_json_t   j;

    pool = unit_pool();
    copy = unit_copy(pool, text, len);

    filler = ngx_palloc(pool, before + 1);
    memset(filler, ' ', before);

    expected = ngx_palloc(pool, 6 * len + 3);

    ngx_api_json_init(&j, pool, 0);
    ngx_api_json_raw(&j, filler, before);
    ngx_api_json_string(&j, copy, len);

    got = written(&j, 1, &n);

    assert_int_equal(n - before, naive(expected, text, len));
    assert_memory_equal(got, filler, before);
    assert_memory_equal(got + before, expected, n - before);

    ngx_destroy_pool(pool);
}


static void
puts_text_together(void **state)
{
    ngx_pool_t      *pool;
    ngx_api_json_t   j;

    (void) state;

    pool = unit_pool();

    ngx_api_json_init(&j, pool, 100);
    ngx_api_json_literal(&j, "{\"a\":");
    ngx_api_json_integer(&j, 1);
    ngx_api_json_literal(&j, ",\"b\":");
    ngx_api_json_string(&j, "x\"y", 3);
    ngx_api_json_literal(&j, ",\"c\":");
    ngx_api_json_string(&j, NULL, 0);
    ngx_api_json_literal(&j, "}");

    assert_string_equal(written(&j, 0, NULL),
                        "{\"a\":1,\"b\":\"x\\\"y\",\"c\":\"\"}");

    ngx_destroy_pool(pool);
}


static void
escapes_each_byte(void **state)
{
    u_char      c;
    ngx_uint_t  i;

    (void) state;

    for (i = 0; i < 256; i++) {
        c = (u_char) i;
        assert_string(&c, 1, 0);
    }
}


static void
finds_an_escape_at_any_place(void **state)
{
    u_char      text[33];
    size_t      len, at;
    ngx_uint_t  i;

    static const u_char  special[] = {
        0, 1, 0x1f, 0x20, '!', '"', '#', '[', '\\', ']', 0x7f, 0x80, 0xa2,
        0xdc, 0xff
    };

    (void) state;

    for (len = 1; len <= sizeof(text); len++) {
        for (at = 0; at < len; at++) {
            for (i = 0; i < sizeof(special); i++) {
                memset(text, 'a', len);
                text[at] = special[i];
                assert_string(text, len, 0);

                memset(text, special[i], at + 1);
                assert_string(text, len, 0);
            }
        }
    }
}


static void
escapes_across_buffers(void **state)
{
    size_t  before;

    static const u_char  text[] = "\x01\"\\\n\x1f" "abc\"defghijk\x02";

    (void) state;

    for (before = 480; before < 520; before++) {
        assert_string(text, sizeof(text) - 1, before);
    }
}


static void
escapes_random_bytes(void **state)
{
    u_char      text[2000];
    size_t      i, len;
    ngx_uint_t  n;

    (void) state;

    for (n = 0; n < 500; n++) {
        len = unit_random() % sizeof(text);

        for (i = 0; i < len; i++) {
            text[i] = (u_char) (unit_random() >> 20);
        }

        assert_string(text, len, unit_random() % 600);
    }
}


static void
is_read_back_by_a_parser(void **state)
{
    char            *got;
    u_char           text[0x80];
    json_t          *json;
    size_t           len;
    ngx_uint_t       i;
    ngx_pool_t      *pool;
    ngx_api_json_t   j;

    static const char  utf8[] = "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"";

    (void) state;

    for (i = 0; i < sizeof(text); i++) {
        text[i] = (u_char) i;
    }

    pool = unit_pool();

    ngx_api_json_init(&j, pool, 0);
    ngx_api_json_literal(&j, "[");
    ngx_api_json_string(&j, text, sizeof(text));
    ngx_api_json_literal(&j, ",");
    ngx_api_json_string(&j, utf8, sizeof(utf8) - 1);
    ngx_api_json_literal(&j, "]");

    got = written(&j, 1, &len);

    json = json_loadb(got, len, JSON_ALLOW_NUL, NULL);
    assert_non_null(json);
    assert_int_equal(json_array_size(json), 2);

    assert_int_equal(json_string_length(json_array_get(json, 0)),
                     sizeof(text));
    assert_memory_equal(json_string_value(json_array_get(json, 0)), text,
                        sizeof(text));
    assert_string_equal(json_string_value(json_array_get(json, 1)), utf8);

    json_decref(json);
    ngx_destroy_pool(pool);
}


static void
writes_integers(void **state)
{
    char             expected[64];
    int64_t          n;
    ngx_uint_t       i;
    ngx_pool_t      *pool;
    ngx_api_json_t   j;

    static const int64_t  numbers[] = {
        0, 1, -1, 9, 10, -10, 99, 100, 12345, INT32_MAX, INT32_MIN,
        INT64_MAX, INT64_MAX - 1, INT64_MIN, INT64_MIN + 1
    };

    (void) state;

    for (i = 0; i < 2000; i++) {
        n = (i < sizeof(numbers) / sizeof(int64_t))
            ? numbers[i] : (int64_t) unit_random() >> (i % 64);

        pool = unit_pool();

        ngx_api_json_init(&j, pool, 0);
        ngx_api_json_integer(&j, n);

        sprintf(expected, "%lld", (long long) n);
        assert_string_equal(written(&j, 1, NULL), expected);

        ngx_destroy_pool(pool);
    }
}


static void
takes_the_hint_within_bounds(void **state)
{
    size_t           i;
    ngx_pool_t      *pool;
    ngx_api_json_t   j;

    static const size_t  hints[][2] = {
        { 0, 512 }, { 511, 512 }, { 512, 512 }, { 513, 513 },
        { 32768, 32768 }, { 32769, 32768 }, { (size_t) -1, 32768 }
    };

    (void) state;

    for (i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
        pool = unit_pool();

        ngx_api_json_init(&j, pool, hints[i][0]);
        assert_int_equal(j.buf->end - j.buf->start, hints[i][1]);

        ngx_destroy_pool(pool);
    }
}


static void
flows_over_many_buffers(void **state)
{
    char            *got;
    size_t           i, len, n;
    u_char          *text;
    ngx_pool_t      *pool;
    ngx_chain_t     *cl;
    ngx_api_json_t   j;

    (void) state;

    pool = unit_pool();

    len = 300 * 1024;
    text = ngx_palloc(pool, len);

    for (i = 0; i < len; i++) {
        text[i] = 'a' + i % 26;
    }

    ngx_api_json_init(&j, pool, 600);
    ngx_api_json_string(&j, text, len);

    got = written(&j, 1, &n);

    assert_int_equal(n, len + 2);
    assert_memory_equal(got + 1, text, len);

    /* plain text leaves no buffer before the last one short */

    for (cl = j.head; cl->next; cl = cl->next) {
        assert_ptr_equal(cl->buf->last, cl->buf->end);
    }

    ngx_destroy_pool(pool);
}


static void
fills_a_buffer_before_the_next(void **state)
{
    ngx_pool_t      *pool;
    ngx_api_json_t   j;
    u_char           text[512];

    (void) state;

    memset(text, '1', sizeof(text));
    pool = unit_pool();

    ngx_api_json_init(&j, pool, 512);
    ngx_api_json_raw(&j, text, 512);
    assert_null(j.head->next);

    ngx_api_json_raw(&j, text, 0);
    assert_null(j.head->next);

    ngx_api_json_raw(&j, text, 1);
    assert_non_null(j.head->next);

    assert_int_equal(strlen(written(&j, 1, NULL)), 513);

    ngx_destroy_pool(pool);
}


static void
reserves_room_in_one_piece(void **state)
{
    u_char          *p;
    size_t           n, total;
    ngx_pool_t      *pool;
    ngx_api_json_t   j;

    (void) state;

    pool = unit_pool();
    total = 0;

    ngx_api_json_init(&j, pool, 0);

    for (n = 0; n < 1000; n++) {
        p = ngx_api_json_reserve(&j, n);
        assert_non_null(p);

        memset(p, 'x', n);
        ngx_api_json_advance(&j, p + n / 2);
        total += n / 2;
    }

    p = ngx_api_json_reserve(&j, 20000);
    memset(p, 'y', 20000);
    ngx_api_json_advance(&j, p + 20000);

    assert_int_equal(strlen(written(&j, 1, NULL)), total + 20000);

    ngx_destroy_pool(pool);
}


static void
says_nothing_when_nothing_was_written(void **state)
{
    ngx_pool_t      *pool;
    ngx_api_json_t   j;

    (void) state;

    pool = unit_pool();

    ngx_api_json_init(&j, pool, 0);
    assert_null(ngx_api_json_close(&j, 1));

    ngx_destroy_pool(pool);
}


static void
survives_each_failed_allocation(void **state)
{
    size_t           i, size;
    u_char           text[40000];
    ngx_uint_t       n;
    ngx_pool_t      *pool;
    ngx_api_json_t   j;

    (void) state;

    for (i = 0; i < sizeof(text); i++) {
        text[i] = (i % 100) ? 'a' : '\n';
    }

    for (n = 1; /* void */ ; n++) {
        pool = unit_pool();
        unit_fail_at(n);

        ngx_api_json_init(&j, pool, 0);
        ngx_api_json_literal(&j, "[");
        ngx_api_json_string(&j, text, sizeof(text));
        ngx_api_json_literal(&j, ",");
        ngx_api_json_integer(&j, 7);
        ngx_api_json_literal(&j, "]");

        if (!unit_failed()) {
            break;
        }

        assert_true(j.failed);
        size = j.size;

        /* from here on nothing is written, although memory is back */

        ngx_api_json_literal(&j, "[");
        ngx_api_json_string(&j, "a", 1);
        ngx_api_json_integer(&j, 7);
        assert_null(ngx_api_json_reserve(&j, 1));

        assert_int_equal(j.size, size);
        assert_null(ngx_api_json_close(&j, 1));

        ngx_destroy_pool(pool);
    }

    assert_false(j.failed);
    assert_non_null(ngx_api_json_close(&j, 1));
    assert_true(n > 6);

    ngx_destroy_pool(pool);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(puts_text_together),
        cmocka_unit_test(escapes_each_byte),
        cmocka_unit_test(finds_an_escape_at_any_place),
        cmocka_unit_test(escapes_across_buffers),
        cmocka_unit_test(escapes_random_bytes),
        cmocka_unit_test(is_read_back_by_a_parser),
        cmocka_unit_test(writes_integers),
        cmocka_unit_test(takes_the_hint_within_bounds),
        cmocka_unit_test(flows_over_many_buffers),
        cmocka_unit_test(fills_a_buffer_before_the_next),
        cmocka_unit_test(reserves_room_in_one_piece),
        cmocka_unit_test(says_nothing_when_nothing_was_written),
        cmocka_unit_test(survives_each_failed_allocation),
    };

    return unit_run(tests);
}
