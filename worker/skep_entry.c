
/*
 * What stands in an entry of the stream, and its id: see skep_stream.h.  Pure.
 */


#include "skep_stream.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


static void skep_stream_id(const char *text, uint64_t *ms, uint64_t *number);


int64_t
skep_stream_seq(const redisReply *fields, const char **fault)
{
    size_t       i;
    int64_t      seq;
    const char  *p;

    *fault = NULL;

    for (i = 0; i + 1 < fields->elements; i += 2) {
        if (strcmp(fields->element[i]->str, SKEP_WIRE_SEQ) != 0) {
            continue;
        }

        seq = 0;
        p = fields->element[i + 1]->str;

        while (*p >= '0' && *p <= '9' && seq < INT64_MAX / 10) {
            seq = seq * 10 + (*p++ - '0');
        }

        if (*p == '\0' && seq > 0
            && p == fields->element[i + 1]->str
                    + (size_t) fields->element[i + 1]->len)
        {
            return seq;
        }

        *fault = "its " SKEP_WIRE_SEQ " is no number";
        return 0;
    }

    *fault = "it has no " SKEP_WIRE_SEQ;
    return 0;
}


int
skep_stream_id_compare(const char *a, const char *b)
{
    uint64_t  a_ms, a_number, b_ms, b_number;

    skep_stream_id(a, &a_ms, &a_number);
    skep_stream_id(b, &b_ms, &b_number);

    if (a_ms != b_ms) {
        return a_ms < b_ms ? -1 : 1;
    }

    if (a_number != b_number) {
        return a_number < b_number ? -1 : 1;
    }

    return 0;
}


void
skep_stream_id_next(const char *id, char *next, size_t size)
{
    uint64_t  ms, number;

    skep_stream_id(id, &ms, &number);

    if (number == UINT64_MAX) {
        ms++;
    }

    number++;

    snprintf(next, size, "%" PRIu64 "-%" PRIu64, ms, number);
}


static void
skep_stream_id(const char *text, uint64_t *ms, uint64_t *number)
{
    char  *end;

    *ms = strtoull(text, &end, 10);
    *number = *end == '-' ? strtoull(end + 1, NULL, 10) : 0;
}
