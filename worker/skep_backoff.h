
/*
 * How long to wait before the next attempt: twice as long after each failure,
 * up to a bound, and each time a random part of that, so that workers who lost
 * the same server do not all come back at once.  Pure: the caller tells the
 * time and gives the chance.
 */


#ifndef _SKEP_BACKOFF_H_INCLUDED_
#define _SKEP_BACKOFF_H_INCLUDED_


#include <stdint.h>


typedef struct {
    unsigned  failures;
    int64_t   next;                    /* when to try again, ms */
} skep_backoff_t;


/*
 * After a failure at now (ms): sets the time of the next attempt and returns
 * the ms until then, between half of the delay and the whole.  The delay is
 * first (ms) at first and most (ms) at last; chance is any number.
 */
int64_t skep_backoff_failed(skep_backoff_t *backoff, int64_t now,
    int64_t first, int64_t most, uint32_t chance);

/* the ms until the next attempt, 0 if it may be made */
int64_t skep_backoff_wait(const skep_backoff_t *backoff, int64_t now);

/* after a success */
void skep_backoff_reset(skep_backoff_t *backoff);


#endif /* _SKEP_BACKOFF_H_INCLUDED_ */
