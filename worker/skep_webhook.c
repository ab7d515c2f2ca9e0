
#include "skep_webhook.h"
#include "skep_log.h"
#include "skep_metrics.h"
#include "skep_run.h"
#include "skep_schedule.h"
#include "skep_sql.h"
#include "skep_text.h"
#include "skep_trace.h"
#include "skep_webhook_send.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


/* nobody is granted a longer pause, ms */
#define SKEP_WEBHOOK_ASKED  (6 * 3600 * INT64_C(1000))

/* between a row's being due and the look for it, ms */
#define SKEP_WEBHOOK_LATER  20


/* columns of webhook_claim */

enum {
    COLUMN_ID,
    COLUMN_WEBHOOK,
    COLUMN_EVENT,
    COLUMN_ATTEMPT,
    COLUMN_FAILING,
    COLUMN_LEASE,
    COLUMN_URL,
    COLUMN_SECRET,
    COLUMN_OLD_SECRET,
    COLUMN_BODY,
    COLUMN_TRACE
};


/* a ring of deliveries, by an element that is none */

typedef struct {
    skep_webhook_send_t     head;
    unsigned                n;
} skep_webhook_ring_t;


typedef struct {
    skep_channel_t          channel;       /* the first */
    uint64_t                generation;    /* of the configuration */
    skep_webhook_reach_t    reach;
    skep_schedule_t         schedule;

    skep_webhook_ring_t     inflight;
    skep_webhook_ring_t     ended;         /* to be recorded */
    unsigned                nfailing;      /* of those in flight */
} skep_webhook_t;


static int skep_webhook_configure(skep_webhook_t *w, const skep_conf_t *conf);
static int skep_webhook_claim(skep_channel_t *channel, skep_pg_t *pg,
    const skep_conf_t *conf, unsigned room);
static char *skep_webhook_busy(const skep_webhook_t *w);
static int skep_webhook_start(skep_webhook_t *w, const skep_conf_t *conf,
    const PGresult *res, int row);
static int skep_webhook_request(skep_webhook_t *w, skep_webhook_send_t *s,
    const skep_conf_t *conf, const PGresult *res, int row);
static void skep_webhook_done(skep_channel_t *channel, skep_send_t *send,
    CURLcode code);
static int skep_webhook_record(skep_channel_t *channel, skep_pg_t *pg,
    const skep_conf_t *conf);
static int skep_webhook_record_each(skep_webhook_t *w, skep_pg_t *pg,
    const skep_conf_t *conf);
static skep_pg_status_t skep_webhook_write(skep_pg_t *pg,
    const skep_conf_t *conf, json_t *outcomes);
static json_t *skep_webhook_outcome(skep_webhook_t *w,
    const skep_webhook_send_t *s);
static int64_t skep_webhook_pause(const skep_webhook_t *w,
    const skep_webhook_send_t *s);
static void skep_webhook_recorded(skep_webhook_t *w, skep_webhook_send_t *s);
static void skep_webhook_destroy(skep_channel_t *channel);
static void skep_webhook_ring_init(skep_webhook_ring_t *ring);
static void skep_webhook_ring_add(skep_webhook_ring_t *ring,
    skep_webhook_send_t *s);
static void skep_webhook_ring_remove(skep_webhook_ring_t *ring,
    skep_webhook_send_t *s);


skep_channel_t *
skep_webhook_create(const skep_conf_t *conf)
{
    skep_webhook_t  *w;

    w = calloc(1, sizeof(*w));

    if (w == NULL) {
        return NULL;
    }

    w->channel.name = "webhook";
    w->channel.claim = skep_webhook_claim;
    w->channel.done = skep_webhook_done;
    w->channel.record = skep_webhook_record;
    w->channel.destroy = skep_webhook_destroy;

    skep_webhook_ring_init(&w->inflight);
    skep_webhook_ring_init(&w->ended);

    if (skep_webhook_configure(w, conf) != 0) {
        free(w);
        return NULL;
    }

    return &w->channel;
}


/* what the configuration says, which was checked, in the form needed here */

