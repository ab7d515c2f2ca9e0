
#include "skep_sentinel.h"

#include <stdio.h>
#include <string.h>


int
skep_sentinel_ask(skep_redis_t *redis, const char *name, char *address,
    size_t address_size, char *fault, size_t size)
{
    int                    n;
    redisReply            *reply;
    const char            *host;
    skep_redis_command_t   command;

    skep_redis_begin(&command, "SENTINEL");
    skep_redis_text(&command, "get-master-addr-by-name");
    skep_redis_text(&command, name);

    reply = skep_redis_ask(redis, &command, fault, size);

    if (reply == NULL) {
        return -1;
    }

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2
        || reply->element[0]->type != REDIS_REPLY_STRING
        || reply->element[1]->type != REDIS_REPLY_STRING)
    {
        snprintf(fault, size, "Sentinel: %s \"%s\"",
                 reply->type == REDIS_REPLY_NIL ? "no master is called"
                                                : "no known answer about",
                 name);
        freeReplyObject(reply);
        return -1;
    }

    host = reply->element[0]->str;

    n = snprintf(address, address_size, strchr(host, ':') ? "[%s]:%s"
                                                          : "%s:%s",
                 host, reply->element[1]->str);

    freeReplyObject(reply);

    if (n < 0 || (size_t) n >= address_size) {
        snprintf(fault, size, "Sentinel: the address is too long");
        return -1;
    }

    return 0;
}
