
/*
 * Which request something comes from.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "skep_trace.h"


#define TRACE  "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


static void
test_request_id(void **state)
{
    char  text[256];

    (void) state;

    assert_string_equal(skep_trace_request_id(TRACE " r-1"), "r-1");
    assert_string_equal(skep_trace_request_id(TRACE), "");
    assert_string_equal(skep_trace_request_id(""), "");
    assert_string_equal(skep_trace_request_id(NULL), "");

    memset(text, 'x', sizeof(text));
    memcpy(text, TRACE " ", sizeof(TRACE));

    text[sizeof(TRACE) + 64] = '\0';
    assert_string_equal(skep_trace_request_id(text), text + sizeof(TRACE));

    text[sizeof(TRACE) + 64] = 'x';
    text[sizeof(TRACE) + 65] = '\0';
    assert_string_equal(skep_trace_request_id(text), "");
}


static void
test_parent(void **state)
{
    char    text[SKEP_TRACEPARENT_LEN + 1];
    size_t  i;

    static const char *const  none[] = {
        NULL, "", " ", "r-1", " r-1", "00-0af7 r-1", TRACE "x r-1"
    };

    (void) state;

    assert_int_equal(skep_trace_parent(text, sizeof(text), TRACE " r-1",
                                       UINT64_C(0xfedcba9876543210)),
                     SKEP_TRACEPARENT_LEN);
    assert_string_equal(text, "00-0af7651916cd43dd8448eb211c80319c-"
                              "fedcba9876543210-01");

    assert_int_equal(skep_trace_parent(text, sizeof(text), TRACE, 0),
                     SKEP_TRACEPARENT_LEN);
    assert_string_equal(text, "00-0af7651916cd43dd8448eb211c80319c-"
                              "0000000000000001-01");

    assert_int_equal(skep_trace_parent(text, sizeof(text) - 1, TRACE, 1), 0);

    for (i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        assert_int_equal(skep_trace_parent(text, sizeof(text), none[i], 1), 0);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_request_id),
        cmocka_unit_test(test_parent)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
