
#include "ngx_unit.h"
#include "ngx_api_cursor.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>


static ngx_str_t  secret = ngx_string("0123456789abcdef0123456789abcdef");
static ngx_str_t  other = ngx_string("0123456789abcdef0123456789abcdeF");


static void
make(ngx_api_cursor_t *cursor, size_t key_len, ngx_uint_t sort)
{
    size_t  i;

    memset(cursor, 0xee, sizeof(ngx_api_cursor_t));

    cursor->sort = sort;
    cursor->key_len = key_len;

    for (i = 0; i < 16; i++) {
        cursor->id[i] = (u_char) (unit_random() >> 24);
    }

    for (i = 0; i < key_len && i < NGX_API_CURSOR_KEY_MAX; i++) {
        cursor->key[i] = (u_char) (unit_random() >> 24);
    }
}


static ngx_int_t
parse(const void *text, size_t len, ngx_api_cursor_t *cursor,
    const ngx_str_t *key)
{
    ngx_int_t    rc;
    ngx_pool_t  *pool;

    pool = unit_pool();
    rc = ngx_api_cursor_parse(unit_copy(pool, text, len), len, cursor, key);
    ngx_destroy_pool(pool);

    return rc;
}


/* a cursor signed rightly, whatever its bytes are */

static size_t
forge(u_char *text, u_char *data, size_t len)
{
    u_char     md[EVP_MAX_MD_SIZE];
    unsigned   n;
    ngx_str_t  src, dst;

    assert_non_null(HMAC(EVP_sha256(), secret.data, (int) secret.len, data,
                         len, md, &n));
    memcpy(data + len, md, 8);

    src.data = data;
    src.len = len + 8;
    dst.data = text;

    ngx_encode_base64url(&dst, &src);

    return dst.len;
}


static void
round_trips(void **state)
{
    u_char            *p, *end;
    size_t             len, i;
    ngx_uint_t         sort;
    ngx_pool_t        *pool;
    ngx_api_cursor_t   cursor, back;

    (void) state;

    for (len = 0; len <= NGX_API_CURSOR_KEY_MAX; len++) {
        for (sort = 0; sort < 256; sort += 17) {
            pool = unit_pool();

            make(&cursor, len, sort);

            p = ngx_palloc(pool, NGX_API_CURSOR_LEN);
            end = ngx_api_cursor_format(p, &cursor, &secret);

            assert_non_null(end);
            assert_in_range(end - p, 35, NGX_API_CURSOR_LEN);

            /* fit for a URL as it is */

            for (i = 0; i < (size_t) (end - p); i++) {
                assert_true(p[i] == '-' || p[i] == '_' || isalnum(p[i]));
            }

            assert_int_equal(parse(p, end - p, &back, &secret), NGX_OK);
            assert_int_equal(back.sort, sort);
            assert_memory_equal(back.id, cursor.id, 16);
            assert_int_equal(back.key_len, len);
            assert_memory_equal(back.key, cursor.key, len);

            ngx_destroy_pool(pool);
        }
    }

    make(&cursor, NGX_API_CURSOR_KEY_MAX, 0);
    pool = unit_pool();
    p = ngx_palloc(pool, NGX_API_CURSOR_LEN);
    assert_ptr_equal(ngx_api_cursor_format(p, &cursor, &secret),
                     p + NGX_API_CURSOR_LEN);
    ngx_destroy_pool(pool);
}


static void
is_the_layout_that_was_promised(void **state)
{
    u_char            text[NGX_API_CURSOR_LEN], data[90], *end;
    u_char            expected[NGX_API_CURSOR_LEN];
    size_t            len;
    ngx_api_cursor_t  cursor;

    (void) state;

    make(&cursor, 7, 3);

    data[0] = 1;
    data[1] = 3;
    memcpy(data + 2, cursor.id, 16);
    memcpy(data + 18, cursor.key, 7);

    len = forge(expected, data, 25);
    end = ngx_api_cursor_format(text, &cursor, &secret);

    assert_int_equal(end - text, len);
    assert_memory_equal(text, expected, len);
}


static void
refuses_what_cannot_be_written(void **state)
{
    u_char            text[NGX_API_CURSOR_LEN];
    ngx_api_cursor_t  cursor;

    (void) state;

    make(&cursor, NGX_API_CURSOR_KEY_MAX + 1, 0);
    assert_null(ngx_api_cursor_format(text, &cursor, &secret));

    make(&cursor, 0, 256);
    assert_null(ngx_api_cursor_format(text, &cursor, &secret));
}


