
/*
 * The consumer: learns from the stream, within a millisecond, up to which row
 * the outbox is to be fanned out.
 *
 * An entry is acknowledged when the fan-out is committed.  What Redis loses,
 * the stream or the group or all of it, the sweeper finds in the outbox; so an
 * entry that comes twice, or never, makes no difference but in time.
 */


#include "skep_consumer.h"
#include "skep_dead.h"
#include "skep_fanout.h"
#include "skep_health.h"
#include "skep_log.h"
#include "skep_run.h"
#include "skep_stream.h"
#include "skep_trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


/* ms to wait for entries, and so to notice that it is time to go */
#define SKEP_CONSUMER_BLOCK  500

/* ms from one fan-out to the next: what comes meanwhile is fanned out together,
 * at an eighth of the cost of one by one */
#define SKEP_CONSUMER_REST  5

/* entries taken over at once */
#define SKEP_CONSUMER_CLAIM  100


typedef struct {
    skep_pg_t        pg;
    skep_redis_t     redis;
    skep_fanout_t    fanout;

    unsigned         connects;         /* of Redis, that were seen to */
    unsigned         history:1;        /* own entries of before come first */
    unsigned         told:1;           /* of an error of Redis */
    int64_t          claim_at;
    int64_t          read_at;
    char             name[96];         /* as which the entries were read */
    char             stream[256];

    /* what is in hand */
    skep_batch_t     batch;
    unsigned         sorted:1;
    int64_t          upto;
} skep_consumer_t;


static int64_t skep_consumer_turn(skep_consumer_t *consumer,
    const skep_conf_t *conf);
static int64_t skep_consumer_connect(skep_consumer_t *consumer,
    const skep_conf_t *conf);
static int64_t skep_consumer_read(skep_consumer_t *consumer,
    const skep_conf_t *conf);
static int64_t skep_consumer_claim(skep_consumer_t *consumer,
    const skep_conf_t *conf);
static int64_t skep_consumer_work(skep_consumer_t *consumer,
    const skep_conf_t *conf);
static void skep_consumer_sort(skep_consumer_t *consumer,
    const skep_conf_t *conf);
static int skep_consumer_bury(skep_consumer_t *consumer,
    const skep_conf_t *conf, const skep_entry_t *entry);
static int64_t skep_consumer_error(skep_consumer_t *consumer,
    const skep_conf_t *conf, redisReply *reply);


void
skep_consumer_run(void *data)
{
    int64_t             wait;
    skep_consumer_t    *consumer;
    const skep_conf_t  *conf;

    (void) data;

    consumer = calloc(1, sizeof(skep_consumer_t));

    if (consumer == NULL) {
        skep_log(SKEP_LOG_ALERT, "no memory");
        abort();
    }

    consumer->pg.up = skep_metric(UP_PG_CONSUMER);
    consumer->pg.waits = &skep_health_waits[SKEP_HEALTH_CONSUMER];
    consumer->redis.up = skep_metric(UP_REDIS_CONSUMER);
    consumer->fanout.pg = &consumer->pg;
    consumer->fanout.redis = &consumer->redis;
    consumer->fanout.events = skep_metric(EVENTS_CONSUMED);

    while (!skep_stopping()) {
        conf = skep_conf_take();
        wait = skep_consumer_turn(consumer, conf);
        skep_conf_drop(conf);

        if (wait) {
            (void) skep_pause(wait);
        }
    }

    /* without entries of its own a consumer may go for good */

    if (consumer->redis.ctx && consumer->batch.reply == NULL) {
        skep_stream_leave(&consumer->redis, consumer->stream, consumer->name);
    }

    skep_batch_clear(&consumer->batch);
    skep_redis_close(&consumer->redis);
    skep_pg_close(&consumer->pg);
    free(consumer);
}


/* a turn; the ms to wait before the next one */

