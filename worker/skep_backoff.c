
#include "skep_backoff.h"


int64_t
skep_backoff_failed(skep_backoff_t *backoff, int64_t now, int64_t first,
    int64_t most, uint32_t chance)
{
    int64_t   delay;
    unsigned  i;

    delay = first;

    for (i = 0; i < backoff->failures && delay < most; i++) {
        delay *= 2;
    }

    if (delay > most) {
        delay = most;
    }

    if (backoff->failures < 63) {
        backoff->failures++;
    }

    delay = delay / 2 + (int64_t) chance % (delay / 2 + 1);
    backoff->next = now + delay;

    return delay;
}


int64_t
skep_backoff_wait(const skep_backoff_t *backoff, int64_t now)
{
    if (backoff->failures == 0 || backoff->next <= now) {
        return 0;
    }

    return backoff->next - now;
}


void
skep_backoff_reset(skep_backoff_t *backoff)
{
    backoff->failures = 0;
    backoff->next = 0;
}
