
#include "ngx_unit.h"
#include "ngx_api_time.h"

#include <time.h>


static ngx_int_t
parse(const char *text, size_t len, int64_t *usec)
{
    ngx_int_t    rc;
    ngx_pool_t  *pool;

    pool = unit_pool();
    rc = ngx_api_time_parse(unit_copy(pool, text, len), len, usec);
    ngx_destroy_pool(pool);

    return rc;
}


static const char *
format(int64_t usec)
{
    u_char       *p, *end;
    ngx_pool_t   *pool;
    static char   text[NGX_API_TIME_LEN + 1];

    pool = unit_pool();
    p = ngx_palloc(pool, NGX_API_TIME_LEN);

    end = ngx_api_time_format(p, usec);
    assert_in_range(end - p, 20, NGX_API_TIME_LEN);

    memcpy(text, p, end - p);
    text[end - p] = '\0';

    ngx_destroy_pool(pool);

    return text;
}


static void
reads_and_writes(void **state)
{
    size_t   i;
    int64_t  usec;

    static const struct {
        const char  *in;
        int64_t      usec;
        const char  *out;
    } cases[] = {
        { "1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00Z" },
        { "1970-01-01t00:00:00z", 0, "1970-01-01T00:00:00Z" },
        { "1970-01-01T00:00:00+00:00", 0, "1970-01-01T00:00:00Z" },
        { "1970-01-01T00:00:00-00:00", 0, "1970-01-01T00:00:00Z" },
        { "1970-01-01T00:00:01Z", 1000000, "1970-01-01T00:00:01Z" },
        { "1969-12-31T23:59:59Z", -1000000, "1969-12-31T23:59:59Z" },
        { "1969-12-31T23:59:59.999999Z", -1, "1969-12-31T23:59:59.999999Z" },
        { "2000-01-01T00:00:00Z", NGX_API_TIME_PG_EPOCH,
          "2000-01-01T00:00:00Z" },

        /* RFC 3339, 5.8 */
        { "1985-04-12T23:20:50.52Z", INT64_C(482196050520000),
          "1985-04-12T23:20:50.52Z" },
        { "1996-12-19T16:39:57-08:00", INT64_C(851042397000000),
          "1996-12-20T00:39:57Z" },
        { "1990-12-31T23:59:60Z", INT64_C(662688000000000),
          "1991-01-01T00:00:00Z" },
        { "1990-12-31T15:59:60-08:00", INT64_C(662688000000000),
          "1991-01-01T00:00:00Z" },
        { "1937-01-01T12:00:27.87+00:20", INT64_C(-1041337172130000),
          "1937-01-01T11:40:27.87Z" },

        /* fractions */
        { "1970-01-01T00:00:00.1Z", 100000, "1970-01-01T00:00:00.1Z" },
        { "1970-01-01T00:00:00.000001Z", 1, "1970-01-01T00:00:00.000001Z" },
        { "1970-01-01T00:00:00.0000019Z", 1, "1970-01-01T00:00:00.000001Z" },
        { "1970-01-01T00:00:00.9999999999999999999999999999999Z", 999999,
          "1970-01-01T00:00:00.999999Z" },
        { "1970-01-01T00:00:00.000Z", 0, "1970-01-01T00:00:00Z" },
        { "1970-01-01T00:00:00.120+00:00", 120000, "1970-01-01T00:00:00.12Z" },
        { "1970-01-01T00:00:60.5Z", 60500000, "1970-01-01T00:01:00.5Z" },

        /* offsets */
        { "1970-01-01T00:00:00+23:59", INT64_C(-86340000000),
          "1969-12-31T00:01:00Z" },
        { "1970-01-01T00:00:00-23:59", INT64_C(86340000000),
          "1970-01-01T23:59:00Z" },
        { "2024-02-29T23:30:00-01:00", INT64_C(1709253000000000),
          "2024-03-01T00:30:00Z" },

        /* the ends */
        { "0001-01-01T00:00:00Z", NGX_API_TIME_MIN, "0001-01-01T00:00:00Z" },
        { "0000-12-31T23:00:00-01:00", NGX_API_TIME_MIN,
          "0001-01-01T00:00:00Z" },
        { "9999-12-31T23:59:59.999999Z", NGX_API_TIME_MAX,
          "9999-12-31T23:59:59.999999Z" },
        { "9999-12-31T23:59:59.9999999+00:00", NGX_API_TIME_MAX,
          "9999-12-31T23:59:59.999999Z" },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        usec = 42;
        assert_int_equal(parse(cases[i].in, strlen(cases[i].in), &usec),
                         NGX_OK);
        assert_true(usec == cases[i].usec);
        assert_string_equal(format(usec), cases[i].out);
    }
}