static int64_t
skep_consumer_turn(skep_consumer_t *consumer, const skep_conf_t *conf)
{
    int64_t  wait;

    /* first PostgreSQL: without it entries are better left to others */

    wait = skep_pg_ready(&consumer->pg, conf);

    if (wait) {
        return wait;
    }

    if (consumer->batch.reply) {
        return skep_consumer_work(consumer, conf);
    }

    wait = skep_consumer_connect(consumer, conf);

    if (wait) {
        return wait;
    }

    if (skep_now() >= consumer->claim_at) {
        return skep_consumer_claim(consumer, conf);
    }

    /* what follows the idle is not kept waiting */

    wait = consumer->read_at - skep_now();

    return wait > 0 ? wait : skep_consumer_read(consumer, conf);
}


static int64_t
skep_consumer_connect(skep_consumer_t *consumer, const skep_conf_t *conf)
{
    int64_t  wait;

    wait = skep_redis_ready(&consumer->redis, conf);

    if (wait || consumer->connects == consumer->redis.connects) {
        return wait;
    }

    snprintf(consumer->stream, sizeof(consumer->stream), "%s", conf->stream);
    snprintf(consumer->name, sizeof(consumer->name), "%s", conf->name);

    if (skep_stream_group(&consumer->redis, consumer->stream) != 0) {
        return 1000;
    }

    /* it may have been read and not acknowledged on the connection before */

    consumer->connects = consumer->redis.connects;
    consumer->history = 1;
    consumer->claim_at = skep_now();

    return 0;
}


static int64_t
skep_consumer_read(skep_consumer_t *consumer, const skep_conf_t *conf)
{
    char                   count[24], block[24];
    redisReply            *reply;
    skep_redis_command_t   command;

    snprintf(count, sizeof(count), "%" PRId64, conf->batch);
    snprintf(block, sizeof(block), "%d", SKEP_CONSUMER_BLOCK);

    skep_redis_begin(&command, "XREADGROUP");
    skep_redis_text(&command, "GROUP");
    skep_redis_text(&command, SKEP_WIRE_GROUP);
    skep_redis_text(&command, consumer->name);
    skep_redis_text(&command, "COUNT");
    skep_redis_text(&command, count);

    if (!consumer->history) {
        skep_redis_text(&command, "BLOCK");
        skep_redis_text(&command, block);
    }

    skep_redis_text(&command, "STREAMS");
    skep_redis_text(&command, consumer->stream);
    skep_redis_text(&command, consumer->history ? "0" : ">");

    reply = skep_redis_call(&consumer->redis, &command);

    if (reply == NULL) {
        return 0;
    }

    if (reply->type == REDIS_REPLY_ERROR) {
        return skep_consumer_error(consumer, conf, reply);
    }

    consumer->told = 0;

    if (skep_batch_of_read(&consumer->batch, reply) != 0) {
        skep_log(SKEP_LOG_ALERT, "no memory, or an answer of no known form");
        return 1000;
    }

    if (consumer->batch.n == 0) {
        consumer->history = 0;
        skep_batch_clear(&consumer->batch);
        return 0;
    }

    skep_count(ENTRIES, (int64_t) consumer->batch.n);

    return skep_consumer_work(consumer, conf);
}


/* takes over what others, or it itself, have read and not acknowledged */

static int64_t
skep_consumer_claim(skep_consumer_t *consumer, const skep_conf_t *conf)
{
    int64_t      pause;
    redisReply  *reply;

    pause = conf->claim_idle / 2;
    consumer->claim_at = skep_now() + (pause > 10000 ? 10000 : pause);

    reply = skep_stream_claim(&consumer->redis, consumer->stream,
                              consumer->name, conf->claim_idle,
                              SKEP_CONSUMER_CLAIM, &consumer->batch);

    if (reply) {
        return skep_consumer_error(consumer, conf, reply);
    }

    if (consumer->batch.n == 0) {
        skep_batch_clear(&consumer->batch);
        return 0;
    }

    /* there may be more of them */

    consumer->claim_at = skep_now();
    skep_count(CLAIMED, (int64_t) consumer->batch.n);
    skep_log(SKEP_LOG_INFO, "%zu entries were taken over", consumer->batch.n);

    return skep_consumer_work(consumer, conf);
}


