
#include "skep_redis.h"
#include "skep_log.h"
#include "skep_metrics.h"
#include "skep_run.h"
#include "skep_sentinel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#if (HIREDIS_MAJOR < 1)
#include <hiredis/sds.h>
#endif


#define SKEP_REDIS_FIRST  100          /* ms between attempts */
#define SKEP_REDIS_MOST   1000

#define SKEP_REDIS_PORT     6379
#define SKEP_SENTINEL_PORT  26379
#define SKEP_REDIS_ADDRESS  256


static int skep_redis_connect(skep_redis_t *redis, const skep_conf_t *conf,
    char *fault, size_t size);
static int skep_redis_open(skep_redis_t *redis, const skep_conf_t *conf,
    const char *address, int port, char *fault, size_t size);
static int skep_redis_greet(skep_redis_t *redis, const char *user,
    const char *password, char *fault, size_t size);
static int skep_redis_role(skep_redis_t *redis, const char *address,
    char *fault, size_t size);
static int skep_redis_select(skep_redis_t *redis, int64_t db, char *fault,
    size_t size);
static int skep_redis_write(redisContext *ctx, int *done);
static int skep_redis_done(redisReply *reply);
static void skep_redis_demoted(skep_redis_t *redis);
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


/* to Redis; or to a Sentinel, and then to where that says Redis is */

static int
skep_redis_connect(skep_redis_t *redis, const skep_conf_t *conf, char *fault,
    size_t size)
{
    char  address[SKEP_REDIS_ADDRESS];

    (void) skep_conf_pick(conf->redis, redis->tries, address,
                          sizeof(address));

    redis->tries++;

    if (conf->redis_sentinel) {
        if (skep_redis_open(redis, conf, address, SKEP_SENTINEL_PORT, fault,
                            size)
            != 0
            || skep_redis_greet(redis, NULL, conf->redis_sentinel_password,
                                fault, size)
               != 0
            || skep_sentinel_ask(redis, conf->redis_sentinel, address,
                                 sizeof(address), fault, size)
               != 0)
        {
            return -1;
        }

        skep_redis_close(redis);
    }

    if (skep_redis_open(redis, conf, address, SKEP_REDIS_PORT, fault, size)
        != 0
        || skep_redis_greet(redis, conf->redis_user, conf->redis_password,
                            fault, size)
           != 0
        || skep_redis_select(redis, conf->redis_db, fault, size) != 0
        || skep_redis_role(redis, address, fault, size) != 0)
    {
        return -1;
    }

    redis->generation = conf->generation;

    /* that Sentinel knew where, and is asked again the next time */

    redis->tries -= (conf->redis_sentinel != NULL);

    return 0;
}


/* HOST, HOST:PORT or unix:PATH */

static int
skep_redis_open(skep_redis_t *redis, const skep_conf_t *conf,
    const char *address, int port, char *fault, size_t size)
{
    char            host[SKEP_REDIS_ADDRESS];
    struct timeval  tv;

    tv.tv_sec = (time_t) (conf->redis_timeout / 1000);
    tv.tv_usec = (suseconds_t) (conf->redis_timeout % 1000) * 1000;

    if (strncmp(address, "unix:", 5) == 0) {
        redis->ctx = redisConnectUnixWithTimeout(address + 5, tv);

    } else {
        (void) skep_conf_address(address, port, host, sizeof(host), &port);
        redis->ctx = redisConnectWithTimeout(host, port, tv);
    }

    if (redis->ctx == NULL || redis->ctx->err) {
        snprintf(fault, size, "%s: %s", address,
                 redis->ctx ? redis->ctx->errstr : "no memory");
        return -1;
    }

    redis->unread = 0;
    redisSetTimeout(redis->ctx, tv);

    return 0;
}


/* user and password may be NULL */

static int
skep_redis_greet(skep_redis_t *redis, const char *user, const char *password,
    char *fault, size_t size)
{
    skep_redis_command_t  command;

    if (password == NULL) {
        return 0;
    }

    skep_redis_begin(&command, "AUTH");

    if (user) {
        skep_redis_text(&command, user);
    }

    skep_redis_text(&command, password);

    return skep_redis_done(skep_redis_ask(redis, &command, fault, size));
}


/*
 * Whether it is a master: Sentinels may know one from before, and without them
 * an address may have passed to a replica, which takes all but writes.
 */

