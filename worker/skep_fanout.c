
#include "skep_fanout.h"
#include "skep_dead.h"
#include "skep_log.h"
#include "skep_run.h"
#include "skep_sender.h"
#include "skep_sql.h"
#include "skep_trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>


#define SKEP_FANOUT_FIRST  50          /* ms, when refused or not possible */
#define SKEP_FANOUT_MOST   1000


/* the columns of notify.fan_out() */

enum {
    SEQ, N, ID, TYPE, ACTOR_ID, PROJECT_ID, TASK_ID, DATA, CREATED_AT,
    RECIPIENTS, DELIVERIES, MAILS
};


static int64_t skep_fanout_failed(skep_fanout_t *fanout, int64_t upto,
    skep_pg_status_t status);
static int64_t skep_fanout_refused(skep_fanout_t *fanout, int64_t upto);
static int skep_fanout_bury(skep_fanout_t *fanout, int64_t seq,
    const char *trace, const char *reason);
static int64_t skep_fanout_pause(skep_fanout_t *fanout);
static void skep_fanout_done(skep_fanout_t *fanout, const PGresult *res);
static int skep_fanout_publish(void *data, const char *text, size_t len);


int64_t
skep_fanout(skep_fanout_t *fanout, const skep_conf_t *conf, int64_t upto)
{
    int                rows;
    char               upto_text[24], most_text[24];
    int64_t            most;
    PGresult          *res;
    const char        *params[2];
    skep_pg_status_t   status;

    fanout->conf = conf;
    params[0] = upto_text;
    params[1] = most_text;
    snprintf(upto_text, sizeof(upto_text), "%" PRId64, upto);

    for ( ;; ) {
        most = fanout->singles ? 1 : conf->batch;
        snprintf(most_text, sizeof(most_text), "%" PRId64, most);

        res = skep_pg_exec(fanout->pg, SKEP_SQL_FAN_OUT, params, &status);
        skep_count(FANOUTS, 1);

        if (res == NULL) {
            return skep_fanout_failed(fanout, upto, status);
        }

        skep_backoff_reset(&fanout->backoff);

        /* what was appended before is sent and read by now, or soon enough */

        skep_fanout_drain(fanout);
        skep_fanout_done(fanout, res);

        rows = PQntuples(res);
        PQclear(res);

        if (fanout->singles) {
            fanout->singles--;
        }

        if (rows < most) {
            fanout->singles = 0;
            return 0;
        }

        /* on their way, while the next ones are fanned out */
        (void) skep_redis_flush(fanout->redis);

        if (skep_stopping() && skep_now() >= skep_deadline()) {
            return 1;
        }
    }
}


static int64_t
skep_fanout_failed(skep_fanout_t *fanout, int64_t upto,
    skep_pg_status_t status)
{
    skep_count(FANOUT_FAILED, 1);

    if (status == SKEP_PG_REFUSED) {
        return skep_fanout_refused(fanout, upto);
    }

    return skep_fanout_pause(fanout);
}


/*
 * The data of one of the rows are at fault.  One by one they tell which: it is
 * the first of those that are left.
 */

static int64_t
skep_fanout_refused(skep_fanout_t *fanout, int64_t upto)
{
    char               text[24], reason[sizeof(fanout->pg->fault)];
    char               trace[SKEP_TRACEPARENT_LEN + 1 + SKEP_REQUEST_ID];
    int64_t            seq;
    PGresult          *res;
    const char        *params[1];
    skep_pg_status_t   status;

    if (fanout->singles == 0) {
        skep_log(SKEP_LOG_WARN, "a batch of events was refused: %s",
                 fanout->pg->fault);
        fanout->singles = fanout->conf->batch;
        return 1;
    }

    memcpy(reason, fanout->pg->fault, sizeof(reason));
    snprintf(text, sizeof(text), "%" PRId64, upto);
    params[0] = text;

    res = skep_pg_exec(fanout->pg, SKEP_SQL_OUTBOX_HEAD, params, &status);

    if (res == NULL) {
        return skep_fanout_pause(fanout);
    }

    seq = PQntuples(res) ? skep_pg_number(res, 0, 0) : 0;
    snprintf(trace, sizeof(trace), "%s", seq ? PQgetvalue(res, 0, 1) : "");
    PQclear(res);

    if (seq == 0) {
        return 1;
    }

    if (fanout->head != seq) {
        fanout->head = seq;
        fanout->tries = 0;
    }

    fanout->tries++;

    skep_log(SKEP_LOG_WARN, "event %" PRId64 " was refused, %" PRId64
             " of %" PRId64 " times: %s" SKEP_TRACE_LOG, seq, fanout->tries,
             fanout->conf->event_tries, reason, skep_trace_request_id(trace));

    if (fanout->tries < fanout->conf->event_tries) {
        return skep_fanout_pause(fanout);
    }

    if (skep_fanout_bury(fanout, seq, trace, reason) != 0) {
        return skep_fanout_pause(fanout);
    }

    fanout->singles = 0;
    skep_backoff_reset(&fanout->backoff);

    return 1;
}