/* works off what is in hand; the ms to wait before it goes on */

static int64_t
skep_consumer_work(skep_consumer_t *consumer, const skep_conf_t *conf)
{
    int64_t        wait;
    skep_batch_t  *batch;

    batch = &consumer->batch;

    if (!consumer->sorted) {
        skep_consumer_sort(consumer, conf);
        consumer->sorted = 1;
    }

    if (consumer->upto) {
        wait = skep_fanout(&consumer->fanout, conf, consumer->upto);

        if (wait) {
            return wait;
        }

        /* committed: it is not to be done again */
        consumer->upto = 0;

        if ((int64_t) batch->n < conf->batch) {
            consumer->read_at = skep_now() + SKEP_CONSUMER_REST;
        }
    }

    if (skep_batch_ack(batch, &consumer->redis, consumer->stream) == 0) {
        skep_count(ACKED, (int64_t) batch->n);
    }

    skep_batch_clear(batch);
    consumer->sorted = 0;

    return 0;
}


/* puts aside what can't be worked off; finds out up to where the rest goes */

static void
skep_consumer_sort(skep_consumer_t *consumer, const skep_conf_t *conf)
{
    size_t         i;
    skep_entry_t  *entry;

    consumer->upto = 0;

    for (i = 0; i < consumer->batch.n; i++) {
        entry = &consumer->batch.entries[i];

        if (entry->times >= conf->event_tries) {
            entry->fault = "it was read too often and never done";
        }

        if (entry->fault == NULL) {
            if (entry->seq > consumer->upto) {
                consumer->upto = entry->seq;
            }

        } else if (skep_consumer_bury(consumer, conf, entry) != 0) {
            entry->id = NULL;          /* it stays, and comes again */
        }
    }
}


static int
skep_consumer_bury(skep_consumer_t *consumer, const skep_conf_t *conf,
    const skep_entry_t *entry)
{
    size_t             i;
    const char        *trace;
    skep_dead_t        dead;
    const redisReply  *fields;

    skep_dead_begin(&dead, conf);
    fields = entry->fields;
    trace = NULL;

    for (i = 0; fields && i + 1 < fields->elements; i += 2) {
        skep_dead_field(&dead, fields->element[i]->str,
                        (size_t) fields->element[i]->len,
                        fields->element[i + 1]->str,
                        (size_t) fields->element[i + 1]->len);

        if (strcmp(fields->element[i]->str, SKEP_WIRE_TRACE) == 0) {
            trace = fields->element[i + 1]->str;
        }
    }

    skep_log(SKEP_LOG_ERROR, "entry %s of the stream is put aside: %s"
             SKEP_TRACE_LOG, entry->id, entry->fault,
             skep_trace_request_id(trace));

    if (skep_dead_send(&dead, &consumer->redis, entry->fault, entry->id) != 0)
    {
        return -1;
    }

    skep_count(DEAD_ENTRIES, 1);
    return 0;
}


/* Redis refused; the ms to wait.  The group may have to be made anew. */

static int64_t
skep_consumer_error(skep_consumer_t *consumer, const skep_conf_t *conf,
    redisReply *reply)
{
    int64_t  wait;

    wait = 1000;

    if (skep_redis_is_error(reply, "NOGROUP")
        || skep_redis_is_error(reply, "UNBLOCKED"))
    {
        if (skep_stream_group(&consumer->redis, conf->stream) == 0) {
            wait = 0;
        }

    } else {
        skep_log(consumer->told ? SKEP_LOG_INFO : SKEP_LOG_ERROR,
                 "Redis: %s", reply->str);
        consumer->told = 1;
    }

    freeReplyObject(reply);
    return wait;
}
