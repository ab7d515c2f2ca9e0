
#include "skep_redis.h"
#include "skep_log.h"
#include "skep_metrics.h"
#include "skep_run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>


#define SKEP_REDIS_FIRST  100          /* ms between attempts */
#define SKEP_REDIS_MOST   1000


static int skep_redis_connect(skep_redis_t *redis, const skep_conf_t *conf,
    char *fault, size_t size);
static int skep_redis_greet(skep_redis_t *redis,
    const skep_redis_command_t *command, char *fault, size_t size);
static void skep_redis_lost(skep_redis_t *redis);


int64_t
skep_redis_ready(skep_redis_t *redis, const skep_conf_t *conf)
{
    int      off;
    char     fault[256];
    int64_t  wait;

    if (redis->ctx && redis->generation != conf->generation) {
        skep_redis_close(redis);
    }

    off = strcmp(conf->redis, "off") == 0;

    if (redis->up && redis->ctx == NULL) {
        atomic_store(redis->up, off ? SKEP_METRIC_NONE : 0);
    }

    if (off) {
        return 1000;
    }

    if (redis->ctx) {
        return 0;
    }

    wait = skep_backoff_wait(&redis->backoff, skep_now());

    if (wait) {
        return wait;
    }

    if (skep_redis_connect(redis, conf, fault, sizeof(fault)) == 0) {
        if (redis->told) {
            skep_log(SKEP_LOG_NOTICE, "Redis is back");
            redis->told = 0;
        }

        skep_backoff_reset(&redis->backoff);
        redis->connects++;

        if (redis->up) {
            atomic_store(redis->up, 1);
        }

        return 0;
    }

    skep_log(redis->told ? SKEP_LOG_INFO : SKEP_LOG_ERROR, "Redis: %s", fault);
    redis->told = 1;
    skep_redis_close(redis);

    wait = skep_backoff_failed(&redis->backoff, skep_now(), SKEP_REDIS_FIRST,
                               SKEP_REDIS_MOST, skep_random());

    return wait ? wait : 1;
}


static int
skep_redis_connect(skep_redis_t *redis, const skep_conf_t *conf, char *fault,
    size_t size)
{
    int                   port;
    char                  host[256], number[24];
    struct timeval        tv;
    skep_redis_command_t  command;

    tv.tv_sec = (time_t) (conf->redis_timeout / 1000);
    tv.tv_usec = (suseconds_t) (conf->redis_timeout % 1000) * 1000;

    if (strncmp(conf->redis, "unix:", 5) == 0) {
        redis->ctx = redisConnectUnixWithTimeout(conf->redis + 5, tv);

    } else {
        (void) skep_conf_address(conf->redis, 6379, host, sizeof(host), &port);
        redis->ctx = redisConnectWithTimeout(host, port, tv);
    }

    if (redis->ctx == NULL || redis->ctx->err) {
        snprintf(fault, size, "%s: %s", conf->redis,
                 redis->ctx ? redis->ctx->errstr : "no memory");
        return -1;
    }

    redis->generation = conf->generation;
    redis->unread = 0;
    redisSetTimeout(redis->ctx, tv);

    if (conf->redis_password) {
        skep_redis_begin(&command, "AUTH");

        if (conf->redis_user) {
            skep_redis_text(&command, conf->redis_user);
        }

        skep_redis_text(&command, conf->redis_password);

        if (skep_redis_greet(redis, &command, fault, size) != 0) {
            return -1;
        }
    }

    if (conf->redis_db) {
        snprintf(number, sizeof(number), "%lld", (long long) conf->redis_db);
        skep_redis_begin(&command, "SELECT");
        skep_redis_text(&command, number);

        if (skep_redis_greet(redis, &command, fault, size) != 0) {
            return -1;
        }
    }

    /* one that is still loading its data, or asks for a password, says so */

    skep_redis_begin(&command, "PING");

    return skep_redis_greet(redis, &command, fault, size);
}


