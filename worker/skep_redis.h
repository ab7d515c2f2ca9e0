
/*
 * A thread's connection to Redis: blocking, but never for longer than
 * redis_timeout, and it comes back by itself, with a growing delay.
 */


#ifndef _SKEP_REDIS_H_INCLUDED_
#define _SKEP_REDIS_H_INCLUDED_


#include "skep_backoff.h"
#include "skep_conf.h"

#include <hiredis/hiredis.h>
#include <stdatomic.h>


/* words of a command at most */
#define SKEP_REDIS_WORDS  128


/* a command, word by word; the words are the caller's until it was sent */

typedef struct {
    int          n;
    const char  *words[SKEP_REDIS_WORDS];
    size_t       lens[SKEP_REDIS_WORDS];
} skep_redis_command_t;


/* The owner zeroes it, and sets up; the rest is skep_redis_*()'s. */

typedef struct {
    _Atomic int64_t  *up;              /* 1 while there is one; may be NULL */

    redisContext     *ctx;
    uint64_t          generation;
    skep_backoff_t    backoff;
    unsigned          connects;        /* how often there was a new one */
    unsigned          tries;           /* which of several addresses is next */
    unsigned          unread;          /* answers of what was appended */
    unsigned          told:1;          /* that it is away */
} skep_redis_t;


/*
 * Sees to it that there is a connection, as this configuration has it.  0, or
 * the ms until the next attempt; a second if the configuration has no Redis.
 */
int64_t skep_redis_ready(skep_redis_t *redis, const skep_conf_t *conf);

/* begins a command; adds a word to it; one that ends with a NUL; a number */
void skep_redis_begin(skep_redis_command_t *command, const char *name);
void skep_redis_word(skep_redis_command_t *command, const char *word,
    size_t len);
void skep_redis_text(skep_redis_command_t *command, const char *word);

/*
 * Sends a command and waits for the answer, which is the caller's to
 * freeReplyObject(): it may be an error of Redis.  NULL, logged, if the
 * connection was lost: then it is closed.
 */
redisReply *skep_redis_call(skep_redis_t *redis,
    const skep_redis_command_t *command);

/*
 * The same in two steps, for many at once: append commands, then get as many
 * answers, in their order.  0, or -1 if the connection was lost.
 */
int skep_redis_append(skep_redis_t *redis,
    const skep_redis_command_t *command);
redisReply *skep_redis_next(skep_redis_t *redis);

/*
 * The same as a step of connecting: a failure is told in fault alone.  NULL for
 * an error of Redis, too.
 */
redisReply *skep_redis_ask(skep_redis_t *redis,
    const skep_redis_command_t *command, char *fault, size_t size);

/* sends what was appended, without a look at the answers; 0, or -1 as above */
int skep_redis_flush(skep_redis_t *redis);

/* whether an answer is an error that begins with this word */
int skep_redis_is_error(const redisReply *reply, const char *word);

/* closes the connection, if there is one */
void skep_redis_close(skep_redis_t *redis);


#endif /* _SKEP_REDIS_H_INCLUDED_ */
