
/*
 * RFC 3339 timestamps by plain arithmetic on the Gregorian calendar.
 *
 * Years are counted from March, so that the leap day is the last of its year,
 * and days from 1 March of the year 0.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_api_time.h"


/* days from 0000-03-01 to 1970-01-01 */
#define NGX_API_TIME_UNIX_DAY  719468

/* 400 years: the calendar repeats after them */
#define NGX_API_TIME_CYCLE_YEARS  400
#define NGX_API_TIME_CYCLE_DAYS   146097

#define NGX_API_TIME_SECOND  1000000
#define NGX_API_TIME_DAY     (86400 * (int64_t) NGX_API_TIME_SECOND)


static int64_t ngx_api_time_days(int64_t year, int64_t month, int64_t day);
static ngx_int_t ngx_api_time_parse_digits(const u_char *p, size_t n,
    int64_t lo, int64_t hi, int64_t *value);
static ngx_int_t ngx_api_time_parse_fraction(const u_char **p,
    const u_char *end, int64_t *usec);
static ngx_int_t ngx_api_time_parse_offset(const u_char *p, const u_char *end,
    int64_t *minutes);
static u_char *ngx_api_time_two(u_char *p, uint64_t n);


/* days from 1 March of the year 0 to 1 March of this one, which is not < 0 */
#define ngx_api_time_year_days(y)                                             \
    (365 * (y) + (y) / 4 - (y) / 100 + (y) / 400)