static int
skep_webhook_configure(skep_webhook_t *w, const skep_conf_t *conf)
{
    size_t         i, n;
    skep_range_t  *allowed;

    if (w->generation == conf->generation && w->reach.allowed) {
        return 0;
    }

    n = conf->webhook_allow_address.n;
    allowed = calloc(n + 1, sizeof(*allowed));

    if (allowed == NULL) {
        return -1;
    }

    for (i = 0; i < n; i++) {
        (void) skep_range_parse(conf->webhook_allow_address.items[i],
                                &allowed[i]);
    }

    free(w->reach.allowed);
    w->reach.allowed = allowed;
    w->reach.nallowed = n;

    (void) skep_schedule_parse(conf->webhook_schedule, &w->schedule);

    w->channel.most = (unsigned) conf->webhook_concurrency;
    w->generation = conf->generation;

    return 0;
}


static int
skep_webhook_claim(skep_channel_t *channel, skep_pg_t *pg,
    const skep_conf_t *conf, unsigned room)
{
    int                row, nrows, again;
    char               most[16], each[16], frail[16], lease[32], *busy;
    unsigned           reserved;
    PGresult          *res;
    const char        *params[5];
    skep_webhook_t    *w;
    skep_pg_status_t   status;

    w = (skep_webhook_t *) channel;

    if (skep_webhook_configure(w, conf) != 0) {
        return -1;
    }

    /* a quarter is always there for those that do not fail */
    reserved = (channel->most * 3 + 3) / 4;

    snprintf(most, sizeof(most), "%u", room);
    snprintf(each, sizeof(each), "%u", (unsigned) conf->webhook_per_endpoint);
    snprintf(frail, sizeof(frail), "%u",
             reserved > w->nfailing ? reserved - w->nfailing : 0);
    snprintf(lease, sizeof(lease), "%lld ms", (long long) conf->webhook_lease);

    busy = skep_webhook_busy(w);

    if (busy == NULL) {
        return -1;
    }

    params[0] = most;
    params[1] = each;
    params[2] = frail;
    params[3] = busy;
    params[4] = lease;

    res = skep_pg_exec(pg, SKEP_SQL_WEBHOOK_CLAIM, params, &status);
    free(busy);

    if (res == NULL) {
        if (status == SKEP_PG_REFUSED) {
            skep_log(SKEP_LOG_ERROR, "webhook_claim: %s", pg->fault);
        }

        return -1;
    }

    nrows = PQntuples(res);
    again = 0;

    for (row = 0; row < nrows; row++) {
        again |= skep_webhook_start(w, conf, res, row);
    }

    PQclear(res);

    return again;
}


/* the webhooks of those in flight, as an array of PostgreSQL's */

static char *
skep_webhook_busy(const skep_webhook_t *w)
{
    char                       *text, *p;
    const skep_webhook_send_t  *s;

    text = malloc(w->inflight.n * SKEP_WEBHOOK_UUID + 3);

    if (text == NULL) {
        return NULL;
    }

    p = text;
    *p++ = '{';

    for (s = w->inflight.head.next; s != &w->inflight.head; s = s->next) {
        if (p != text + 1) {
            *p++ = ',';
        }

        memcpy(p, s->webhook, SKEP_WEBHOOK_UUID - 1);
        p += SKEP_WEBHOOK_UUID - 1;
    }

    *p++ = '}';
    *p = '\0';

    return text;
}


/*
 * Starts a delivery.  One that can't be, for want of memory, is left to its
 * lease.  Returns 1 if the row is none to be sent: it stood in the way of
 * others.
 */

static int
skep_webhook_start(skep_webhook_t *w, const skep_conf_t *conf,
    const PGresult *res, int row)
{
    skep_webhook_send_t  *s;

    if (PQgetisnull(res, row, COLUMN_URL)) {
        skep_count(DELIVERIES_FAILED, 1);
        return 1;
    }

    s = calloc(1, sizeof(*s));

    if (s == NULL) {
        return 0;
    }

    snprintf(s->id, sizeof(s->id), "%s", PQgetvalue(res, row, COLUMN_ID));
    snprintf(s->webhook, sizeof(s->webhook), "%s",
             PQgetvalue(res, row, COLUMN_WEBHOOK));
    snprintf(s->lease, sizeof(s->lease), "%s",
             PQgetvalue(res, row, COLUMN_LEASE));

    snprintf(s->request_id, sizeof(s->request_id), "%s",
             skep_trace_request_id(PQgetvalue(res, row, COLUMN_TRACE)));

    s->attempt = (unsigned) skep_pg_number(res, row, COLUMN_ATTEMPT);
    s->failing = (PQgetvalue(res, row, COLUMN_FAILING)[0] == 't');

    if (skep_webhook_request(w, s, conf, res, row) != 0) {
        skep_log(SKEP_LOG_ERROR, "delivery %s: no memory" SKEP_TRACE_LOG,
                 s->id, s->request_id);
        free(s);
        return 0;
    }

    skep_webhook_ring_add(&w->inflight, s);
    w->nfailing += s->failing;

    (void) skep_sender_start(&w->channel, &s->send);

    return 0;
}


