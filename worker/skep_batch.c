
/*
 * Batches of the stream's entries, as they are claimed and acknowledged; see
 * skep_stream.h.
 */


#include "skep_stream.h"
#include "skep_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


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

    if (pending->type == REDIS_REPLY_ERROR) {
        return pending;
    }

    if (!skep_batch_is_pending(pending) || pending->elements == 0) {
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

    (void) skep_batch_of_claim(batch, pending, reply);

    return NULL;
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
