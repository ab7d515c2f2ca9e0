
/*
 * The arithmetic of rate limits.
 */


#include "ngx_unit.h"
#include "ngx_auth_gcra.h"


#define SECOND  NGX_AUTH_GCRA_SECOND
#define MSEC    NGX_AUTH_GCRA_MSEC
#define NOW     (1800000000 * SECOND)


static ngx_auth_gcra_t
gcra(const char *text, ngx_uint_t at_once, ngx_uint_t cost)
{
    ngx_str_t             s;
    ngx_auth_gcra_t       g;
    ngx_auth_gcra_rate_t  rate;

    s.data = (u_char *) text;
    s.len = strlen(text);

    assert_int_equal(ngx_auth_gcra_rate(&s, &rate), NGX_OK);
    ngx_auth_gcra_init(&g, &rate, at_once, cost);

    return g;
}


/* what the zone does with a request: whether it was let in */

static ngx_uint_t
request(const ngx_auth_gcra_t *g, int64_t *tat, int64_t now)
{
    int64_t  ahead;

    ahead = ngx_auth_gcra_ahead(*tat, now, g->limit);

    if (!ngx_auth_gcra_admits(g, ahead)) {
        return 0;
    }

    *tat = now + ahead + g->cost;

    return 1;
}


static ngx_uint_t
burst(const ngx_auth_gcra_t *g, int64_t *tat, int64_t now)
{
    ngx_uint_t  n;

    for (n = 0; request(g, tat, now); n++) { /* void */ }

    return n;
}


static void
assert_rate(const char *text, ngx_uint_t count, int64_t period)
{
    ngx_int_t             rc;
    ngx_str_t             s;
    ngx_pool_t           *pool;
    ngx_auth_gcra_rate_t  rate;

    pool = unit_pool();

    s.len = strlen(text);
    s.data = unit_copy(pool, text, s.len);

    rc = ngx_auth_gcra_rate(&s, &rate);

    if (count == 0) {
        assert_int_equal(rc, NGX_ERROR);

    } else {
        assert_int_equal(rc, NGX_OK);
        assert_int_equal(rate.count, count);
        assert_int_equal(rate.period, period);
    }

    ngx_destroy_pool(pool);
}


static void
test_rate(void **state)
{
    (void) state;

    assert_rate("1r/s", 1, SECOND);
    assert_rate("100r/m", 100, 60 * SECOND);
    assert_rate("5 r/h", 5, 3600 * SECOND);
    assert_rate("1000000r/s", 1000000, SECOND);

    assert_rate("", 0, 0);
    assert_rate("r/s", 0, 0);
    assert_rate("0r/s", 0, 0);
    assert_rate("-1r/s", 0, 0);
    assert_rate("1000001r/s", 0, 0);
    assert_rate("99999999999999999999r/s", 0, 0);
    assert_rate("1", 0, 0);
    assert_rate("1r", 0, 0);
    assert_rate("1r/", 0, 0);
    assert_rate("1r/d", 0, 0);
    assert_rate("1r/ss", 0, 0);
    assert_rate("1.5r/s", 0, 0);
    assert_rate("1R/s", 0, 0);
    assert_rate(" 1r/s", 0, 0);
    assert_rate("1r/s ", 0, 0);
}


static void
test_at_once(void **state)
{
    int64_t          tat;
    ngx_auth_gcra_t  g;

    (void) state;

    g = gcra("50r/s", 50, 1);
    tat = 0;

    assert_int_equal(burst(&g, &tat, NOW), 50);
    assert_int_equal(burst(&g, &tat, NOW + 20 * MSEC - 1), 0);
    assert_int_equal(burst(&g, &tat, NOW + 20 * MSEC), 1);
    assert_int_equal(burst(&g, &tat, NOW + 20 * MSEC), 0);
    assert_int_equal(burst(&g, &tat, NOW + SECOND), 49);
    assert_int_equal(burst(&g, &tat, NOW + 100 * SECOND), 50);

    g = gcra("5r/h", 1, 1);
    tat = 0;

    assert_int_equal(burst(&g, &tat, NOW), 1);
    assert_int_equal(burst(&g, &tat, NOW + 719 * SECOND), 0);
    assert_int_equal(burst(&g, &tat, NOW + 720 * SECOND), 1);

    /* an interval that is no whole number of nanoseconds */

    g = gcra("3r/s", 3, 1);
    tat = 0;

    assert_int_equal(burst(&g, &tat, NOW), 3);
    assert_int_equal(burst(&g, &tat, NOW + SECOND), 3);

    /* the largest there are */

    g = gcra("1r/h", NGX_AUTH_GCRA_MAX, NGX_AUTH_GCRA_MAX);
    tat = 0;

    assert_true(request(&g, &tat, NOW));
    assert_true(tat > NOW);
    assert_false(request(&g, &tat, NOW));
    assert_false(request(&g, &tat, NOW + 3599 * SECOND));

    g = gcra("1000000r/s", NGX_AUTH_GCRA_MAX, 1);
    tat = 0;

    assert_int_equal(burst(&g, &tat, NOW), NGX_AUTH_GCRA_MAX);
}


static void
test_cost(void **state)
{
    int64_t          tat;
    ngx_auth_gcra_t  g;

    (void) state;

    g = gcra("1r/s", 10, 4);
    tat = 0;

    assert_int_equal(burst(&g, &tat, NOW), 2);
    assert_int_equal(ngx_auth_gcra_remaining(&g, tat - NOW), 2);
    assert_int_equal(burst(&g, &tat, NOW + 2 * SECOND - 1), 0);
    assert_int_equal(burst(&g, &tat, NOW + 2 * SECOND), 1);
}