static void
refuses(void **state)
{
    size_t   i;
    int64_t  usec;

    static const char  *cases[] = {
        "", "Z", "now", "infinity", "-infinity", "epoch", "today",
        "2026-01-01", "2026-01-01T00:00Z", "20260101T000000Z",
        "2026-01-01 00:00:00Z", "2026-01-01_00:00:00Z",
        "2026-01-01T00:00:00", "2026-01-01T00:00:00 Z",
        "2026-01-01T00:00:00ZZ", "2026-01-01T00:00:00Z ",
        " 2026-01-01T00:00:00Z", "2026-01-01T00:00:00Zjunk",
        "2026-1-01T00:00:00Z", "2026-01-1T00:00:00ZZ", "2026-01-01T0:00:00ZZ",
        "02026-01-01T00:00:00Z", "+2026-01-01T00:00:00Z",
        "-001-01-01T00:00:00Z",
        "2026/01/01T00:00:00Z", "2026-01/01T00:00:00Z",
        "2026-01-01T00-00:00Z", "2026-01-01T00:00-00Z",

        /* no such day */
        "2026-00-01T00:00:00Z", "2026-13-01T00:00:00Z",
        "2026-01-00T00:00:00Z", "2026-01-32T00:00:00Z",
        "2026-02-29T00:00:00Z", "2026-02-30T00:00:00Z",
        "2024-02-30T00:00:00Z", "1900-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z", "2026-04-31T00:00:00Z",
        "2026-06-31T00:00:00Z", "2026-09-31T00:00:00Z",
        "2026-11-31T00:00:00Z",

        /* no such time */
        "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:61Z", "2026-01-01T99:00:00Z",

        /* fractions */
        "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00,5Z",
        "2026-01-01T00:00:00.5", "2026-01-01T00:00:00.5.5Z",
        "2026-01-01T00:00:00.-5Z", "2026-01-01T00:00:00. Z",

        /* offsets */
        "2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00+00:60",
        "2026-01-01T00:00:00-24:00", "2026-01-01T00:00:00+1:00",
        "2026-01-01T00:00:00+0100", "2026-01-01T00:00:00+01",
        "2026-01-01T00:00:00+01:000", "2026-01-01T00:00:00+01:00:00",
        "2026-01-01T00:00:00+01:00Z", "2026-01-01T00:00:00Z+01:00",
        "2026-01-01T00:00:00+-1:00", "2026-01-01T00:00:00UTC",
        "2026-01-01T00:00:00+",

        /* years beyond 0001 .. 9999 in UTC */
        "0000-01-01T00:00:00Z", "0000-12-31T23:59:59.999999Z",
        "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:60Z",
        "9999-12-31T23:59:59-00:01", "0000-02-30T00:00:00Z",
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (parse(cases[i], strlen(cases[i]), &usec) != NGX_ERROR) {
            fail_msg("\"%s\" was accepted", cases[i]);
        }
    }

    assert_int_equal(parse("2026-01-01T00:00:00\0Z", 21, &usec), NGX_ERROR);
}


/* the calendar counted day by day, without any formula but the leap rule */

static void
knows_every_day(void **state)
{
    int64_t   usec, got;
    u_char    text[32], *end;
    char      expected[32];
    unsigned  year, month, day, n;

    static const unsigned  days[] = {
        31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
    };

    (void) state;

    usec = NGX_API_TIME_MIN;
    memcpy(expected, "0000-00-00T00:00:00Z", 21);

    for (year = 1; year <= 9999; year++) {
        expected[0] = '0' + year / 1000;
        expected[1] = '0' + year / 100 % 10;
        expected[2] = '0' + year / 10 % 10;
        expected[3] = '0' + year % 10;

        for (month = 1; month <= 12; month++) {
            expected[5] = '0' + month / 10;
            expected[6] = '0' + month % 10;

            n = days[month - 1];

            if (month == 2 && (year % 400 == 0
                               || (year % 4 == 0 && year % 100 != 0)))
            {
                n++;
            }

            for (day = 1; day <= n; day++) {
                expected[8] = '0' + day / 10;
                expected[9] = '0' + day % 10;

                end = ngx_api_time_format(text, usec);

                if (end != text + 20 || memcmp(text, expected, 20) != 0
                    || ngx_api_time_parse(text, 20, &got) != NGX_OK
                    || got != usec)
                {
                    fail_msg("%s: %.*s", expected, (int) (end - text), text);
                }

                usec += INT64_C(86400000000);
            }
        }
    }

    assert_true(usec == NGX_API_TIME_MAX + 1);
}


