
/*
 * What a thread of the worker lives in: its name, when to stop, the time, and
 * how to wait.
 *
 * A thread is a function that loops until skep_stopping().  Each turn it takes
 * the configuration in force (skep_conf_take()), does what is to be done, gives
 * the configuration back and waits by skep_pause().  It has its own connections
 * (skep_pg.h, skep_redis.h); threads share nothing but the log, the counters
 * (skep_metrics.h) and what their headers say.
 */


#ifndef _SKEP_RUN_H_INCLUDED_
#define _SKEP_RUN_H_INCLUDED_


#include <stdint.h>


/* whether threads are to finish what is in hand, and return */
int skep_stopping(void);

/*
 * The monotonic time (ms) by which all must have returned: INT64_MAX as long
 * as nobody is to stop.  What is not done then is cut off.
 */
int64_t skep_deadline(void);

/*
 * Calls a function, in the thread that serves signals, as soon as threads are
 * to stop: to wake one that waits in its own way.  At most eight of them.
 */
void skep_on_stop(void (*wake)(void *data), void *data);

/* waits ms, or until threads are to stop; whether they are */
int skep_pause(int64_t ms);

/* monotonic time in ms */
int64_t skep_now(void);

/* random bits, for jitter and nothing else */
uint32_t skep_random(void);


/* of main() alone */

/* -1 with errno set if there are no descriptors */
int skep_run_init(void);

/*
 * Starts a thread: run(data) under this name, which is kept.  0, or an error
 * number.
 */
int skep_run_start(const char *name, void (*run)(void *data), void *data);

/* tells all threads to stop, and to have returned within ms */
void skep_run_stop(int64_t ms);

/* waits for all threads; how many have not returned by the deadline */
unsigned skep_run_wait(void);


#endif /* _SKEP_RUN_H_INCLUDED_ */
