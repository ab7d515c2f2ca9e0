
/*
 * Fans out the outbox up to a row, tells live streams of it, wakes the sender.
 * The consumer and the sweeper each have one of these.
 *
 * It all happens in notify.fan_out(), in one transaction: so it may be called
 * again at any time, by any worker.  A row that PostgreSQL refuses again and
 * again is buried, for it would hold up all that come after it.
 */


#ifndef _SKEP_FANOUT_H_INCLUDED_
#define _SKEP_FANOUT_H_INCLUDED_


#include "skep_message.h"
#include "skep_metrics.h"
#include "skep_pg.h"
#include "skep_redis.h"


/* The owner sets the first part, and zeroes the rest. */

typedef struct {
    skep_pg_t          *pg;
    skep_redis_t       *redis;
    _Atomic int64_t    *events;        /* the counter */

    const skep_conf_t  *conf;
    int64_t             head;          /* the row that was refused last */
    int64_t             tries;
    int64_t             singles;       /* rows that are yet to go one by one */
    skep_backoff_t      backoff;
    skep_message_t      message;
} skep_fanout_t;


/*
 * Fans out all that is visible and not beyond the row "upto".  0 when it is
 * done, or the ms after which to call it again for the rest.  Messages were
 * appended to the Redis connection, if there is one; some answers may be left
 * to be read: skep_fanout_drain().
 */
int64_t skep_fanout(skep_fanout_t *fanout, const skep_conf_t *conf,
    int64_t upto);

/* reads the answers that are left */
void skep_fanout_drain(skep_fanout_t *fanout);

/* tells live streams how far the events are */
void skep_fanout_tell(skep_fanout_t *fanout, const skep_conf_t *conf,
    int64_t n);


#endif /* _SKEP_FANOUT_H_INCLUDED_ */
