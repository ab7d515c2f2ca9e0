
/*
 * When to try again.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "skep_schedule.h"


#define SECOND  INT64_C(1000)
#define HOUR    (3600 * SECOND)


static void
test_parse(void **state)
{
    size_t           i;
    skep_schedule_t  s;

    static const int64_t  pauses[] = {
        5 * SECOND, 300 * SECOND, 1800 * SECOND, 2 * HOUR, 5 * HOUR,
        10 * HOUR, 24 * HOUR, 7 * SECOND, 250, 0
    };

    (void) state;

    assert_int_equal(skep_schedule_parse(
                         "  5s 5m\t30m 2h  5h 10h 1d 7 250ms 0 ", &s), 0);
    assert_int_equal(s.n, 10);

    for (i = 0; i < s.n; i++) {
        assert_int_equal(s.pauses[i], pauses[i]);
    }

    assert_int_equal(skep_schedule_parse("", &s), 0);
    assert_int_equal(s.n, 0);

    assert_int_equal(skep_schedule_parse("30d", &s), 0);
    assert_int_equal(s.pauses[0], 720 * HOUR);
}


static void
test_malformed(void **state)
{
    size_t           i;
    skep_schedule_t  s;

    static const char *const  malformed[] = {
        "s", "5x", "5 s", "-5s", "+5s", "5s,5m", "1.5s", "5sm", "5S", "31d",
        "2592000001ms", "99999999999999999999s", "5s 5y",
        "1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1"
    };

    (void) state;

    for (i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
        if (skep_schedule_parse(malformed[i], &s) == 0) {
            fail_msg("\"%s\" is taken", malformed[i]);
        }
    }
}


static void
test_pause(void **state)
{
    skep_schedule_t  s;

    (void) state;

    assert_int_equal(skep_schedule_parse("5s 5m", &s), 0);

    assert_int_equal(skep_schedule_pause(&s, 1, 0, HOUR, 0), 5 * SECOND);
    assert_int_equal(skep_schedule_pause(&s, 2, 0, HOUR, 0), 300 * SECOND);
    assert_int_equal(skep_schedule_pause(&s, 3, 0, HOUR, 0), -1);
    assert_int_equal(skep_schedule_pause(&s, 4, 60, HOUR, 0), -1);

    assert_int_equal(skep_schedule_parse("", &s), 0);
    assert_int_equal(skep_schedule_pause(&s, 1, 0, HOUR, 0), -1);
}


static void
test_asked(void **state)
{
    skep_schedule_t  s;

    (void) state;

    assert_int_equal(skep_schedule_parse("5s", &s), 0);

    /* it is never earlier than planned, and never later than the bound */
    assert_int_equal(skep_schedule_pause(&s, 1, SECOND, HOUR, 0), 5 * SECOND);
    assert_int_equal(skep_schedule_pause(&s, 1, 7 * SECOND, HOUR, 0),
                     7 * SECOND);
    assert_int_equal(skep_schedule_pause(&s, 1, HOUR, HOUR, 0), HOUR);
    assert_int_equal(skep_schedule_pause(&s, 1, INT64_MAX, HOUR, 0), HOUR);
    assert_int_equal(skep_schedule_pause(&s, 1, -1, HOUR, 0), 5 * SECOND);
    assert_int_equal(skep_schedule_pause(&s, 1, HOUR, SECOND, 0), 5 * SECOND);
}


static void
test_jitter(void **state)
{
    int64_t          pause, least, most;
    uint32_t         random;
    skep_schedule_t  s;

    (void) state;

    assert_int_equal(skep_schedule_parse("100s", &s), 0);

    least = INT64_MAX;
    most = 0;

    for (random = 0; random < 100000; random++) {
        pause = skep_schedule_pause(&s, 1, 0, HOUR, random * 2654435761u);

        least = (pause < least) ? pause : least;
        most = (pause > most) ? pause : most;
    }

    assert_in_range(least, 100 * SECOND, 100 * SECOND + 100);
    assert_in_range(most, 110 * SECOND - 100, 110 * SECOND);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_pause),
        cmocka_unit_test(test_asked),
        cmocka_unit_test(test_jitter)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
