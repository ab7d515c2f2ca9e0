
/*
 * Batches of the stream's entries, see skep_stream.h.
 */


#include "skep_stream.h"
#include "skep_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


static int skep_batch_of_entries(skep_batch_t *batch,
    const redisReply *entries);
static int skep_batch_of_pending(skep_batch_t *batch,
    const redisReply *pending);


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
            || item->element[0]->type != REDIS_REPLY_STRING)
        {
            continue;
        }

        entry = &batch->entries[batch->n++];
        entry->id = item->element[0]->str;

        /* nil: trimmed, although it was pending; there is nothing to do */

        if (item->element[1]->type != REDIS_REPLY_ARRAY) {
            continue;
        }

        entry->fields = item->element[1];
        entry->seq = skep_stream_seq(entry->fields, &entry->fault);
    }

    return 0;
}


redisReply *
skep_stream_claim(skep_redis_t *redis, const char *stream,
    const char *consumer, int64_t idle, int most, skep_batch_t *batch)
{
    char                   idle_text[24], most_text[24];
    size_t                 i;
    redisReply            *pending, *reply;
    skep_redis_command_t   command;

    snprintf(idle_text, sizeof(idle_text), "%" PRId64, idle);
    snprintf(most_text, sizeof(most_text), "%d", most);

    skep_redis_begin(&command, "XPENDING");
    skep_redis_text(&command, stream);
    skep_redis_text(&command, SKEP_WIRE_GROUP);
    skep_redis_text(&command, "IDLE");
    skep_redis_text(&command, idle_text);
    skep_redis_text(&command, "-");
    skep_redis_text(&command, "+");
    skep_redis_text(&command, most_text);

    pending = skep_redis_call(redis, &command);

    if (pending == NULL) {
        return NULL;
    }

    if (pending->type != REDIS_REPLY_ARRAY || pending->elements == 0) {
        if (pending->type == REDIS_REPLY_ERROR) {
            return pending;
        }

        freeReplyObject(pending);
        return NULL;
    }

    /* whoever is faster has them: for others they are not idle any more */

    skep_redis_begin(&command, "XCLAIM");
    skep_redis_text(&command, stream);
    skep_redis_text(&command, SKEP_WIRE_GROUP);
    skep_redis_text(&command, consumer);
    skep_redis_text(&command, idle_text);

    for (i = 0; i < pending->elements && i < (size_t) most; i++) {
        skep_redis_text(&command, pending->element[i]->element[0]->str);
    }

    reply = skep_redis_call(redis, &command);

    if (reply == NULL || reply->type == REDIS_REPLY_ERROR) {
        freeReplyObject(pending);
        return reply;
    }

    batch->reply = reply;
    batch->pending = pending;

    if (skep_batch_of_entries(batch, reply) != 0
        || skep_batch_of_pending(batch, pending) != 0)
    {
        skep_batch_clear(batch);
    }

    return NULL;
}


/* [[id, consumer, idle, times], ...]: how often each was delivered before */

static int
skep_batch_of_pending(skep_batch_t *batch, const redisReply *pending)
{
    size_t             i, j;
    const redisReply  *item;

    /* both are in the order of the ids */

    for (i = 0, j = 0; i < pending->elements && j < batch->n; i++) {
        item = pending->element[i];

        if (item->type != REDIS_REPLY_ARRAY || item->elements != 4) {
            return -1;
        }

        if (strcmp(item->element[0]->str, batch->entries[j].id) == 0) {
            batch->entries[j++].times = item->element[3]->integer;
        }
    }

    return 0;
}


int
skep_batch_ack(const skep_batch_t *batch, skep_redis_t *redis,
    const char *stream)
{
    int                    rc;
    size_t                 i;
    redisReply            *reply;
    skep_redis_command_t   command;

    command.n = 0;

    for (i = 0; i < batch->n; i++) {
        if (command.n == 0) {
            skep_redis_begin(&command, "XACK");
            skep_redis_text(&command, stream);
            skep_redis_text(&command, SKEP_WIRE_GROUP);
        }

        if (batch->entries[i].id) {
            skep_redis_text(&command, batch->entries[i].id);
        }

        if (command.n > 3
            && (command.n == SKEP_REDIS_WORDS || i + 1 == batch->n))
        {
            if (skep_redis_append(redis, &command) != 0) {
                return -1;
            }

            command.n = 0;
        }
    }

    rc = 0;

    while (redis->unread) {
        reply = skep_redis_next(redis);

        if (reply == NULL) {
            return -1;
        }

        if (reply->type == REDIS_REPLY_ERROR) {
            skep_log(SKEP_LOG_ERROR, "Redis: %s", reply->str);
            rc = -1;
        }

        freeReplyObject(reply);
    }

    return rc;
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
