
/*
 * How long to wait before the next attempt.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "skep_backoff.h"


static void
doubles_up_to_a_bound(void **state)
{
    size_t          i;
    int64_t         low, high;
    skep_backoff_t  a = { 0 }, b = { 0 };

    static const int64_t  delays[] = {
        100, 200, 400, 800, 1600, 2000, 2000, 2000
    };

    (void) state;

    for (i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {

        /* between half of it and the whole, whatever the chance */

        low = skep_backoff_failed(&a, 5000, 100, 2000, 0);
        high = skep_backoff_failed(&b, 5000, 100, 2000,
                                   (uint32_t) (delays[i] / 2));

        assert_int_equal(low, delays[i] / 2);
        assert_int_equal(high, delays[i]);
        assert_int_equal(skep_backoff_wait(&a, 5000), low);
        assert_int_equal(skep_backoff_wait(&a, 5000 + low - 1), 1);
        assert_int_equal(skep_backoff_wait(&a, 5000 + low), 0);
        assert_int_equal(skep_backoff_wait(&a, 9000), 0);
    }
}


static void
takes_any_chance(void **state)
{
    int64_t         delay;
    uint32_t        chance;
    skep_backoff_t  backoff = { 0 };

    (void) state;

    for (chance = 0; chance < 100000; chance++) {
        delay = skep_backoff_failed(&backoff, 0, 100, 2000,
                                    chance * 2654435761u);
        assert_in_range(delay, 50, 2000);
    }

    /* and a first delay of nothing */

    skep_backoff_reset(&backoff);
    assert_int_equal(skep_backoff_failed(&backoff, 0, 0, 0, 7), 0);
}


static void
begins_anew(void **state)
{
    skep_backoff_t  backoff = { 0 };

    (void) state;

    assert_int_equal(skep_backoff_wait(&backoff, 0), 0);

    (void) skep_backoff_failed(&backoff, 1000, 100, 2000, 0);
    (void) skep_backoff_failed(&backoff, 1000, 100, 2000, 0);
    assert_int_equal(skep_backoff_wait(&backoff, 1000), 100);

    skep_backoff_reset(&backoff);
    assert_int_equal(skep_backoff_wait(&backoff, 1000), 0);
    assert_int_equal(skep_backoff_failed(&backoff, 1000, 100, 2000, 0), 50);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(doubles_up_to_a_bound),
        cmocka_unit_test(takes_any_chance),
        cmocka_unit_test(begins_anew)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
