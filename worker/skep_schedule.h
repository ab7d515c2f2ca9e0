
/*
 * When to try again: the pauses after the first attempt that failed, after the
 * second, and so on.  Pure.
 */


#ifndef _SKEP_SCHEDULE_H_INCLUDED_
#define _SKEP_SCHEDULE_H_INCLUDED_


#include <stdint.h>


#define SKEP_SCHEDULE_MAX         32               /* pauses */
#define SKEP_SCHEDULE_PAUSE_MAX   (30 * 86400)     /* seconds */


typedef struct {
    unsigned  n;                            /* 0: no second attempt */
    int64_t   pauses[SKEP_SCHEDULE_MAX];    /* milliseconds */
} skep_schedule_t;


/*
 * "5s 5m 30m 2h": numbers with ms, s, m, h or d, or without, which is seconds.
 * Returns 0, or -1.
 */
int skep_schedule_parse(const char *text, skep_schedule_t *schedule);

/*
 * Milliseconds until the next attempt after the one with this number, counted
 * from 1, has failed; -1 if it was the last.  What the other side has asked
 * for, in milliseconds or 0, can make the pause longer, up to max.  random is
 * any number: it makes the pause longer by up to a tenth, so that what failed
 * together does not come back together.
 */
int64_t skep_schedule_pause(const skep_schedule_t *schedule, unsigned attempt,
    int64_t asked, int64_t max, uint32_t random);


#endif /* _SKEP_SCHEDULE_H_INCLUDED_ */