static int
skep_webhook_request(skep_webhook_t *w, skep_webhook_send_t *s,
    const skep_conf_t *conf, const PGresult *res, int row)
{
    int                      rc;
    size_t                   i;
    unsigned char           *secrets[2];
    skep_webhook_request_t   request;

    static const int  columns[] = { COLUMN_SECRET, COLUMN_OLD_SECRET };

    request.url = PQgetvalue(res, row, COLUMN_URL);
    request.event_id = PQgetvalue(res, row, COLUMN_EVENT);
    request.body = PQgetvalue(res, row, COLUMN_BODY);
    request.body_len = (size_t) PQgetlength(res, row, COLUMN_BODY);
    request.trace = PQgetvalue(res, row, COLUMN_TRACE);

    rc = 0;

    for (i = 0; i < 2; i++) {
        secrets[i] = NULL;

        if (!PQgetisnull(res, row, columns[i])) {
            secrets[i] = PQunescapeBytea(
                             (unsigned char *) PQgetvalue(res, row, columns[i]),
                             &request.secrets[i].len);
            rc = secrets[i] ? rc : -1;
        }

        request.secrets[i].bytes = secrets[i];
    }

    if (rc == 0) {
        rc = skep_webhook_send_init(s, conf, &w->reach, &request);
    }

    PQfreemem(secrets[0]);
    PQfreemem(secrets[1]);

    return rc;
}


static void
skep_webhook_done(skep_channel_t *channel, skep_send_t *send, CURLcode code)
{
    skep_webhook_t       *w;
    skep_webhook_send_t  *s;

    w = (skep_webhook_t *) channel;
    s = (skep_webhook_send_t *) send;

    skep_webhook_ring_remove(&w->inflight, s);
    w->nfailing -= s->failing;

    skep_webhook_send_done(s, code);

    /* it was not sent: the lease brings it back */

    if (code == CURLE_ABORTED_BY_CALLBACK) {
        free(s);
        return;
    }

    skep_webhook_ring_add(&w->ended, s);
}


static int
skep_webhook_record(skep_channel_t *channel, skep_pg_t *pg,
    const skep_conf_t *conf)
{
    json_t               *outcomes;
    skep_webhook_t       *w;
    skep_pg_status_t      status;
    skep_webhook_send_t  *s;

    w = (skep_webhook_t *) channel;

    if (w->ended.n == 0) {
        return 0;
    }

    outcomes = json_array();

    for (s = w->ended.head.next; s != &w->ended.head; s = s->next) {
        (void) json_array_append_new(outcomes, skep_webhook_outcome(w, s));
    }

    status = skep_webhook_write(pg, conf, outcomes);

    if (status == SKEP_PG_REFUSED) {
        return skep_webhook_record_each(w, pg, conf);
    }

    if (status != SKEP_PG_OK) {
        return -1;
    }

    while (w->ended.n) {
        skep_webhook_recorded(w, w->ended.head.next);
    }

    return 0;
}


/* one that is refused must not take the others with it */

static int
skep_webhook_record_each(skep_webhook_t *w, skep_pg_t *pg,
    const skep_conf_t *conf)
{
    skep_pg_status_t      status;
    skep_webhook_send_t  *s;

    while (w->ended.n) {
        s = w->ended.head.next;

        status = skep_webhook_write(pg, conf,
                                    json_pack("[o]",
                                              skep_webhook_outcome(w, s)));

        if (status == SKEP_PG_AGAIN) {
            return -1;
        }

        if (status == SKEP_PG_REFUSED) {
            skep_log(SKEP_LOG_ERROR, "delivery %s can't be recorded: %s"
                     SKEP_TRACE_LOG, s->id, pg->fault, s->request_id);
        }

        skep_webhook_recorded(w, s);
    }

    return 0;
}


/* takes the array over */