static int
skep_redis_greet(skep_redis_t *redis, const skep_redis_command_t *command,
    char *fault, size_t size)
{
    int          rc;
    redisReply  *reply;

    /* not skep_redis_call(): a failure here is one to connect */

    reply = NULL;
    rc = redisAppendCommandArgv(redis->ctx, command->n,
                                (const char **) (uintptr_t) command->words,
                                command->lens);

    if (rc == REDIS_OK) {
        rc = redisGetReply(redis->ctx, (void **) &reply);
    }

    if (rc != REDIS_OK) {
        snprintf(fault, size, "%s: %s", command->words[0],
                 redis->ctx->errstr);
        return -1;
    }

    rc = 0;

    if (reply->type == REDIS_REPLY_ERROR) {
        snprintf(fault, size, "%s: %s", command->words[0], reply->str);
        rc = -1;
    }

    freeReplyObject(reply);
    return rc;
}


void
skep_redis_close(skep_redis_t *redis)
{
    if (redis->up) {
        atomic_store(redis->up, 0);
    }

    if (redis->ctx) {
        redisFree(redis->ctx);
    }

    redis->ctx = NULL;
    redis->unread = 0;
}


void
skep_redis_begin(skep_redis_command_t *command, const char *name)
{
    command->n = 0;
    skep_redis_text(command, name);
}


void
skep_redis_word(skep_redis_command_t *command, const char *word, size_t len)
{
    if (command->n == SKEP_REDIS_WORDS) {
        skep_log(SKEP_LOG_ALERT, "a command of Redis has too many words");
        abort();
    }

    command->words[command->n] = word;
    command->lens[command->n] = len;
    command->n++;
}


void
skep_redis_text(skep_redis_command_t *command, const char *word)
{
    skep_redis_word(command, word, strlen(word));
}


redisReply *
skep_redis_call(skep_redis_t *redis, const skep_redis_command_t *command)
{
    if (skep_redis_append(redis, command) != 0) {
        return NULL;
    }

    return skep_redis_next(redis);
}


int
skep_redis_append(skep_redis_t *redis, const skep_redis_command_t *command)
{
    if (redis->ctx == NULL) {
        return -1;
    }

    if (redisAppendCommandArgv(redis->ctx, command->n,
                               (const char **) (uintptr_t) command->words,
                               command->lens)
        != REDIS_OK)
    {
        skep_redis_lost(redis);
        return -1;
    }

    redis->unread++;
    return 0;
}


int
skep_redis_flush(skep_redis_t *redis)
{
    int  done;

    if (redis->ctx == NULL) {
        return -1;
    }

    do {
        if (redisBufferWrite(redis->ctx, &done) != REDIS_OK) {
            skep_redis_lost(redis);
            return -1;
        }
    } while (!done);

    return 0;
}


redisReply *
skep_redis_next(skep_redis_t *redis)
{
    void  *reply;

    if (redis->ctx == NULL || redis->unread == 0) {
        return NULL;
    }

    reply = NULL;

    if (redisGetReply(redis->ctx, &reply) != REDIS_OK) {
        skep_redis_lost(redis);
        return NULL;
    }

    redis->unread--;
    return reply;
}


static void
skep_redis_lost(skep_redis_t *redis)
{
    skep_log(redis->told ? SKEP_LOG_INFO : SKEP_LOG_ERROR, "Redis: %s",
             redis->ctx->err == REDIS_ERR_IO && errno == EAGAIN
             ? "timed out" : redis->ctx->errstr);

    redis->told = 1;
    skep_redis_close(redis);
}


int
skep_redis_is_error(const redisReply *reply, const char *word)
{
    size_t  len;

    len = strlen(word);

    return reply->type == REDIS_REPLY_ERROR && (size_t) reply->len >= len
           && strncmp(reply->str, word, len) == 0;
}
