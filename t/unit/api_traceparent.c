
#include "ngx_unit.h"
#include "ngx_api_traceparent.h"


#define TRACE  "0af7651916cd43dd8448eb211c80319c"
#define SPAN   "b7ad6b7169203331"


static ngx_uint_t  random_fails;


int __real_RAND_bytes(unsigned char *buf, int num);
int __wrap_RAND_bytes(unsigned char *buf, int num);


int
__wrap_RAND_bytes(unsigned char *buf, int num)
{
    return random_fails ? 0 : __real_RAND_bytes(buf, num);
}


static ngx_uint_t
valid(const char *text)
{
    u_char      *copy;
    size_t       len;
    ngx_uint_t   rc;

    /* of just that length, for the sanitizer */

    len = ngx_strlen(text);
    copy = malloc(len + (len == 0));
    assert_non_null(copy);
    ngx_memcpy(copy, text, len);

    rc = ngx_api_traceparent_valid(copy, len);
    free(copy);

    return rc;
}


static void
test_valid(void **state)
{
    size_t  i;

    static const char *const  good[] = {
        "00-" TRACE "-" SPAN "-01",
        "00-" TRACE "-" SPAN "-00",
        "00-" TRACE "-" SPAN "-03",
        "00-" TRACE "-" SPAN "-ff",
        "00-00000000000000000000000000000001-0000000000000001-00",
        "01-" TRACE "-" SPAN "-01",
        "cc-" TRACE "-" SPAN "-01-what-the-future-will-be-like",
        "cc-" TRACE "-" SPAN "-01-",
        "fe-" TRACE "-" SPAN "-01"
    };

    static const char *const  bad[] = {
        "",
        "00",
        "00-" TRACE "-" SPAN "-0",
        "00-" TRACE "-" SPAN,
        "00-" TRACE "-" SPAN "-01-",
        "00-" TRACE "-" SPAN "-01.",
        "00-" TRACE "-" SPAN "-01 ",
        "cc-" TRACE "-" SPAN "-01.what",
        "cc-" TRACE "-" SPAN "-012",
        "ff-" TRACE "-" SPAN "-01",
        "ff-" TRACE "-" SPAN "-01-more",
        "0x-" TRACE "-" SPAN "-01",
        "0A-" TRACE "-" SPAN "-01",
        "00_" TRACE "-" SPAN "-01",
        "00-" TRACE "_" SPAN "-01",
        "00-" TRACE "-" SPAN "_01",
        "00-0AF7651916CD43DD8448EB211C80319C-" SPAN "-01",
        "00-" TRACE "-B7AD6B7169203331-01",
        "00-" TRACE "-" SPAN "-0F",
        "00-00000000000000000000000000000000-" SPAN "-01",
        "00-" TRACE "-0000000000000000-01",
        "00-0af7651916cd43dd8448eb211c80319-" SPAN "-011",
        "00-0af7651916cd43dd8448eb211c80319g-" SPAN "-01",
        "00-" TRACE "-b7ad6b716920333.-01"
    };

    (void) state;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(valid(good[i]));
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(valid(bad[i]));
    }
}


static void
test_make(void **state)
{
    size_t  i;
    u_char  one[NGX_API_TRACEPARENT_LEN + 1];
    u_char  two[NGX_API_TRACEPARENT_LEN + 1];

    static const struct {
        const char  *given;
        const char  *made;
    } flags[] = {
        { "00", "-00" }, { "01", "-01" }, { "02", "-02" }, { "03", "-03" },
        { "ff", "-03" }, { "fc", "-00" }, { "81", "-01" }
    };

    (void) state;

    one[NGX_API_TRACEPARENT_LEN] = '\0';
    two[NGX_API_TRACEPARENT_LEN] = '\0';

    /* a new trace: other ids, each time */

    assert_int_equal(ngx_api_traceparent_make(one, NULL), NGX_OK);
    assert_int_equal(ngx_api_traceparent_make(two, NULL), NGX_OK);
    assert_true(valid((char *) one));
    assert_true(valid((char *) two));
    assert_memory_not_equal(one + NGX_API_TRACE_ID_AT,
                            two + NGX_API_TRACE_ID_AT, NGX_API_TRACE_ID_LEN);
    assert_memory_not_equal(one + NGX_API_SPAN_ID_AT,
                            two + NGX_API_SPAN_ID_AT, NGX_API_SPAN_ID_LEN);
    assert_string_equal((char *) one + NGX_API_TRACE_FLAGS_AT, "03");

    /* one that goes on: the trace stays, the span is another, and of the flags
     * there are those that are known */

    for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        ngx_memcpy(one, "cc-" TRACE "-" SPAN "-", 53);
        ngx_memcpy(&one[53], flags[i].given, 2);

        assert_int_equal(ngx_api_traceparent_make(two, one), NGX_OK);
        assert_true(valid((char *) two));
        assert_memory_equal(two, "00-" TRACE "-", 36);
        assert_memory_not_equal(two + NGX_API_SPAN_ID_AT, SPAN,
                                NGX_API_SPAN_ID_LEN);
        assert_string_equal((char *) &two[52], flags[i].made);
    }
}


static void
test_no_random(void **state)
{
    u_char      text[NGX_API_TRACEPARENT_LEN];
    ngx_uint_t  n;

    (void) state;

    random_fails = 1;

    /* what is left of those that were read before */

    for (n = 0; n < 64; n++) {
        if (ngx_api_traceparent_make(text, NULL) != NGX_OK) {
            break;
        }
    }

    assert_true(n < 64);
    random_fails = 0;
    assert_int_equal(ngx_api_traceparent_make(text, NULL), NGX_OK);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_valid),
        cmocka_unit_test(test_make),
        cmocka_unit_test(test_no_random)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