static skep_pg_status_t
skep_webhook_write(skep_pg_t *pg, const skep_conf_t *conf, json_t *outcomes)
{
    int                row;
    char              *text, after[32];
    PGresult          *res;
    const char        *params[2];
    skep_pg_status_t   status;

    text = json_dumps(outcomes, JSON_COMPACT);
    json_decref(outcomes);

    if (text == NULL) {
        return SKEP_PG_AGAIN;
    }

    snprintf(after, sizeof(after), "%lld ms",
             (long long) conf->webhook_disable_after);

    params[0] = text;
    params[1] = after;

    res = skep_pg_exec(pg, SKEP_SQL_WEBHOOK_RECORD, params, &status);
    free(text);

    if (res == NULL) {
        return status;
    }

    for (row = 0; row < PQntuples(res); row++) {
        skep_log(SKEP_LOG_NOTICE, "webhook %s is disabled: %s",
                 PQgetvalue(res, row, 0), PQgetvalue(res, row, 1));
    }

    skep_count(WEBHOOKS_DISABLED, PQntuples(res));
    PQclear(res);

    return SKEP_PG_OK;
}


static json_t *
skep_webhook_outcome(skep_webhook_t *w, const skep_webhook_send_t *s)
{
    char      body[SKEP_WEBHOOK_ANSWER + 1];
    json_t   *outcome;
    int64_t   pause;

    (void) skep_text_utf8(body, sizeof(body), s->answer, s->answer_len);

    outcome = json_pack("{s:s, s:s, s:s, s:b, s:b, s:I, s:s?}",
                        "id", s->id, "webhook", s->webhook,
                        "lease", s->lease, "delivered", s->delivered,
                        "gone", s->gone, "duration",
                        (json_int_t) s->duration, "error", s->error);

    if (s->status) {
        (void) json_object_set_new(outcome, "status", json_integer(s->status));
        (void) json_object_set_new(outcome, "body", json_string(body));
    }

    pause = skep_webhook_pause(w, s);

    if (pause != -1) {
        (void) json_object_set_new(outcome, "pause", json_integer(pause));

        /* the database's clock starts later than this one */
        skep_sender_look(pause + SKEP_WEBHOOK_LATER);
    }

    return outcome;
}


/* -1: there is no further attempt */

static int64_t
skep_webhook_pause(const skep_webhook_t *w, const skep_webhook_send_t *s)
{
    if (s->delivered || s->gone) {
        return -1;
    }

    return skep_schedule_pause(&w->schedule, s->attempt, s->asked,
                               SKEP_WEBHOOK_ASKED, skep_random());
}


static void
skep_webhook_recorded(skep_webhook_t *w, skep_webhook_send_t *s)
{
    const char        *end;
    skep_log_level_t   level;

    level = SKEP_LOG_INFO;

    if (s->delivered) {
        skep_count(DELIVERIES_DELIVERED, 1);
        end = "delivered";

    } else if (s->gone || s->attempt > w->schedule.n) {
        skep_count(DELIVERIES_FAILED, 1);
        end = "given up";
        level = SKEP_LOG_NOTICE;

    } else {
        skep_count(DELIVERIES_RETRIED, 1);
        end = "to be tried again";
    }

    skep_log(level, "delivery %s to webhook %s, attempt %u: %s, status %ld%s%s"
             SKEP_TRACE_LOG, s->id, s->webhook, s->attempt, end, s->status,
             s->error ? ", " : "", s->error ? s->error : "", s->request_id);

    skep_webhook_ring_remove(&w->ended, s);
    free(s);
}


static void
skep_webhook_destroy(skep_channel_t *channel)
{
    skep_webhook_t       *w;
    skep_webhook_send_t  *s;

    w = (skep_webhook_t *) channel;

    while (w->ended.n) {
        s = w->ended.head.next;
        skep_webhook_ring_remove(&w->ended, s);
        free(s);
    }

    free(w->reach.allowed);
    free(w);
}


static void
skep_webhook_ring_init(skep_webhook_ring_t *ring)
{
    ring->head.next = &ring->head;
    ring->head.prev = &ring->head;
}


static void
skep_webhook_ring_add(skep_webhook_ring_t *ring, skep_webhook_send_t *s)
{
    s->prev = ring->head.prev;
    s->next = &ring->head;
    s->prev->next = s;
    s->next->prev = s;

    ring->n++;
}


static void
skep_webhook_ring_remove(skep_webhook_ring_t *ring, skep_webhook_send_t *s)
{
    s->prev->next = s->next;
    s->next->prev = s->prev;

    ring->n--;
}
