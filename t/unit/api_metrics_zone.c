
/*
 * Metrics in shared memory: who counts what, who follows whom, what is summed,
 * and what happens when there is no room.
 */


#include "ngx_unit.h"
#include "ngx_api_metrics_zone.h"
#include <signal.h>
#include <sys/wait.h>


#define NPROCESSES  3


volatile ngx_cycle_t  *ngx_cycle;

static ngx_cycle_t     cycle;
static ngx_log_t       log_file;
static ngx_uint_t      lines;            /* of the log */

/* of each process its own; what they share is the table */
static ngx_api_metrics_zone_t  zones[NPROCESSES];


static const ngx_api_metric_family_t  counter = {
    ngx_string("a_total"), ngx_string("x"), NGX_API_METRIC_COUNTER, 0, NULL
};

static const ngx_api_metric_family_t  longer = {
    ngx_string("a_total_b"), ngx_string("x"), NGX_API_METRIC_COUNTER, 0, NULL
};

static const ngx_api_metric_family_t  gauge = {
    ngx_string("gauge"), ngx_string("x"), NGX_API_METRIC_GAUGE, 0, NULL
};

static const ngx_api_metric_family_t  histogram = {
    ngx_string("seconds"), ngx_string("x"), NGX_API_METRIC_HISTOGRAM, 1, NULL
};


/* all alike: what is looked for is told by its text alone */

uint32_t
ngx_murmur_hash2(u_char *data, size_t len)
{
    (void) data;
    (void) len;

    return 7;
}


void
ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err,
    const char *fmt, ...)
{
    (void) log;
    (void) err;
    (void) fmt;

    assert_int_equal(level, NGX_LOG_WARN);
    lines++;
}


static int
setup(void **state)
{
    ngx_uint_t  i;

    (void) state;

    log_file.log_level = NGX_LOG_WARN;
    cycle.log = &log_file;
    ngx_cycle = &cycle;

    lines = 0;
    ngx_pid = getpid();

    ngx_memzero(zones, sizeof(zones));
    zones[0].shpool = &unit_shm.pool;

    if (ngx_api_metrics_zone_create(&zones[0]) != NGX_OK) {
        return -1;
    }

    for (i = 1; i < NPROCESSES; i++) {
        zones[i] = zones[0];
    }

    return 0;
}


static int
teardown(void **state)
{
    (void) state;

    unit_shm_reset();

    return 0;
}


static uint64_t *
cell(ngx_uint_t process, const ngx_api_metric_family_t *family,
    const char *labels)
{
    ngx_str_t  text;

    text.data = (u_char *) labels;
    text.len = strlen(labels);

    return ngx_api_metrics_zone_cell(&zones[process], family, &text);
}


/* "labels=value labels=value", of the first value of each */

static void
sums_are(const ngx_api_metric_family_t *family, const char *want)
{
    char                    text[4096], *p;
    void                   *at;
    uint64_t               *sums;
    ngx_pool_t             *pool;
    ngx_api_metrics_sum_t   sum;

    pool = unit_pool();
    sums = ngx_api_metrics_zone_sums(&zones[0], pool);
    assert_non_null(sums);

    at = NULL;
    p = text;
    *p = '\0';

    while (ngx_api_metrics_zone_next(&zones[0], sums, family, &at, &sum)
           == NGX_OK)
    {
        p += sprintf(p, "%s%.*s=%llu", p == text ? "" : " ",
                     (int) sum.labels.len, (char *) sum.labels.data,
                     (unsigned long long) sum.values[0]);
    }

    assert_string_equal(text, want);

    ngx_destroy_pool(pool);
}


/* the id of a process that is gone */

static ngx_pid_t
nobody(void)
{
    pid_t  pid;

    pid = fork();

    if (pid == 0) {
        _exit(0);
    }

    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);

    return pid;
}


static void
test_sums(void **state)
{
    uint64_t    *a, *b, *c;
    ngx_uint_t   i;

    (void) state;

    for (i = 0; i < NPROCESSES; i++) {
        ngx_api_metrics_zone_enter(&zones[i], i);
    }

    sums_are(&counter, "");

    a = cell(0, &counter, "x");
    b = cell(1, &counter, "x");
    c = cell(2, &counter, "y");

    assert_non_null(a);
    assert_ptr_not_equal(a, b);
    assert_ptr_equal(a, cell(0, &counter, "x"));

    *a += 5;
    *b += 6;
    *c += 7;

    sums_are(&counter, "x=11 y=7");

    /* names and labels that only look alike */

    *cell(0, &longer, "") += 1;
    *cell(0, &counter, "") += 2;
    *cell(0, &counter, "_b") += 3;

    sums_are(&longer, "=1");
    sums_are(&counter, "x=11 y=7 =2 _b=3");
}


