
#include "ngx_auth_gcra.h"


/*
 * The time of a worker is that of its last turn of the event loop: the time
 * that a request is refused at, and the one that it comes again at, may differ
 * by this much from the client's.
 */

#define NGX_AUTH_GCRA_SLACK  (10 * NGX_AUTH_GCRA_MSEC)


static int64_t
ngx_auth_gcra_ceil(int64_t n, int64_t unit)
{
    return n / unit + (n % unit != 0);
}


ngx_int_t
ngx_auth_gcra_rate(const ngx_str_t *text, ngx_auth_gcra_rate_t *rate)
{
    u_char     *p, *last;
    ngx_int_t   n;

    last = text->data + text->len;

    for (p = text->data; p < last && *p >= '0' && *p <= '9'; p++) {
        /* void */
    }

    n = ngx_atoi(text->data, p - text->data);

    if (n < 1 || n > NGX_AUTH_GCRA_RATE_MAX) {
        return NGX_ERROR;
    }

    while (p < last && *p == ' ') {
        p++;
    }

    if (last - p != 3 || p[0] != 'r' || p[1] != '/') {
        return NGX_ERROR;
    }

    rate->count = n;

    switch (p[2]) {

    case 's':
        rate->period = NGX_AUTH_GCRA_SECOND;
        return NGX_OK;

    case 'm':
        rate->period = 60 * NGX_AUTH_GCRA_SECOND;
        return NGX_OK;

    case 'h':
        rate->period = 3600 * NGX_AUTH_GCRA_SECOND;
        return NGX_OK;
    }

    return NGX_ERROR;
}


void
ngx_auth_gcra_init(ngx_auth_gcra_t *gcra, const ngx_auth_gcra_rate_t *rate,
    ngx_uint_t at_once, ngx_uint_t cost)
{
    gcra->interval = rate->period / rate->count;
    gcra->cost = gcra->interval * cost;
    gcra->limit = gcra->interval * at_once;
}


int64_t
ngx_auth_gcra_ahead(int64_t tat, int64_t now, int64_t max)
{
    if (tat <= now) {
        return 0;
    }

    return (tat - now < max) ? tat - now : max;
}


ngx_uint_t
ngx_auth_gcra_admits(const ngx_auth_gcra_t *gcra, int64_t ahead)
{
    return ahead + gcra->cost <= gcra->limit;
}


ngx_uint_t
ngx_auth_gcra_remaining(const ngx_auth_gcra_t *gcra, int64_t ahead)
{
    if (ahead >= gcra->limit) {
        return 0;
    }

    return (gcra->limit - ahead) / gcra->interval;
}


time_t
ngx_auth_gcra_reset(int64_t ahead)
{
    return ngx_auth_gcra_ceil(ahead, NGX_AUTH_GCRA_SECOND);
}


time_t
ngx_auth_gcra_retry_after(const ngx_auth_gcra_t *gcra, int64_t ahead)
{
    int64_t  wait;

    wait = ahead + gcra->cost - gcra->limit;

    if (wait < 0) {
        wait = 0;
    }

    return ngx_auth_gcra_ceil(wait + NGX_AUTH_GCRA_SLACK,
                              NGX_AUTH_GCRA_SECOND);
}


ngx_msec_t
ngx_auth_gcra_delay(int64_t ahead)
{
    return ngx_auth_gcra_ceil(ahead, NGX_AUTH_GCRA_MSEC);
}


void
ngx_auth_gcra_policy(const ngx_auth_gcra_t *gcra, ngx_uint_t *quota,
    ngx_uint_t *window)
{
    if (gcra->limit < NGX_AUTH_GCRA_SECOND) {

        /* one per second would be a lie when one may come every 20 ms */

        *quota = NGX_AUTH_GCRA_SECOND / gcra->interval;
        *window = 1;
        return;
    }

    /* interval was rounded down: 3 r/s are a second, not one less 1 ns */

    *quota = gcra->limit / gcra->interval;
    *window = (gcra->limit + NGX_AUTH_GCRA_SECOND / 2) / NGX_AUTH_GCRA_SECOND;
}