static void
refuses_each_changed_bit(void **state)
{
    u_char            text[NGX_API_CURSOR_LEN], *end;
    size_t            i, len, n;
    ngx_uint_t        bit;
    ngx_api_cursor_t  cursor, back, untouched;

    static const size_t  lens[] = { 0, 1, 2, 27, 64, 799, 800 };

    (void) state;

    memset(&untouched, 0xa5, sizeof(untouched));

    for (n = 0; n < sizeof(lens) / sizeof(lens[0]); n++) {
        make(&cursor, lens[n], 5);

        end = ngx_api_cursor_format(text, &cursor, &secret);
        len = end - text;

        for (i = 0; i < len; i++) {
            for (bit = 0; bit < 8; bit++) {
                text[i] ^= (u_char) (1 << bit);

                back = untouched;
                assert_int_equal(parse(text, len, &back, &secret), NGX_ERROR);
                assert_memory_equal(&back, &untouched, sizeof(back));

                text[i] ^= (u_char) (1 << bit);
            }
        }

        assert_int_equal(parse(text, len, &back, &secret), NGX_OK);
    }
}


static void
refuses_another_length(void **state)
{
    u_char            text[2 * NGX_API_CURSOR_LEN], *end;
    size_t            i, len;
    ngx_api_cursor_t  cursor, back;

    (void) state;

    for (i = 0; i <= NGX_API_CURSOR_KEY_MAX; i += i < 64 ? 1 : 46) {
        make(&cursor, i, 0);

        memset(text, 'A', sizeof(text));
        end = ngx_api_cursor_format(text, &cursor, &secret);

        for (len = 0; len < sizeof(text); len++) {
            assert_int_equal(parse(text, len, &back, &secret),
                             len == (size_t) (end - text) ? NGX_OK
                                                          : NGX_ERROR);
        }

        /* padded */

        end[0] = '=';
        end[1] = '=';

        for (len = end - text + 1; len < sizeof(text); len++) {
            assert_int_equal(parse(text, len, &back, &secret), NGX_ERROR);
        }
    }
}


static void
refuses_another_secret(void **state)
{
    u_char            text[NGX_API_CURSOR_LEN], *end;
    ngx_api_cursor_t  cursor, back;

    (void) state;

    make(&cursor, 10, 0);
    end = ngx_api_cursor_format(text, &cursor, &secret);

    assert_int_equal(parse(text, end - text, &back, &other), NGX_ERROR);
    assert_int_equal(parse(text, end - text, &back, &secret), NGX_OK);
}


static void
refuses_another_version(void **state)
{
    u_char            text[NGX_API_CURSOR_LEN], data[90];
    size_t            len;
    ngx_uint_t        version;
    ngx_api_cursor_t  back;

    (void) state;

    memset(data, 0, sizeof(data));

    for (version = 0; version < 256; version++) {
        data[0] = (u_char) version;
        len = forge(text, data, 18);

        assert_int_equal(parse(text, len, &back, &secret),
                         version == 1 ? NGX_OK : NGX_ERROR);
    }
}


static void
refuses_short_and_long_forgeries(void **state)
{
    u_char            text[1200], data[900];
    size_t            n, len;
    ngx_api_cursor_t  back;

    (void) state;

    memset(data, 0, sizeof(data));

    for (n = 1; n < 850; n++) {
        data[0] = 1;
        len = forge(text, data, n);

        assert_int_equal(parse(text, len, &back, &secret),
                         n >= 18 && n <= 818 ? NGX_OK : NGX_ERROR);
    }
}


static void
refuses_noise(void **state)
{
    u_char            text[NGX_API_CURSOR_LEN + 8];
    size_t            i, len;
    ngx_uint_t        n;
    ngx_api_cursor_t  back;

    static const char  digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    (void) state;

    for (n = 0; n < 20000; n++) {
        len = unit_random() % sizeof(text);

        for (i = 0; i < len; i++) {
            text[i] = (n % 2) ? (u_char) (unit_random() >> 24)
                              : (u_char) digits[unit_random() % 64];
        }

        assert_int_equal(parse(text, len, &back, &secret), NGX_ERROR);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(round_trips),
        cmocka_unit_test(is_the_layout_that_was_promised),
        cmocka_unit_test(refuses_what_cannot_be_written),
        cmocka_unit_test(refuses_each_changed_bit),
        cmocka_unit_test(refuses_another_length),
        cmocka_unit_test(refuses_another_secret),
        cmocka_unit_test(refuses_another_version),
        cmocka_unit_test(refuses_short_and_long_forgeries),
        cmocka_unit_test(refuses_noise),
    };

    return unit_run(tests);
}
