
#include "skep_trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>


/* where in a traceparent: "00-" trace "-" span "-" flags */
#define SKEP_TRACE_SPAN   36
#define SKEP_TRACE_FLAGS  52


const char *
skep_trace_request_id(const char *trace)
{
    const char  *id;

    id = trace ? strchr(trace, ' ') : NULL;

    return id && strlen(id + 1) < SKEP_REQUEST_ID ? id + 1 : "";
}


size_t
skep_trace_parent(char *text, size_t size, const char *trace, uint64_t span)
{
    if (trace == NULL || size <= SKEP_TRACEPARENT_LEN
        || strcspn(trace, " ") != SKEP_TRACEPARENT_LEN)
    {
        return 0;
    }

    /* 0 is no span */

    return (size_t) snprintf(text, size, "%.*s%016" PRIx64 "%.3s",
                             SKEP_TRACE_SPAN, trace, span ? span : 1,
                             &trace[SKEP_TRACE_FLAGS]);
}
