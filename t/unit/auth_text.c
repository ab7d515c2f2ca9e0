
/*
 * Texts from outside, made fit to be stored.
 */


#include "ngx_unit.h"
#include "ngx_auth_text.h"


static void
check(const char *text, size_t len, size_t size, const char *expected)
{
    char        *dst;
    size_t       n;
    ngx_pool_t  *pool;

    pool = unit_pool();

    dst = ngx_pnalloc(pool, size);
    assert_non_null(dst);

    n = ngx_auth_text_clean(dst, size, unit_copy(pool, text, len), len);

    assert_int_equal(n, strlen(expected));
    assert_string_equal(dst, expected);

    ngx_destroy_pool(pool);
}


#define assert_clean(text, expected)                                          \
    check(text, sizeof(text) - 1, sizeof(text), expected)


static void
test_kept(void **state)
{
    (void) state;

    assert_clean("", "");
    assert_clean("Mozilla/5.0 (X11; Linux) ~", "Mozilla/5.0 (X11; Linux) ~");
    assert_clean("\xc2\xa0\xdf\xbf", "\xc2\xa0\xdf\xbf");
    assert_clean("\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf",
                 "\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf");
    assert_clean("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf",
                 "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf");
}


static void
test_dropped(void **state)
{
    (void) state;

    assert_clean("a\0b\x01" "c\x1f\x7f\t\r\n", "abc");
    assert_clean("a\xc2\x80\xc2\x9f" "b", "ab");         /* C1 */
    assert_clean("a\x80\xbf\xff\xfe" "b", "ab");
    assert_clean("a\xc0\x80\xc1\xbf" "b", "ab");         /* overlong */
    assert_clean("a\xe0\x9f\xbf" "b", "ab");
    assert_clean("a\xf0\x8f\xbf\xbf" "b", "ab");
    assert_clean("a\xed\xa0\x80\xed\xbf\xbf" "b", "ab"); /* surrogates */
    assert_clean("a\xf4\x90\x80\x80" "b", "ab");         /* beyond Unicode */
    assert_clean("a\xf8\x88\x80\x80\x80" "b", "ab");
    assert_clean("a\xe2\x82" "b", "ab");                 /* cut short */
    assert_clean("a\xe2\x82", "a");
    assert_clean("a\xf0", "a");
    assert_clean("\xe2\xc3\xa9", "\xc3\xa9");            /* finds its way */
}


static void
test_end(void **state)
{
    (void) state;

    check("abc", 3, 4, "abc");
    check("abc", 3, 3, "ab");
    check("abc", 3, 1, "");
    check("a\xc3\xa9", 3, 4, "a\xc3\xa9");
    check("a\xc3\xa9", 3, 3, "a");
    check("\xf0\x9f\x90\x9d", 4, 4, "");
    check("\xf0\x9f\x90\x9d", 4, 5, "\xf0\x9f\x90\x9d");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_kept),
        cmocka_unit_test(test_dropped),
        cmocka_unit_test(test_end)
    };

    return unit_run(tests);
}
