
/*
 * The stream and its groups, see skep_stream.h.
 */


#include "skep_stream.h"
#include "skep_log.h"
#include "skep_metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


/* groups that are looked at; with more of them nothing is trimmed */
#define SKEP_STREAM_GROUPS  30


static int skep_stream_ask(skep_redis_t *redis, const char *stream,
    redisReply **groups, int64_t *length);
static int skep_stream_done(skep_redis_t *redis, const char *stream,
    const redisReply *groups, char *done, size_t size,
    skep_stream_info_t *info);
static const redisReply *skep_stream_member(const redisReply *map,
    const char *name, int type);
static int64_t skep_stream_command(skep_redis_t *redis,
    const skep_redis_command_t *command);


int
skep_stream_group(skep_redis_t *redis, const char *stream)
{
    int                    rc;
    redisReply            *reply;
    skep_redis_command_t   command;

    skep_redis_begin(&command, "XGROUP");
    skep_redis_text(&command, "CREATE");
    skep_redis_text(&command, stream);
    skep_redis_text(&command, SKEP_WIRE_GROUP);
    skep_redis_text(&command, "0");
    skep_redis_text(&command, "MKSTREAM");

    reply = skep_redis_call(redis, &command);

    if (reply == NULL) {
        return -1;
    }

    rc = 0;

    if (reply->type != REDIS_REPLY_ERROR) {
        skep_log(SKEP_LOG_NOTICE, "the group \"" SKEP_WIRE_GROUP "\" of the"
                 " stream \"%s\" was made", stream);
        skep_count(GROUPS_MADE, 1);

    } else if (!skep_redis_is_error(reply, "BUSYGROUP")) {
        skep_log(SKEP_LOG_ERROR, "Redis: %s: %s", stream, reply->str);
        rc = -1;
    }

    freeReplyObject(reply);
    return rc;
}


void
skep_stream_leave(skep_redis_t *redis, const char *stream,
    const char *consumer)
{
    redisReply            *reply;
    skep_redis_command_t   command;

    skep_redis_begin(&command, "XPENDING");
    skep_redis_text(&command, stream);
    skep_redis_text(&command, SKEP_WIRE_GROUP);
    skep_redis_text(&command, "-");
    skep_redis_text(&command, "+");
    skep_redis_text(&command, "1");
    skep_redis_text(&command, consumer);

    reply = skep_redis_call(redis, &command);

    if (reply == NULL) {
        return;
    }

    if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 0) {
        skep_redis_begin(&command, "XGROUP");
        skep_redis_text(&command, "DELCONSUMER");
        skep_redis_text(&command, stream);
        skep_redis_text(&command, SKEP_WIRE_GROUP);
        skep_redis_text(&command, consumer);

        (void) skep_stream_command(redis, &command);
    }

    freeReplyObject(reply);
}


int
skep_stream_trim(skep_redis_t *redis, const char *stream,
    skep_stream_info_t *info)
{
    int                    rc;
    char                   done[48];
    redisReply            *groups;
    skep_redis_command_t   command;

    memset(info, 0, sizeof(skep_stream_info_t));

    if (skep_stream_ask(redis, stream, &groups, &info->length) != 0) {
        return -1;
    }

    rc = skep_stream_done(redis, stream, groups, done, sizeof(done), info);
    freeReplyObject(groups);

    if (rc != 0 || done[0] == '\0') {
        return rc;
    }

    skep_redis_begin(&command, "XTRIM");
    skep_redis_text(&command, stream);
    skep_redis_text(&command, "MINID");
    skep_redis_text(&command, done);

    info->trimmed = skep_stream_command(redis, &command);

    if (info->trimmed < 0) {
        info->trimmed = 0;
        return -1;
    }

    info->length -= info->trimmed;
    return 0;
}


/* the groups of a stream, the caller's to free, and its length */

static int
skep_stream_ask(skep_redis_t *redis, const char *stream, redisReply **groups,
    int64_t *length)
{
    redisReply            *reply;
    skep_redis_command_t   command;

    skep_redis_begin(&command, "XLEN");
    skep_redis_text(&command, stream);
    *length = skep_stream_command(redis, &command);

    if (*length < 0) {
        *length = 0;
        return -1;
    }

    skep_redis_begin(&command, "XINFO");
    skep_redis_text(&command, "GROUPS");
    skep_redis_text(&command, stream);

    reply = skep_redis_call(redis, &command);

    if (reply == NULL) {
        return -1;
    }

    if (reply->type != REDIS_REPLY_ARRAY) {
        freeReplyObject(reply);
        return -1;
    }

    *groups = reply;
    return 0;
}


