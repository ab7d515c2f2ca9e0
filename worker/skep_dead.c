
#include "skep_dead.h"
#include "skep_log.h"
#include "skep_wire.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>


/* what the reason and the entry's id take */
#define SKEP_DEAD_LAST  4


void
skep_dead_begin(skep_dead_t *dead, const skep_conf_t *conf)
{
    memset(dead, 0, sizeof(skep_dead_t));

    snprintf(dead->stream, sizeof(dead->stream), "%s" SKEP_WIRE_DEAD,
             conf->stream);
    snprintf(dead->most, sizeof(dead->most), "%" PRId64, conf->dead_max);

    skep_redis_begin(&dead->command, "XADD");
    skep_redis_text(&dead->command, dead->stream);
    skep_redis_text(&dead->command, "MAXLEN");
    skep_redis_text(&dead->command, "~");
    skep_redis_text(&dead->command, dead->most);
    skep_redis_text(&dead->command, "*");
}


void
skep_dead_field(skep_dead_t *dead, const char *name, size_t name_len,
    const char *value, size_t value_len)
{
    if (dead->command.n + 2 + SKEP_DEAD_LAST > SKEP_REDIS_WORDS) {
        return;
    }

    skep_redis_word(&dead->command, name, name_len);
    skep_redis_word(&dead->command, value, value_len);
}


int
skep_dead_send(skep_dead_t *dead, skep_redis_t *redis, const char *reason,
    const char *entry)
{
    int          rc;
    redisReply  *reply;

    skep_redis_text(&dead->command, SKEP_WIRE_REASON);
    skep_redis_text(&dead->command, reason);

    if (entry) {
        skep_redis_text(&dead->command, SKEP_WIRE_ENTRY);
        skep_redis_text(&dead->command, entry);
    }

    reply = skep_redis_call(redis, &dead->command);

    if (reply == NULL) {
        return -1;
    }

    rc = 0;

    if (reply->type == REDIS_REPLY_ERROR) {
        skep_log(SKEP_LOG_ERROR, "Redis: %s: %s", dead->stream, reply->str);
        rc = -1;
    }

    freeReplyObject(reply);
    return rc;
}