ngx_int_t
ngx_api_time_parse(const u_char *text, size_t len, int64_t *usec)
{
    int64_t        year, month, day, hour, minute, second, fraction, offset, t;
    const u_char  *p, *end;

    static const int64_t  mdays[] = {
        31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
    };

    if (len < sizeof("YYYY-MM-DDThh:mm:ssZ") - 1) {
        return NGX_ERROR;
    }

    if (ngx_api_time_parse_digits(text, 4, 0, 9999, &year) != NGX_OK
        || text[4] != '-'
        || ngx_api_time_parse_digits(text + 5, 2, 1, 12, &month) != NGX_OK
        || text[7] != '-'
        || ngx_api_time_parse_digits(text + 8, 2, 1, 31, &day) != NGX_OK
        || (text[10] != 'T' && text[10] != 't')
        || ngx_api_time_parse_digits(text + 11, 2, 0, 23, &hour) != NGX_OK
        || text[13] != ':'
        || ngx_api_time_parse_digits(text + 14, 2, 0, 59, &minute) != NGX_OK
        || text[16] != ':'
        || ngx_api_time_parse_digits(text + 17, 2, 0, 60, &second) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (day > mdays[month - 1]
        && (month != 2 || day != 29 || year % 4 != 0
            || (year % 100 == 0 && year % 400 != 0)))
    {
        return NGX_ERROR;
    }

    p = text + 19;
    end = text + len;

    if (ngx_api_time_parse_fraction(&p, end, &fraction) != NGX_OK
        || ngx_api_time_parse_offset(p, end, &offset) != NGX_OK)
    {
        return NGX_ERROR;
    }

    t = ngx_api_time_days(year, month, day) * 86400
        + hour * 3600 + (minute - offset) * 60 + second;

    t = t * NGX_API_TIME_SECOND + fraction;

    if (t < NGX_API_TIME_MIN || t > NGX_API_TIME_MAX) {
        return NGX_ERROR;
    }

    *usec = t;

    return NGX_OK;
}


u_char *
ngx_api_time_format(u_char *p, int64_t usec)
{
    uint64_t  t, fraction, days, year, month, day;

    /* NGX_API_TIME_MIN is after the year 0: nothing is negative from here */

    t = usec + NGX_API_TIME_UNIX_DAY * NGX_API_TIME_DAY;

    days = t / NGX_API_TIME_DAY;
    t %= NGX_API_TIME_DAY;

    fraction = t % NGX_API_TIME_SECOND;
    t /= NGX_API_TIME_SECOND;

    /* by the mean year it is this one or, near its end, one too few */

    year = days * NGX_API_TIME_CYCLE_YEARS / NGX_API_TIME_CYCLE_DAYS;

    if (ngx_api_time_year_days(year + 1) <= days) {
        year++;
    }

    day = days - ngx_api_time_year_days(year);

    /* from March on, five months have 153 days: 31 30 31 30 31 */

    month = (day * 5 + 2) / 153;
    day -= (month * 153 + 2) / 5;

    month += 3;

    if (month > 12) {
        month -= 12;
        year++;
    }

    p = ngx_api_time_two(p, year / 100);
    p = ngx_api_time_two(p, year % 100);
    *p++ = '-';
    p = ngx_api_time_two(p, month);
    *p++ = '-';
    p = ngx_api_time_two(p, day + 1);
    *p++ = 'T';
    p = ngx_api_time_two(p, t / 3600);
    *p++ = ':';
    p = ngx_api_time_two(p, t / 60 % 60);
    *p++ = ':';
    p = ngx_api_time_two(p, t % 60);

    if (fraction) {
        *p++ = '.';
        p = ngx_api_time_two(p, fraction / 10000);
        p = ngx_api_time_two(p, fraction / 100 % 100);
        p = ngx_api_time_two(p, fraction % 100);

        while (p[-1] == '0') {
            p--;
        }
    }

    *p++ = 'Z';

    return p;
}


/* days since the UNIX epoch; the year may be 0 */

static int64_t
ngx_api_time_days(int64_t year, int64_t month, int64_t day)
{
    month -= 3;

    if (month < 0) {
        month += 12;
        year--;
    }

    /* a cycle later nothing is negative */

    year += NGX_API_TIME_CYCLE_YEARS;

    return ngx_api_time_year_days(year) + (month * 153 + 2) / 5 + day - 1
           - NGX_API_TIME_CYCLE_DAYS - NGX_API_TIME_UNIX_DAY;
}


static ngx_int_t
ngx_api_time_parse_digits(const u_char *p, size_t n, int64_t lo, int64_t hi,
    int64_t *value)
{
    *value = 0;

    while (n--) {
        if (*p < '0' || *p > '9') {
            return NGX_ERROR;
        }

        *value = *value * 10 + (*p++ - '0');
    }

    return (*value < lo || *value > hi) ? NGX_ERROR : NGX_OK;
}


/* "" or ".123", any number of digits */

static ngx_int_t
ngx_api_time_parse_fraction(const u_char **p, const u_char *end, int64_t *usec)
{
    int64_t        unit;
    const u_char  *q;

    *usec = 0;
    q = *p;

    if (q == end || *q != '.') {
        return NGX_OK;
    }

    q++;
    unit = NGX_API_TIME_SECOND;

    while (q < end && *q >= '0' && *q <= '9') {
        unit /= 10;
        *usec += (*q++ - '0') * unit;
    }

    if (q == *p + 1) {
        return NGX_ERROR;
    }

    *p = q;

    return NGX_OK;
}


/* "Z" or "+hh:mm", and nothing after it */

static ngx_int_t
ngx_api_time_parse_offset(const u_char *p, const u_char *end, int64_t *minutes)
{
    int64_t  h, m;

    if (end - p == 1 && (*p == 'Z' || *p == 'z')) {
        *minutes = 0;
        return NGX_OK;
    }

    if (end - p != sizeof("+hh:mm") - 1
        || (*p != '+' && *p != '-')
        || ngx_api_time_parse_digits(p + 1, 2, 0, 23, &h) != NGX_OK
        || p[3] != ':'
        || ngx_api_time_parse_digits(p + 4, 2, 0, 59, &m) != NGX_OK)
    {
        return NGX_ERROR;
    }

    *minutes = (*p == '-') ? -(h * 60 + m) : h * 60 + m;

    return NGX_OK;
}


static u_char *
ngx_api_time_two(u_char *p, uint64_t n)
{
    *p++ = (u_char) ('0' + n / 10);
    *p++ = (u_char) ('0' + n % 10);

    return p;
}