/*
 * The id before which all is done, as far as any group goes: "" if there is
 * none.  What a group has read last is asked for first, and then what of it is
 * pending; what it reads in between comes after both.
 */

static int
skep_stream_done(skep_redis_t *redis, const char *stream,
    const redisReply *groups, char *done, size_t size,
    skep_stream_info_t *info)
{
    char                   next[48];
    size_t                 i;
    redisReply            *reply;
    const char            *id;
    const redisReply      *name, *last, *lag;
    skep_redis_command_t   command;

    done[0] = '\0';

    if (groups->elements > SKEP_STREAM_GROUPS) {
        return -1;
    }

    for (i = 0; i < groups->elements; i++) {
        name = skep_stream_member(groups->element[i], "name",
                                  REDIS_REPLY_STRING);
        last = skep_stream_member(groups->element[i], "last-delivered-id",
                                  REDIS_REPLY_STRING);

        if (name == NULL || last == NULL) {
            return -1;
        }

        skep_redis_begin(&command, "XPENDING");
        skep_redis_text(&command, stream);
        skep_redis_word(&command, name->str, (size_t) name->len);

        reply = skep_redis_call(redis, &command);

        if (reply == NULL) {
            return -1;
        }

        /* [how many, the first, the last, consumers] */

        if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 4) {
            freeReplyObject(reply);
            return -1;
        }

        skep_stream_id_next(last->str, next, sizeof(next));
        id = next;

        if (reply->element[1]->type == REDIS_REPLY_STRING
            && skep_stream_id_compare(reply->element[1]->str, id) < 0)
        {
            id = reply->element[1]->str;
        }

        if (done[0] == '\0' || skep_stream_id_compare(id, done) < 0) {
            snprintf(done, size, "%s", id);
        }

        if (strcmp(name->str, SKEP_WIRE_GROUP) == 0) {
            info->pending = reply->element[0]->integer;

            lag = skep_stream_member(groups->element[i], "lag",
                                     REDIS_REPLY_INTEGER);
            info->lag = lag ? lag->integer : 0;
        }

        freeReplyObject(reply);
    }

    return 0;
}


void
skep_stream_tidy(skep_redis_t *redis, const char *stream, int64_t idle)
{
    size_t                 i;
    redisReply            *reply;
    const redisReply      *name, *pending, *since;
    skep_redis_command_t   command;

    skep_redis_begin(&command, "XINFO");
    skep_redis_text(&command, "CONSUMERS");
    skep_redis_text(&command, stream);
    skep_redis_text(&command, SKEP_WIRE_GROUP);

    reply = skep_redis_call(redis, &command);

    if (reply == NULL) {
        return;
    }

    for (i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++) {
        name = skep_stream_member(reply->element[i], "name",
                                  REDIS_REPLY_STRING);
        pending = skep_stream_member(reply->element[i], "pending",
                                     REDIS_REPLY_INTEGER);
        since = skep_stream_member(reply->element[i], "idle",
                                   REDIS_REPLY_INTEGER);

        if (name && pending && since && pending->integer == 0
            && since->integer >= idle)
        {
            skep_stream_leave(redis, stream, name->str);
        }
    }

    freeReplyObject(reply);
}


/* of [name, value, ...] the value, if it is of that type */

static const redisReply *
skep_stream_member(const redisReply *map, const char *name, int type)
{
    size_t  i;

    if (map->type != REDIS_REPLY_ARRAY) {
        return NULL;
    }

    for (i = 0; i + 1 < map->elements; i += 2) {
        if (map->element[i]->type == REDIS_REPLY_STRING
            && strcmp(map->element[i]->str, name) == 0)
        {
            return map->element[i + 1]->type == type ? map->element[i + 1]
                                                     : NULL;
        }
    }

    return NULL;
}


/* the number that a command answers, or -1 */

static int64_t
skep_stream_command(skep_redis_t *redis, const skep_redis_command_t *command)
{
    int64_t      n;
    redisReply  *reply;

    reply = skep_redis_call(redis, command);

    if (reply == NULL) {
        return -1;
    }

    n = reply->type == REDIS_REPLY_INTEGER ? reply->integer : -1;
    freeReplyObject(reply);

    return n;
}
