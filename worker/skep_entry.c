
/*
 * Entries of the stream as Redis answers with them, what stands in one, and its
 * id: see skep_stream.h.  Pure.
 *
 * Nothing is taken for granted of an answer: whoever may write to the stream
 * shall not be able to stop the worker.
 */


#include "skep_stream.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


static int skep_batch_of_entries(skep_batch_t *batch,
    const redisReply *entries);
static void skep_batch_entry(skep_entry_t *entry, const redisReply *fields);
static bool skep_batch_is_text(const redisReply *reply);
static void skep_stream_id(const char *text, uint64_t *ms, uint64_t *number);


int
skep_batch_of_read(skep_batch_t *batch, redisReply *reply)
{
    const redisReply  *stream;

    batch->reply = reply;

    /* nil: nothing came in time */

    if (reply->type == REDIS_REPLY_NIL) {
        return 0;
    }

    /* [[stream, [[id, [name, value, ...]], ...]]] */

    if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 1) {
        stream = reply->element[0];

        if (stream->type == REDIS_REPLY_ARRAY && stream->elements == 2
            && skep_batch_of_entries(batch, stream->element[1]) == 0)
        {
            return 0;
        }
    }

    skep_batch_clear(batch);
    return -1;
}


static int
skep_batch_of_entries(skep_batch_t *batch, const redisReply *entries)
{
    size_t             i;
    skep_entry_t      *entry;
    const redisReply  *item;

    if (entries->type != REDIS_REPLY_ARRAY) {
        return -1;
    }

    if (entries->elements == 0) {
        return 0;
    }

    batch->entries = calloc(entries->elements, sizeof(skep_entry_t));

    if (batch->entries == NULL) {
        return -1;
    }

    batch->n = 0;

    for (i = 0; i < entries->elements; i++) {
        item = entries->element[i];

        /* in old versions of Redis nil, when it was deleted meanwhile */

        if (item->type != REDIS_REPLY_ARRAY || item->elements != 2
            || !skep_batch_is_text(item->element[0]))
        {
            continue;
        }

        entry = &batch->entries[batch->n++];
        entry->id = item->element[0]->str;

        skep_batch_entry(entry, item->element[1]);
    }

    return 0;
}


static void
skep_batch_entry(skep_entry_t *entry, const redisReply *fields)
{
    size_t  i;

    /* nil: trimmed, although it was pending; there is nothing to do */

    if (fields->type != REDIS_REPLY_ARRAY) {
        return;
    }

    for (i = 0; i < fields->elements; i++) {
        if (!skep_batch_is_text(fields->element[i])) {
            entry->fault = "its fields are no texts";
            return;
        }
    }

    entry->fields = fields;
    entry->seq = skep_stream_seq(fields, &entry->fault);
}


static bool
skep_batch_is_text(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_STRING;
}


/* [[id, consumer, idle, times], ...]: how often each was delivered before */

bool
skep_batch_is_pending(const redisReply *pending)
{
    size_t             i;
    const redisReply  *item;

    if (pending->type != REDIS_REPLY_ARRAY) {
        return false;
    }

    for (i = 0; i < pending->elements; i++) {
        item = pending->element[i];

        if (item->type != REDIS_REPLY_ARRAY || item->elements != 4
            || !skep_batch_is_text(item->element[0])
            || item->element[3]->type != REDIS_REPLY_INTEGER)
        {
            return false;
        }
    }

    return true;
}


int
skep_batch_of_claim(skep_batch_t *batch, redisReply *pending,
    redisReply *reply)
{
    size_t             i, j;
    const redisReply  *item;

    batch->reply = reply;
    batch->pending = pending;

    if (skep_batch_of_entries(batch, reply) != 0) {
        skep_batch_clear(batch);
        return -1;
    }

    /* both are in the order of the ids */

    for (i = 0, j = 0; i < pending->elements && j < batch->n; i++) {
        item = pending->element[i];

        if (strcmp(item->element[0]->str, batch->entries[j].id) == 0) {
            batch->entries[j++].times = item->element[3]->integer;
        }
    }

    return 0;
}


void
skep_batch_clear(skep_batch_t *batch)
{
    if (batch->reply) {
        freeReplyObject(batch->reply);
    }

    if (batch->pending) {
        freeReplyObject(batch->pending);
    }

    free(batch->entries);
    memset(batch, 0, sizeof(skep_batch_t));
}


int64_t
skep_stream_seq(const redisReply *fields, const char **fault)
{
    size_t       i;
    int64_t      seq;
    const char  *p;

    *fault = NULL;

    for (i = 0; i + 1 < fields->elements; i += 2) {
        if ((size_t) fields->element[i]->len != sizeof(SKEP_WIRE_SEQ) - 1
            || strcmp(fields->element[i]->str, SKEP_WIRE_SEQ) != 0)
        {
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
