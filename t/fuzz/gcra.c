
/*
 * Rate limits.  The first byte says what the rest is: "r" a rate as it stands
 * in the configuration; else two limits that share a key, and moments at which
 * requests come.  A bucket of tokens, which is filled at the rate, says for
 * each whether it is to be let in.
 */


#include "fuzz.h"
#include "ngx_unit.h"
#include "ngx_auth_gcra.h"


typedef __int128  gcra_wide_t;


static void
gcra_rate(const uint8_t *data, size_t size)
{
    ngx_str_t             text;
    ngx_auth_gcra_t       gcra;
    ngx_auth_gcra_rate_t  rate;

    text.data = (u_char *) data;
    text.len = size;

    if (ngx_auth_gcra_rate(&text, &rate) != NGX_OK) {
        return;
    }

    fuzz_check(rate.count >= 1 && rate.count <= NGX_AUTH_GCRA_RATE_MAX);
    fuzz_check(data[0] >= '0' && data[0] <= '9');
    fuzz_check(strtoul((const char *) data, NULL, 10) == rate.count);
    fuzz_check(data[size - 2] == '/' && data[size - 3] == 'r');

    ngx_auth_gcra_init(&gcra, &rate, NGX_AUTH_GCRA_MAX, NGX_AUTH_GCRA_MAX);
    fuzz_check(gcra.interval > 0 && gcra.cost > 0 && gcra.limit > 0);
}


static void
gcra_limit(fuzz_input_t *input, const ngx_auth_gcra_rate_t *rate,
    ngx_auth_gcra_t *gcra)
{
    ngx_uint_t  at_once, cost;

    at_once = 1 + (ngx_uint_t) fuzz_number(input, 3) % NGX_AUTH_GCRA_MAX;
    cost = 1 + (ngx_uint_t) fuzz_number(input, 3) % NGX_AUTH_GCRA_MAX;

    ngx_auth_gcra_init(gcra, rate, at_once, cost);

    fuzz_check(gcra->interval > 0);
    fuzz_check((gcra_wide_t) gcra->interval * (gcra_wide_t) at_once
               == gcra->limit);
    fuzz_check((gcra_wide_t) gcra->interval * (gcra_wide_t) cost
               == gcra->cost);
}


/* what a client is told */

static void
gcra_told(const ngx_auth_gcra_t *gcra, int64_t ahead, int64_t max)
{
    int64_t     later;
    time_t      retry;
    ngx_uint_t  quota, window, left;

    fuzz_check(ahead >= 0 && ahead <= max);

    left = ngx_auth_gcra_remaining(gcra, ahead);
    fuzz_check((gcra_wide_t) left * gcra->interval <= gcra->limit);
    fuzz_check(left == 0
               || ahead + (int64_t) left * gcra->interval <= gcra->limit);

    ngx_auth_gcra_policy(gcra, &quota, &window);
    fuzz_check(quota >= 1 && window >= 1);

    fuzz_check((gcra_wide_t) ngx_auth_gcra_reset(ahead)
               * NGX_AUTH_GCRA_SECOND >= ahead);
    fuzz_check((gcra_wide_t) ngx_auth_gcra_delay(ahead)
               * NGX_AUTH_GCRA_MSEC >= ahead);

    /* who waits as long as was said is let in, if anybody is */

    retry = ngx_auth_gcra_retry_after(gcra, ahead);
    fuzz_check(retry >= 1);

    later = ahead - ngx_min(ahead, (int64_t) retry * NGX_AUTH_GCRA_SECOND);
    fuzz_check(gcra->cost > gcra->limit || ngx_auth_gcra_admits(gcra, later));
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t                now, before, tat, ahead, max;
    unsigned               which, kind, back;
    gcra_wide_t            level;
    fuzz_input_t           input;
    ngx_auth_gcra_t        gcra[2];
    ngx_auth_gcra_rate_t   rate;

    static const int64_t  periods[] = { 1, 60, 3600 };

    input = fuzz_input(data, size);

    if (fuzz_number(&input, 1) == 'r') {
        gcra_rate(input.p, (size_t) (input.end - input.p));
        return 0;
    }

    rate.count = 1 + (ngx_uint_t) fuzz_number(&input, 3)
                     % NGX_AUTH_GCRA_RATE_MAX;
    rate.period = periods[fuzz_number(&input, 1) % 3] * NGX_AUTH_GCRA_SECOND;

    gcra_limit(&input, &rate, &gcra[0]);
    gcra_limit(&input, &rate, &gcra[1]);

    max = ngx_max(gcra[0].limit, gcra[1].limit);
    now = 1800000000 * NGX_AUTH_GCRA_SECOND;
    tat = 0;
    back = 0;
    level = max;               /* of max: what is not ahead */

    while (input.p < input.end) {
        kind = (unsigned) fuzz_number(&input, 1);
        which = kind & 1;

        before = now;
        now += (int64_t) fuzz_number(&input, 3)
               * (kind & 2 ? NGX_AUTH_GCRA_MSEC : 1);

        if ((kind & 0xf0) == 0xf0) {

            /* somebody sets the clock back */

            now = before - (int64_t) (now - before);
            back = 1;
        }

        level = ngx_min(level + (now - before), max);

        ahead = ngx_auth_gcra_ahead(tat, now, max);
        gcra_told(&gcra[which], ahead, max);

        if (!back) {
            fuzz_check(ahead == (int64_t) (max - level));
            fuzz_check(ngx_auth_gcra_admits(&gcra[which], ahead)
                       == (max - level + gcra[which].cost
                           <= gcra[which].limit));
        }

        if (ngx_auth_gcra_admits(&gcra[which], ahead)) {
            tat = now + ahead + gcra[which].cost;
            level -= gcra[which].cost;
            fuzz_check(back || level >= 0);
        }
    }

    return 0;
}
