
#include "ngx_unit.h"
#include "ngx_api_text.h"


static ngx_int_t
utf8(const void *text, size_t len)
{
    ngx_int_t    n;
    ngx_pool_t  *pool;

    pool = unit_pool();
    n = ngx_api_text_utf8(unit_copy(pool, text, len), len);
    ngx_destroy_pool(pool);

    return n;
}


static ngx_uint_t
email(const void *text, size_t len)
{
    ngx_uint_t   yes;
    ngx_pool_t  *pool;

    pool = unit_pool();
    yes = ngx_api_text_is_email(unit_copy(pool, text, len), len);
    ngx_destroy_pool(pool);

    return yes;
}


static size_t
encode(u_char *p, uint32_t c)
{
    if (c < 0x80) {
        p[0] = (u_char) c;
        return 1;
    }

    if (c < 0x800) {
        p[0] = (u_char) (0xc0 | c >> 6);
        p[1] = (u_char) (0x80 | (c & 0x3f));
        return 2;
    }

    if (c < 0x10000) {
        p[0] = (u_char) (0xe0 | c >> 12);
        p[1] = (u_char) (0x80 | (c >> 6 & 0x3f));
        p[2] = (u_char) (0x80 | (c & 0x3f));
        return 3;
    }

    p[0] = (u_char) (0xf0 | c >> 18);
    p[1] = (u_char) (0x80 | (c >> 12 & 0x3f));
    p[2] = (u_char) (0x80 | (c >> 6 & 0x3f));
    p[3] = (u_char) (0x80 | (c & 0x3f));
    return 4;
}


static void
counts_every_code_point(void **state)
{
    size_t     len, i;
    u_char     text[8];
    uint32_t   c;
    ngx_int_t  good;

    (void) state;

    for (c = 0; c < 0x140000; c++) {
        good = (c < 0xd800 || c > 0xdfff) && c <= 0x10ffff;
        len = encode(text, c);

        if (ngx_api_text_utf8(text, len) != (good ? 1 : NGX_ERROR)) {
            fail_msg("U+%04X", c);
        }

        if (!good || (c % 61 && c > 0x900)) {
            continue;
        }

        /* cut off, and with a byte too many */

        for (i = 1; i < len; i++) {
            assert_int_equal(utf8(text, i), NGX_ERROR);
        }

        text[len] = 0x80;
        assert_int_equal(utf8(text, len + 1), NGX_ERROR);

        text[len] = 'a';
        assert_int_equal(utf8(text, len + 1), 2);
    }
}


static void
refuses_what_is_not_utf8(void **state)
{
    size_t  i;

    static const char  *cases[] = {
        "\x80", "\xbf", "\xc0\x80", "\xc0\xaf", "\xc1\xbf", "\xe0\x80\x80",
        "\xe0\x9f\xbf", "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf",
        "\xed\xa0\x80", "\xed\xbf\xbf", "\xed\xa0\xbd\xed\xb8\x80",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf8\x88\x80\x80\x80",
        "\xfe", "\xff", "\xc3(", "\xe2(\xa1", "\xe2\x82(", "\xf0\x9f\x98(",
        "abc\xe9", "\xc3", "\xe2\x82", "\xf0\x9f\x98",
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (utf8(cases[i], strlen(cases[i])) != NGX_ERROR) {
            fail_msg("case %d was accepted", (int) i);
        }
    }

    assert_int_equal(utf8("", 0), 0);
    assert_int_equal(utf8("a\0b", 3), 3);
    assert_int_equal(utf8("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 10), 4);
}


static void
knows_addresses(void **state)
{
    size_t  i;

    static const char  *good[] = {
        "a@b.c", "ann@example.com", "Ann.Lee+tag@mail.Example.COM",
        "a.b.c@x-y.z0", "1@1.a1", "!#$%&'*+-/=?^_`{|}~@example.com",
        "x@xn--bcher-kva.example", "x@1.2.3.com",
    };

    static const char  *bad[] = {
        "", "@", "a", "a@", "@b.c", "a@b", "a@localhost", "a@b.", "a@.b",
        "a@b..c", "a@@b.c", "a@b@c.d", ".a@b.c", "a.@b.c", "a..b@c.d",
        "a b@c.d", "a@b c.d", " a@b.c", "a@b.c ", "\"a b\"@c.d", "a\"b@c.d",
        "a(b)@c.d", "<a@b.c>", "a@[127.0.0.1]", "a@127.0.0.1", "a@b.0c",
        "a@b.9c",
        "a@-b.c", "a@b-.c", "a@b.c-", "a@b.-c", "a@b_c.d", "a,b@c.d",
        "a@b.c\n", "a@b.c\r\nBcc: x@y.z", "a\\b@c.d", "a;b@c.d",
        "\xc3\xa9@b.c", "a@\xc3\xa9.c", "a\x7f@b.c",
    };

    (void) state;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        if (!email(good[i], strlen(good[i]))) {
            fail_msg("\"%s\" was refused", good[i]);
        }
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (email(bad[i], strlen(bad[i]))) {
            fail_msg("\"%s\" was accepted", bad[i]);
        }
    }

    assert_false(email("a\0b@c.d", 7));
    assert_false(email("a@b\0.d", 6));
    assert_false(email("a@b.c\0", 6));
}


static void
knows_the_lengths_of_addresses(void **state)
{
    char    text[600];
    size_t  n;

    (void) state;

    /* the local part */

    for (n = 1; n < 100; n++) {
        memset(text, 'a', n);
        strcpy(text + n, "@b.c");
        assert_int_equal(email(text, n + 4), n <= 64);
    }

    /* a label */

    for (n = 1; n < 100; n++) {
        strcpy(text, "a@");
        memset(text + 2, 'b', n);
        strcpy(text + 2 + n, ".c");
        assert_int_equal(email(text, n + 4), n <= 63);

        strcpy(text, "a@b.");
        memset(text + 4, 'c', n);
        assert_int_equal(email(text, n + 4), n <= 63);
    }

    /* the whole: "a@", then labels of one letter */

    for (n = 5; n < 500; n += 2) {
        memset(text, 'b', n);
        memcpy(text, "a@", 2);

        for (size_t i = 3; i < n; i += 2) {
            text[i] = '.';
        }

        assert_int_equal(email(text, n), n <= 254);
    }
}


static void
writes_arrays(void **state)
{
    ngx_str_t    text;
    ngx_pool_t  *pool;

    static const ngx_str_t  list[] = {
        ngx_string("a"),
        ngx_null_string,
        ngx_string(""),
        ngx_string("\"NULL\\"),
        ngx_string("{\"x,y\"}")
    };

    (void) state;

    pool = unit_pool();

    assert_int_equal(ngx_api_text_array(pool, list, 0, &text), NGX_OK);
    assert_string_equal((char *) text.data, "{}");
    assert_int_equal(text.len, 2);

    assert_int_equal(ngx_api_text_array(pool, list, 5, &text), NGX_OK);
    assert_string_equal((char *) text.data,
                        "{\"a\",NULL,\"\",\"\\\"NULL\\\\\","
                        "\"{\\\"x,y\\\"}\"}");
    assert_int_equal(text.len, strlen((char *) text.data));

    unit_fail_at(1);
    assert_int_equal(ngx_api_text_array(pool, list, 5, &text), NGX_ERROR);

    ngx_destroy_pool(pool);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(counts_every_code_point),
        cmocka_unit_test(refuses_what_is_not_utf8),
        cmocka_unit_test(knows_addresses),
        cmocka_unit_test(knows_the_lengths_of_addresses),
        cmocka_unit_test(writes_arrays),
    };

    return unit_run(tests);
}
