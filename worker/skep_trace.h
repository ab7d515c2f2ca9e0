
/*
 * Which request something comes from: the text 'TRACEPARENT REQUEST-ID' of
 * notify.outbox and what was made of it.  Pure.
 */


#ifndef _SKEP_TRACE_H_INCLUDED_
#define _SKEP_TRACE_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>


#define SKEP_TRACEPARENT_LEN  55

/* a request's id with its NUL; longer ones are none of nginx's */
#define SKEP_REQUEST_ID       65

/* the end of a line of the log, of skep_trace_request_id() */
#define SKEP_TRACE_LOG        ", request_id: \"%s\""


/* the id of the request in a trace, which may be NULL; "" if there is none */
const char *skep_trace_request_id(const char *trace);

/*
 * Writes the traceparent of what is done in a trace, as a span of its own, with
 * a NUL: its length; 0 if there is no trace, or there is no room.
 */
size_t skep_trace_parent(char *text, size_t size, const char *trace,
    uint64_t span);


#endif /* _SKEP_TRACE_H_INCLUDED_ */