static int
skep_fanout_bury(skep_fanout_t *fanout, int64_t seq, const char *trace,
    const char *reason)
{
    int                i;
    char               text[24];
    PGresult          *res;
    const char        *params[2];
    skep_pg_status_t   status;
    skep_dead_t        dead;

    /* in the order of the statement's columns */

    static const char *const  names[] = {
        SKEP_WIRE_SEQ, SKEP_WIRE_ID, SKEP_WIRE_TYPE, SKEP_WIRE_ACTOR_ID,
        SKEP_WIRE_PROJECT_ID, SKEP_WIRE_TASK_ID, SKEP_WIRE_TIMESTAMP
    };

    snprintf(text, sizeof(text), "%" PRId64, seq);
    params[0] = text;
    params[1] = reason;

    res = skep_pg_exec(fanout->pg, SKEP_SQL_BURY, params, &status);

    if (res == NULL) {
        if (status == SKEP_PG_REFUSED) {
            skep_log(SKEP_LOG_ERROR, "event %" PRId64 " can't be buried: %s"
                     SKEP_TRACE_LOG, seq, fanout->pg->fault,
                     skep_trace_request_id(trace));
        }

        return -1;
    }

    /* another worker may have been faster */

    if (PQntuples(res)) {
        skep_count(DEAD_EVENTS, 1);
        skep_log(SKEP_LOG_ERROR, "event %" PRId64 " is put aside, see"
                 " notify.dead_events: %s" SKEP_TRACE_LOG, seq, reason,
                 skep_trace_request_id(trace));

        skep_fanout_drain(fanout);
        skep_dead_begin(&dead, fanout->conf);

        for (i = 0; i < (int) (sizeof(names) / sizeof(names[0])); i++) {
            if (!PQgetisnull(res, 0, i)) {
                skep_dead_field(&dead, names[i], strlen(names[i]),
                                PQgetvalue(res, 0, i),
                                (size_t) PQgetlength(res, 0, i));
            }
        }

        if (trace[0]) {
            skep_dead_field(&dead, SKEP_WIRE_TRACE, strlen(SKEP_WIRE_TRACE),
                            trace, strlen(trace));
        }

        (void) skep_dead_send(&dead, fanout->redis, reason, NULL);
    }

    PQclear(res);
    return 0;
}


static int64_t
skep_fanout_pause(skep_fanout_t *fanout)
{
    int64_t  wait;

    wait = skep_backoff_failed(&fanout->backoff, skep_now(), SKEP_FANOUT_FIRST,
                               SKEP_FANOUT_MOST, skep_random());

    return wait ? wait : 1;
}


static void
skep_fanout_done(skep_fanout_t *fanout, const PGresult *res)
{
    int                    i, rows, live;
    int64_t                deliveries, mails, notifications;
    skep_message_event_t   event;

    rows = PQntuples(res);
    deliveries = mails = notifications = 0;
    live = fanout->redis->ctx != NULL;

    fanout->message.sink = skep_fanout_publish;
    fanout->message.data = fanout;

    for (i = 0; i < rows; i++) {
        deliveries += skep_pg_number(res, i, DELIVERIES);
        mails += skep_pg_number(res, i, MAILS);

        if (PQgetisnull(res, i, N)) {
            continue;
        }

        event.n = skep_pg_number(res, i, N);
        event.id = PQgetvalue(res, i, ID);
        event.type = PQgetvalue(res, i, TYPE);
        event.actor_id = PQgetvalue(res, i, ACTOR_ID);
        event.project_id = PQgetvalue(res, i, PROJECT_ID);
        event.task_id = PQgetvalue(res, i, TASK_ID);
        event.created_at = PQgetvalue(res, i, CREATED_AT);
        event.data = PQgetvalue(res, i, DATA);
        event.data_len = (size_t) PQgetlength(res, i, DATA);
        event.recipients = PQgetvalue(res, i, RECIPIENTS);

        notifications += PQgetlength(res, i, RECIPIENTS)
                         / (SKEP_WIRE_UUID_LEN + 1);

        if (live && skep_message_add(&fanout->message, &event) != 0) {
            live = 0;
        }
    }

    if (live) {
        (void) skep_message_flush(&fanout->message);
    }

    /* the sender of a message that was lost is told again by the sweeper */

    fanout->message.first = 0;
    fanout->message.len = 0;

    atomic_fetch_add(fanout->events, rows);
    skep_count(NOTIFICATIONS, notifications);
    skep_count(DELIVERIES_MADE, deliveries);
    skep_count(MAILS_MADE, mails);

    if (deliveries || mails) {
        skep_sender_wake();
    }
}


/* of skep_message_t */

static int
skep_fanout_publish(void *data, const char *text, size_t len)
{
    skep_fanout_t *fanout = data;

    char                  channel[256];
    skep_redis_command_t  command;

    snprintf(channel, sizeof(channel), "%s" SKEP_WIRE_CHANNEL,
             fanout->conf->stream);

    skep_redis_begin(&command, "PUBLISH");
    skep_redis_text(&command, channel);
    skep_redis_word(&command, text, len);

    if (skep_redis_append(fanout->redis, &command) != 0) {
        return -1;
    }

    skep_count(PUBLISHED, 1);
    return 0;
}


void
skep_fanout_drain(skep_fanout_t *fanout)
{
    redisReply  *reply;

    while (fanout->redis->unread) {
        reply = skep_redis_next(fanout->redis);

        if (reply == NULL) {
            return;
        }

        if (reply->type == REDIS_REPLY_ERROR) {
            skep_log(SKEP_LOG_ERROR, "Redis: %s", reply->str);
        }

        freeReplyObject(reply);
    }
}


void
skep_fanout_tell(skep_fanout_t *fanout, const skep_conf_t *conf, int64_t n)
{
    fanout->conf = conf;
    fanout->message.sink = skep_fanout_publish;
    fanout->message.data = fanout;

    if (fanout->redis->ctx
        && skep_message_tell(&fanout->message, n, n) == 0)
    {
        skep_fanout_drain(fanout);
    }
}
