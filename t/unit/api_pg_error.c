
/*
 * The lines of libpq's error messages.
 */


#include "ngx_unit.h"
#include "ngx_api_pg_error.h"


static void
check(const char *message, ngx_uint_t connecting, const char *want)
{
    char       text[256];
    ngx_str_t  line;

    line = ngx_api_pg_error_line(message, connecting);

    snprintf(text, sizeof(text), "%.*s", (int) line.len, line.data);
    assert_string_equal(text, want);
}


static void
test_line(void **state)
{
    (void) state;

    check("", 0, "");
    check("", 1, "");
    check("\n", 1, "");
    check("server closed the connection unexpectedly\n"
          "\tThis probably means the server terminated abnormally\n"
          "\tbefore or while processing the request.\n", 0,
          "server closed the connection unexpectedly");
    check("no end", 0, "no end");

    /* one after the other address, each with a hint */
    check("a: refused\n\tIs it running?\nb: timeout\n\tIs it there?\n", 1,
          "b: timeout");
    check("a: refused\n\tIs it running?\nb: timeout\n\tIs it there?\n", 0,
          "a: refused");
    check("a: refused\n\nb: timeout", 1, "b: timeout");
    check("\thint\n", 1, "");
}


static void
test_stuck(void **state)
{
    (void) state;

    assert_int_equal(ngx_api_pg_error_stuck(""), 0);
    assert_int_equal(ngx_api_pg_error_stuck("out of memory"), 1);
    assert_int_equal(ngx_api_pg_error_stuck("out of memory\n"), 1);
    assert_int_equal(ngx_api_pg_error_stuck("lost\nout of memory\nmore\n"), 1);

    /* the server's */
    assert_int_equal(ngx_api_pg_error_stuck("ERROR:  out of memory\n"), 0);
    assert_int_equal(ngx_api_pg_error_stuck("out of memory: 8 bytes\n"), 0);
    assert_int_equal(ngx_api_pg_error_stuck("\tout of memory\n"), 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_stuck),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