/* a clock that was set back, a rate that was lower before */

static void
test_ahead(void **state)
{
    (void) state;

    assert_int_equal(ngx_auth_gcra_ahead(0, NOW, 5), 0);
    assert_int_equal(ngx_auth_gcra_ahead(NOW, NOW, 5), 0);
    assert_int_equal(ngx_auth_gcra_ahead(NOW - 1, NOW, 5), 0);
    assert_int_equal(ngx_auth_gcra_ahead(NOW + 4, NOW, 5), 4);
    assert_int_equal(ngx_auth_gcra_ahead(NOW + 5, NOW, 5), 5);
    assert_int_equal(ngx_auth_gcra_ahead(NOW + 3600 * SECOND, NOW, 5), 5);
}


static void
test_remaining(void **state)
{
    ngx_auth_gcra_t  g;

    (void) state;

    g = gcra("10r/s", 10, 1);

    assert_int_equal(ngx_auth_gcra_remaining(&g, 0), 10);
    assert_int_equal(ngx_auth_gcra_remaining(&g, 1), 9);
    assert_int_equal(ngx_auth_gcra_remaining(&g, 100 * MSEC), 9);
    assert_int_equal(ngx_auth_gcra_remaining(&g, 999 * MSEC), 0);
    assert_int_equal(ngx_auth_gcra_remaining(&g, SECOND), 0);
    assert_int_equal(ngx_auth_gcra_remaining(&g, 5 * SECOND), 0);

    assert_int_equal(ngx_auth_gcra_reset(0), 0);
    assert_int_equal(ngx_auth_gcra_reset(1), 1);
    assert_int_equal(ngx_auth_gcra_reset(SECOND), 1);
    assert_int_equal(ngx_auth_gcra_reset(SECOND + 1), 2);

    assert_int_equal(ngx_auth_gcra_delay(0), 0);
    assert_int_equal(ngx_auth_gcra_delay(1), 1);
    assert_int_equal(ngx_auth_gcra_delay(20 * MSEC), 20);
    assert_int_equal(ngx_auth_gcra_delay(20 * MSEC + 1), 21);
}


/* whoever waits so long is let in, though his clock or this one is late */

static void
test_retry_after(void **state)
{
    int64_t           tat, now, late;
    ngx_uint_t        i, n;
    ngx_auth_gcra_t   g;
    static const char *rates[] = { "1r/s", "3r/s", "50r/s", "7r/m", "5r/h" };

    (void) state;

    g = gcra("1r/m", 1, 1);
    assert_int_equal(ngx_auth_gcra_retry_after(&g, 60 * SECOND), 61);
    assert_int_equal(ngx_auth_gcra_retry_after(&g, 60 * SECOND - 10 * MSEC),
                     60);
    assert_int_equal(ngx_auth_gcra_retry_after(&g, 1), 1);
    assert_int_equal(ngx_auth_gcra_retry_after(&g, 0), 1);

    late = 9 * MSEC;

    for (i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        for (n = 0; n < 2000; n++) {

            g = gcra(rates[i], 1 + unit_random() % 60, 1);
            now = NOW + unit_random() % SECOND;
            tat = now - unit_random() % SECOND;

            while (request(&g, &tat, now)) {
                now += unit_random() % (g.interval / 2);
            }

            now += ngx_auth_gcra_retry_after(
                       &g, ngx_auth_gcra_ahead(tat, now, g.limit)) * SECOND;

            assert_true(request(&g, &tat, now - late));
        }
    }
}


/* over any time not more come through than the rate and the limit allow */

static void
test_bound(void **state)
{
    int64_t          tat, now;
    ngx_uint_t       n, admitted;
    ngx_auth_gcra_t  g;

    (void) state;

    g = gcra("100r/s", 20, 1);
    tat = 0;
    now = NOW;
    admitted = 0;

    for (n = 0; n < 100000; n++) {
        admitted += request(&g, &tat, now);
        now += unit_random() % (5 * MSEC);
    }

    assert_true(admitted <= 20 + (ngx_uint_t) ((now - NOW) / g.interval));
    assert_true(admitted >= (ngx_uint_t) ((now - NOW) / g.interval) - 1);
}


static void
assert_policy(const char *rate, ngx_uint_t at_once, ngx_uint_t quota,
    ngx_uint_t window)
{
    ngx_uint_t       q, w;
    ngx_auth_gcra_t  g;

    g = gcra(rate, at_once, 1);
    ngx_auth_gcra_policy(&g, &q, &w);

    assert_int_equal(q, quota);
    assert_int_equal(w, window);
}


static void
test_policy(void **state)
{
    (void) state;

    assert_policy("100r/m", 100, 100, 60);
    assert_policy("50r/s", 50, 50, 1);
    assert_policy("3r/s", 3, 3, 1);
    assert_policy("7r/s", 7, 7, 1);
    assert_policy("5r/h", 5, 5, 3600);
    assert_policy("100r/s", 201, 201, 2);
    assert_policy("30r/m", 21, 21, 42);
    assert_policy("50r/s", 1, 50, 1);
    assert_policy("1r/s", 1, 1, 1);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_rate),
        cmocka_unit_test(test_at_once),
        cmocka_unit_test(test_cost),
        cmocka_unit_test(test_ahead),
        cmocka_unit_test(test_remaining),
        cmocka_unit_test(test_retry_after),
        cmocka_unit_test(test_bound),
        cmocka_unit_test(test_policy)
    };

    return unit_run(tests);
}
