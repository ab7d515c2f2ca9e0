
/*
 * The stream and its consumer group: entries as they are read, acknowledged,
 * taken over and trimmed.
 */


#ifndef _SKEP_STREAM_H_INCLUDED_
#define _SKEP_STREAM_H_INCLUDED_


#include "skep_redis.h"
#include "skep_wire.h"

#include <stdbool.h>


/* texts and fields are the reply's */

typedef struct {
    const char        *id;             /* NULL: not to be acknowledged */
    const redisReply  *fields;         /* name, value, ...; may be NULL */
    const char        *fault;          /* why it is of no use, or NULL */
    int64_t            seq;            /* 0 if there is none */
    int64_t            times;          /* it was delivered, if that is known */
} skep_entry_t;


typedef struct {
    redisReply        *reply;          /* NULL: there is no batch */
    redisReply        *pending;        /* further texts are this one's */
    skep_entry_t      *entries;
    size_t             n;
} skep_batch_t;


/* what is known of a stream and the workers' group */

typedef struct {
    int64_t            length;
    int64_t            lag;
    int64_t            pending;
    int64_t            trimmed;
} skep_stream_info_t;


/*
 * Makes a batch of an answer of XREADGROUP, which passes over.  0, or -1 if it
 * has another form or there is no memory; then the batch is clear.
 */
int skep_batch_of_read(skep_batch_t *batch, redisReply *reply);

/* whether it is an answer of XPENDING with entries, or with none */
bool skep_batch_is_pending(const redisReply *pending);

/*
 * Makes a batch of such an answer and of the one of XCLAIM for the ids in it,
 * which pass over.  0, or -1 as above.
 */
int skep_batch_of_claim(skep_batch_t *batch, redisReply *pending,
    redisReply *reply);

/*
 * The same of entries that have been pending for idle ms, after they were
 * claimed for the consumer.  NULL, or an error of Redis that is the caller's;
 * with a connection lost, the batch is empty.
 */
redisReply *skep_stream_claim(skep_redis_t *redis, const char *stream,
    const char *consumer, int64_t idle, int most, skep_batch_t *batch);

/*
 * Acknowledges the entries that have an id, and reads all answers that are
 * left.  0, or -1 if one was an error, or the connection was lost.
 */
int skep_batch_ack(const skep_batch_t *batch, skep_redis_t *redis,
    const char *stream);

void skep_batch_clear(skep_batch_t *batch);

/* seq of an entry's fields, which are texts; or 0 and why there is none */
int64_t skep_stream_seq(const redisReply *fields, const char **fault);


/* sees to it that stream and group are there; 0, or -1, logged */
int skep_stream_group(skep_redis_t *redis, const char *stream);

/* takes a consumer that has nothing pending out of the group */
void skep_stream_leave(skep_redis_t *redis, const char *stream,
    const char *consumer);

/*
 * Deletes the entries that every group of the stream has read and
 * acknowledged, and tells about it.  0, or -1 if it could not.
 */
int skep_stream_trim(skep_redis_t *redis, const char *stream,
    skep_stream_info_t *info);

/* drops consumers that have nothing pending and were idle for ms */
void skep_stream_tidy(skep_redis_t *redis, const char *stream, int64_t idle);


/*
 * Compares ids of entries, "ms-number": less than, equal to or more than 0.
 * An id without a number is its first.
 */
int skep_stream_id_compare(const char *a, const char *b);

/* the id that follows, in a text of that size */
void skep_stream_id_next(const char *id, char *next, size_t size);


#endif /* _SKEP_STREAM_H_INCLUDED_ */