static void
agrees_with_the_system(void **state)
{
    char       expected[64];
    time_t     t;
    int64_t    usec, got;
    struct tm  tm;
    ngx_uint_t i;

    (void) state;

    for (i = 0; i < 20000; i++) {
        usec = NGX_API_TIME_MIN
               + (int64_t) (unit_random()
                            % (uint64_t) (NGX_API_TIME_MAX
                                          - NGX_API_TIME_MIN));

        t = usec / 1000000 - (usec % 1000000 < 0);
        gmtime_r(&t, &tm);

        sprintf(expected, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ",
                tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                tm.tm_min, tm.tm_sec, (int) (usec - t * 1000000));

        assert_int_equal(parse(expected, strlen(expected), &got), NGX_OK);
        assert_true(got == usec);

        /* what is written is the same without the zeros, and reads back */

        assert_int_equal(strncmp(format(usec), expected, 19), 0);
        assert_int_equal(parse(format(usec), strlen(format(usec)), &got),
                         NGX_OK);
        assert_true(got == usec);
    }
}


static void
trims_every_fraction(void **state)
{
    char     expected[64], *p;
    int64_t  usec;

    (void) state;

    for (usec = 0; usec < 1000000; usec += (usec < 2000) ? 1 : 997) {
        p = expected + sprintf(expected, "1970-01-01T00:00:00.%06d",
                               (int) usec);

        while (p[-1] == '0' && p > expected + 20) {
            p--;
        }

        if (p[-1] == '.') {
            p--;
        }

        strcpy(p, "Z");
        assert_string_equal(format(usec), expected);
    }
}


/* of each byte, which others may stand in its place */

static ngx_uint_t
may_be(const char *text, size_t i, unsigned c)
{
    if (text[i] >= '0' && text[i] <= '9') {
        return c >= '0' && c <= '9';
    }

    switch (text[i]) {

    case 'T':
        return c == 'T' || c == 't';

    case 'Z':
        return c == 'Z' || c == 'z';

    case '+':
        return c == '+' || c == '-';

    default:
        return c == (unsigned char) text[i];
    }
}


static void
stands_every_change(void **state)
{
    char        text[40], again[40];
    size_t      i, s, len;
    int64_t     usec, got;
    unsigned    c;
    ngx_int_t   rc;

    static const char  *seeds[] = {
        "2024-02-29T23:59:59.123456Z", "2026-12-31T23:59:60+23:59",
        "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.9+00:00"
    };

    (void) state;

    for (s = 0; s < sizeof(seeds) / sizeof(seeds[0]); s++) {
        strcpy(text, seeds[s]);
        len = strlen(text);

        for (i = 0; i < len; i++) {
            assert_int_equal(parse(text, i, &usec), NGX_ERROR);

            for (c = 0; c < 256; c++) {
                text[i] = (char) c;
                rc = parse(text, len, &usec);

                if (!may_be(seeds[s], i, c)) {
                    assert_int_equal(rc, NGX_ERROR);
                    continue;
                }

                if (rc != NGX_OK) {
                    continue;
                }

                assert_true(usec >= NGX_API_TIME_MIN
                            && usec <= NGX_API_TIME_MAX);

                strcpy(again, format(usec));
                assert_int_equal(parse(again, strlen(again), &got), NGX_OK);
                assert_true(got == usec);
            }

            text[i] = seeds[s][i];
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(reads_and_writes),
        cmocka_unit_test(refuses),
        cmocka_unit_test(knows_every_day),
        cmocka_unit_test(agrees_with_the_system),
        cmocka_unit_test(trims_every_fraction),
        cmocka_unit_test(stands_every_change),
    };

    return unit_run(tests);
}