static void
test_histogram(void **state)
{
    void                   *at;
    uint64_t               *sums, *h;
    ngx_pool_t             *pool;
    ngx_uint_t              i, k;
    ngx_api_metrics_sum_t   sum;

    (void) state;

    for (k = 0; k < NPROCESSES; k++) {
        ngx_api_metrics_zone_enter(&zones[k], k);

        h = cell(k, &histogram, "x");

        for (i = 0; i < NGX_API_METRIC_VALUES; i++) {
            assert_int_equal(h[i], 0);
            h[i] = (k + 1) * (i + 1);
        }

        *cell(k, &counter, "after") = 1;
    }

    pool = unit_pool();
    sums = ngx_api_metrics_zone_sums(&zones[0], pool);
    at = NULL;

    assert_int_equal(ngx_api_metrics_zone_next(&zones[0], sums, &histogram,
                                               &at, &sum), NGX_OK);

    for (i = 0; i < NGX_API_METRIC_VALUES; i++) {
        assert_int_equal(sum.values[i], 6 * (i + 1));
    }

    ngx_destroy_pool(pool);
    sums_are(&counter, "after=3");
}


/* a process that comes after another under its number */

static void
test_follow(void **state)
{
    ngx_uint_t  i;

    (void) state;

    for (i = 0; i < 2; i++) {
        ngx_api_metrics_zone_enter(&zones[i], i);
        *cell(i, &counter, "x") += 10;
        *cell(i, &gauge, "g") += 4;
    }

    sums_are(&counter, "x=20");
    sums_are(&gauge, "g=8");

    /* the first one leaves: its gauges are gone, its counters stay */

    ngx_api_metrics_zone_leave(&zones[0]);
    sums_are(&counter, "x=20");
    sums_are(&gauge, "g=4");

    /* the second one dies and tells nobody */

    ngx_pid = nobody();
    ngx_api_metrics_zone_enter(&zones[1], 1);
    *cell(1, &gauge, "g") = 9;
    ngx_pid = getpid();
    sums_are(&counter, "x=20");
    sums_are(&gauge, "g=0");

    /* others take their places */

    for (i = 0; i < 2; i++) {
        ngx_api_metrics_zone_enter(&zones[i], i);
    }

    sums_are(&gauge, "g=0");

    *cell(0, &gauge, "g") += 1;
    *cell(1, &counter, "x") += 1;

    sums_are(&counter, "x=21");
    sums_are(&gauge, "g=1");
}


/* more than a page holds; each cell stays where it is */

static void
test_pages(void **state)
{
    char         labels[16];
    uint64_t    *cells[500];
    ngx_uint_t   i;

    (void) state;

    ngx_api_metrics_zone_enter(&zones[0], 0);

    for (i = 0; i < 500; i++) {
        sprintf(labels, "n%u", (unsigned) i);
        cells[i] = cell(0, &histogram, labels);
        assert_non_null(cells[i]);
        cells[i][0] = i;
        cells[i][NGX_API_METRIC_VALUES - 1] = i;
    }

    ngx_api_metrics_zone_enter(&zones[0], 0);

    for (i = 0; i < 500; i++) {
        sprintf(labels, "n%u", (unsigned) i);
        assert_ptr_equal(cell(0, &histogram, labels), cells[i]);
        assert_int_equal(cells[i][0], i);
        assert_int_equal(cells[i][NGX_API_METRIC_VALUES - 1], i);
    }
}


/* whatever allocation fails: nothing is lost of what is there, all else is
 * dropped, told once, and works when there is room again */

static void
test_full(void **state)
{
    char        labels[16];
    ngx_int_t   n;

    (void) state;

    ngx_api_metrics_zone_enter(&zones[0], 0);
    *cell(0, &counter, "x") = 3;

    for (n = 0; n < 2; n++) {
        unit_shm.room = n;
        sprintf(labels, "new%d", (int) n);

        ngx_api_metrics_zone_enter(&zones[1], 1);
        assert_null(cell(1, &counter, labels));
        assert_int_equal(unit_shm.locked, 0);
        assert_int_equal(ngx_api_metrics_zone_dropped(&zones[0]), n + 1);
    }

    assert_int_equal(lines, 1);
    sums_are(&counter, "x=3 new1=0");

    unit_shm.room = -1;
    *cell(1, &counter, "new0") = 4;
    *cell(1, &counter, "new1") = 5;
    sums_are(&counter, "x=3 new1=5 new0=4");
    assert_int_equal(lines, 1);

    ngx_api_metrics_zone_drop(&zones[1]);
    assert_int_equal(ngx_api_metrics_zone_dropped(&zones[0]), 3);
}


static void
test_create(void **state)
{
    ngx_api_metrics_zone_t  zone;

    (void) state;

    zone.shpool = &unit_shm.pool;
    unit_shm.room = 0;

    assert_int_equal(ngx_api_metrics_zone_create(&zone), NGX_ERROR);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_sums, setup, teardown),
        cmocka_unit_test_setup_teardown(test_histogram, setup, teardown),
        cmocka_unit_test_setup_teardown(test_follow, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pages, setup, teardown),
        cmocka_unit_test_setup_teardown(test_full, setup, teardown),
        cmocka_unit_test_setup_teardown(test_create, setup, teardown),
    };

    return unit_run(tests);
}
