
/*
 * The messages that tell live streams of notifications, as skep_wire.h has
 * them.  Pure: what becomes of a message is the caller's.
 */


#ifndef _SKEP_MESSAGE_H_INCLUDED_
#define _SKEP_MESSAGE_H_INCLUDED_


#include "skep_wire.h"

#include <stddef.h>
#include <stdint.h>


/* an event as notify.fan_out() returns it, in texts; ids may be "": null */

typedef struct {
    int64_t       n;
    const char   *id;
    const char   *type;
    const char   *actor_id;
    const char   *project_id;
    const char   *task_id;
    const char   *created_at;
    const char   *data;                /* JSON */
    size_t        data_len;
    const char   *recipients;          /* an array of PostgreSQL's: {id,id} */
} skep_message_event_t;


/* takes a finished message; -1 ends it all */
typedef int (*skep_message_sink_pt)(void *data, const char *text, size_t len);


/* The owner sets sink and data, and zeroes the rest. */

typedef struct {
    skep_message_sink_pt   sink;
    void                  *data;

    int64_t                first;      /* 0: nothing is in it */
    int64_t                last;
    size_t                 len;        /* of what follows the first line */
    char                   text[SKEP_WIRE_MOST];
} skep_message_t;


/*
 * Adds the next event, in the order of n.  What does not fit goes to the sink
 * first; what fits in no message is one without events.  0, or what the sink
 * returned.
 */
int skep_message_add(skep_message_t *message,
    const skep_message_event_t *event);

/* gives what is left to the sink */
int skep_message_flush(skep_message_t *message);

/* a message that tells of first .. last, and nothing of them; 0, or -1 */
int skep_message_tell(skep_message_t *message, int64_t first, int64_t last);


#endif /* _SKEP_MESSAGE_H_INCLUDED_ */
