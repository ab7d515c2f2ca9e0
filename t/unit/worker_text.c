
/*
 * Text of others, made valid UTF-8.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "skep_text.h"


#define BAD  "\xef\xbf\xbd"


/* of memory of the exact sizes, for the sanitizer */

static void
assert_utf8(const char *src, size_t len, size_t size, const char *want)
{
    char   *in, *out;
    size_t  n;

    in = malloc(len ? len : 1);
    out = malloc(size);
    assert_non_null(in);
    assert_non_null(out);
    memcpy(in, src, len);

    n = skep_text_utf8(out, size, in, len);

    assert_string_equal(out, want);
    assert_int_equal(n, strlen(want));

    free(in);
    free(out);
}


#define assert_text(src, want)                                                \
    assert_utf8(src, sizeof(src) - 1, 100, want)


static void
test_valid(void **state)
{
    (void) state;

    assert_text("", "");
    assert_text("plain\r\n\t\x7f", "plain\r\n\t\x7f");
    assert_text("\xc2\x80 \xdf\xbf \xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80 "
                "\xf0\x90\x80\x80 \xf4\x8f\xbf\xbf",
                "\xc2\x80 \xdf\xbf \xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80 "
                "\xf0\x90\x80\x80 \xf4\x8f\xbf\xbf");
}


static void
test_nul(void **state)
{
    (void) state;

    assert_text("a\0b\0", "ab");
    assert_text("\0\0", "");
    assert_text("\xc3\0\xa9", BAD BAD);
}


/* the examples of Unicode's chapter 3.9 and their kind */

static void
test_malformed(void **state)
{
    (void) state;

    assert_text("\x80", BAD);
    assert_text("\xff\xfe", BAD BAD);
    assert_text("\xc0\xaf", BAD BAD);
    assert_text("\xe0\x80\xaf", BAD BAD BAD);
    assert_text("\xed\xa0\x80", BAD BAD BAD);
    assert_text("\xf4\x91\x92\x93\xff\x41\x80\xbf\x42",
                BAD BAD BAD BAD BAD "A" BAD BAD "B");
    assert_text("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41",
                BAD BAD BAD BAD "A");
    assert_text("\xf5\x80\x80\x80", BAD BAD BAD BAD);
}


static void
test_cut(void **state)
{
    (void) state;

    /* by the end of what came */
    assert_text("a\xc3", "a");
    assert_text("a\xe2\x82", "a");
    assert_text("a\xf0\x9f\x98", "a");

    /* by the room */
    assert_utf8("abcd", 4, 1, "");
    assert_utf8("abcd", 4, 4, "abc");
    assert_utf8("abcd", 4, 5, "abcd");
    assert_utf8("a\xe2\x82\xac", 4, 4, "a");
    assert_utf8("a\xe2\x82\xac", 4, 5, "a\xe2\x82\xac");
    assert_utf8("a\xff", 2, 4, "a");
    assert_utf8("a\xff", 2, 5, "a" BAD);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_valid),
        cmocka_unit_test(test_nul),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_cut)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