static int
skep_redis_role(skep_redis_t *redis, const char *address, char *fault,
    size_t size)
{
    int                    rc;
    size_t                 i;
    redisReply            *reply;
    const redisReply      *name, *value;
    skep_redis_command_t   command;

    /* ROLE would tell as well, but is denied to users of restricted ACLs */

    skep_redis_begin(&command, "HELLO");
    skep_redis_text(&command, "2");

    reply = skep_redis_ask(redis, &command, fault, size);

    if (reply == NULL) {
        return -1;
    }

    rc = -1;

    for (i = 0; reply->type == REDIS_REPLY_ARRAY && i + 1 < reply->elements;
         i += 2)
    {
        name = reply->element[i];
        value = reply->element[i + 1];

        if (name->type == REDIS_REPLY_STRING
            && value->type == REDIS_REPLY_STRING
            && strcmp(name->str, "role") == 0
            && strcmp(value->str, "master") == 0)
        {
            rc = 0;
        }
    }

    freeReplyObject(reply);

    if (rc != 0) {
        snprintf(fault, size, "%.200s: it is no master", address);
    }

    return rc;
}


static int
skep_redis_select(skep_redis_t *redis, int64_t db, char *fault, size_t size)
{
    char                  number[24];
    skep_redis_command_t  command;

    if (db) {
        snprintf(number, sizeof(number), "%lld", (long long) db);
        skep_redis_begin(&command, "SELECT");
        skep_redis_text(&command, number);

        if (skep_redis_done(skep_redis_ask(redis, &command, fault, size))
            != 0)
        {
            return -1;
        }
    }

    /* one that is still loading its data, or asks for a password, says so */

    skep_redis_begin(&command, "PING");

    return skep_redis_done(skep_redis_ask(redis, &command, fault, size));
}


static int
skep_redis_done(redisReply *reply)
{
    if (reply == NULL) {
        return -1;
    }

    freeReplyObject(reply);
    return 0;
}


redisReply *
skep_redis_ask(skep_redis_t *redis, const skep_redis_command_t *command,
    char *fault, size_t size)
{
    int          rc, done;
    redisReply  *reply;

    /* not skep_redis_call(): a failure here is one to connect */

    done = 0;
    reply = NULL;
    rc = redisAppendCommandArgv(redis->ctx, command->n,
                                (const char **) (uintptr_t) command->words,
                                command->lens);

    while (rc == REDIS_OK && !done) {
        rc = skep_redis_write(redis->ctx, &done);
    }

    if (rc == REDIS_OK) {
        rc = redisGetReply(redis->ctx, (void **) &reply);
    }

    if (rc != REDIS_OK) {
        snprintf(fault, size, "%s: %s", command->words[0],
                 redis->ctx->errstr);
        return NULL;
    }

    if (reply->type == REDIS_REPLY_ERROR) {
        snprintf(fault, size, "%s: %s", command->words[0], reply->str);
        freeReplyObject(reply);
        return NULL;
    }

    return reply;
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


#if (HIREDIS_MAJOR < 1)

/* redisBufferWrite() takes a new buffer when the old one is sent, and does not
 * look whether it got one: here the old one is emptied */

static int
skep_redis_write(redisContext *ctx, int *done)
{
    ssize_t  n;

    if (sdslen(ctx->obuf) == 0) {
        *done = 1;
        return REDIS_OK;
    }

    n = send(ctx->fd, ctx->obuf, sdslen(ctx->obuf), MSG_NOSIGNAL);

    if (n == -1 && errno != EINTR) {
        ctx->err = REDIS_ERR_IO;
        (void) snprintf(ctx->errstr, sizeof(ctx->errstr), "%s",
                        strerror(errno));
        return REDIS_ERR;
    }

    if (n > 0) {
        sdsrange(ctx->obuf, (int) n, -1);
    }

    *done = (sdslen(ctx->obuf) == 0);

    return REDIS_OK;
}

#else

static int
skep_redis_write(redisContext *ctx, int *done)
{
    return redisBufferWrite(ctx, done);
}

#endif


int
skep_redis_flush(skep_redis_t *redis)
{
    int  done;

    if (redis->ctx == NULL) {
        return -1;
    }

    do {
        if (skep_redis_write(redis->ctx, &done) != REDIS_OK) {
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

    if (skep_redis_flush(redis) != 0) {
        return NULL;
    }

    if (redisGetReply(redis->ctx, &reply) != REDIS_OK) {
        skep_redis_lost(redis);
        return NULL;
    }

    redis->unread--;

    if (skep_redis_is_error(reply, "READONLY")) {
        skep_redis_demoted(redis);
    }

    return reply;
}


/* it takes connections, but no writes any more: the master is elsewhere */

static void
skep_redis_demoted(skep_redis_t *redis)
{
    skep_log(redis->told ? SKEP_LOG_INFO : SKEP_LOG_ERROR,
             "Redis: it is a replica now");

    redis->told = 1;
    skep_redis_close(redis);
    (void) skep_backoff_failed(&redis->backoff, skep_now(), SKEP_REDIS_MOST,
                               SKEP_REDIS_MOST, skep_random());
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
