
/*
 * The sweeper: what is to be done again and again.  It fans out what the
 * consumer was not told of, tells live streams how far the events are, trims
 * the stream, looks at the queues and deletes what is old.
 */


#include "skep_sweeper.h"
#include "skep_fanout.h"
#include "skep_health.h"
#include "skep_log.h"
#include "skep_purge.h"
#include "skep_run.h"
#include "skep_schema.h"
#include "skep_sql.h"
#include "skep_stream.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


/* ms between looks at the stream and the queues */
#define SKEP_SWEEPER_LOOK  1000

/* consumers that were idle for so many ms are gone */
#define SKEP_SWEEPER_GONE  (3600 * 1000)


typedef struct {
    skep_pg_t        pg;
    skep_redis_t     redis;
    skep_fanout_t    fanout;
    skep_purge_t     purge;

    int64_t          look_at;
    int64_t          tidy_at;
    int64_t          n;                /* how far the events were */
    int64_t          told;             /* and how far that was told */
} skep_sweeper_t;


static int64_t skep_sweeper_turn(skep_sweeper_t *sweeper,
    const skep_conf_t *conf);
static int64_t skep_sweeper_sweep(skep_sweeper_t *sweeper,
    const skep_conf_t *conf);
static void skep_sweeper_schema(skep_sweeper_t *sweeper);
static void skep_sweeper_look(skep_sweeper_t *sweeper,
    const skep_conf_t *conf);
static void skep_sweeper_stream(skep_sweeper_t *sweeper,
    const skep_conf_t *conf);


void
skep_sweeper_run(void *data)
{
    int64_t             wait;
    skep_sweeper_t     *sweeper;
    const skep_conf_t  *conf;

    (void) data;

    sweeper = calloc(1, sizeof(skep_sweeper_t));

    if (sweeper == NULL) {
        skep_log(SKEP_LOG_ALERT, "no memory");
        abort();
    }

    sweeper->pg.up = skep_metric(UP_PG_SWEEPER);
    sweeper->pg.waits = &skep_health_waits[SKEP_HEALTH_SWEEPER];
    sweeper->redis.up = skep_metric(UP_REDIS_SWEEPER);
    sweeper->fanout.pg = &sweeper->pg;
    sweeper->fanout.redis = &sweeper->redis;
    sweeper->fanout.events = skep_metric(EVENTS_SWEPT);

    do {
        conf = skep_conf_take();
        wait = skep_sweeper_turn(sweeper, conf);
        skep_conf_drop(conf);
    } while (!skep_pause(wait));

    skep_redis_close(&sweeper->redis);
    skep_pg_close(&sweeper->pg);
    free(sweeper);
}


/* a turn; the ms to wait before the next one */

static int64_t
skep_sweeper_turn(skep_sweeper_t *sweeper, const skep_conf_t *conf)
{
    int64_t  wait;

    wait = skep_pg_ready(&sweeper->pg, conf);

    /* Redis may be away: then it is done without */

    (void) skep_redis_ready(&sweeper->redis, conf);

    if (wait == 0) {
        wait = skep_sweeper_sweep(sweeper, conf);
    }

    if (skep_now() >= sweeper->look_at) {
        sweeper->look_at = skep_now() + SKEP_SWEEPER_LOOK;
        skep_sweeper_schema(sweeper);
        skep_sweeper_look(sweeper, conf);
        skep_sweeper_stream(sweeper, conf);
    }

    if (wait) {
        return wait;
    }

    skep_purge(&sweeper->purge, &sweeper->pg, conf);

    return conf->sweep_interval;
}


/* the oldest rows, as long as there is a batch that is old */

static int64_t
skep_sweeper_sweep(skep_sweeper_t *sweeper, const skep_conf_t *conf)
{
    int                rows;
    char               most[24], after[24];
    int64_t            upto, wait;
    PGresult          *res;
    const char        *params[2];
    skep_pg_status_t   status;

    snprintf(after, sizeof(after), "%" PRId64, conf->sweep_after);
    snprintf(most, sizeof(most), "%" PRId64, conf->batch);
    params[0] = after;
    params[1] = most;

    do {
        res = skep_pg_exec(&sweeper->pg, SKEP_SQL_OUTBOX_OLD, params, &status);

        if (res == NULL) {
            return 1000;
        }

        upto = skep_pg_number(res, 0, 0);
        rows = (int) skep_pg_number(res, 0, 1);
        PQclear(res);

        if (upto == 0) {
            return 0;
        }

        wait = skep_fanout(&sweeper->fanout, conf, upto);
        skep_fanout_drain(&sweeper->fanout);

    } while (wait == 0 && rows == conf->batch && !skep_stopping());

    return wait;
}


/* at the schema: is it what this worker was built for? */

static void
skep_sweeper_schema(skep_sweeper_t *sweeper)
{
    PGresult          *res;
    const char        *params[1];
    skep_pg_status_t   status;

    if (sweeper->pg.conn == NULL) {
        skep_health_schema(SKEP_HEALTH_UNKNOWN);
        return;
    }

    params[0] = SKEP_SCHEMA;
    res = skep_pg_exec(&sweeper->pg, SKEP_SQL_IS_DEPLOYED, params, &status);

    if (res == NULL) {

        /* class 42: there is not even the function */

        skep_health_schema(strncmp(sweeper->pg.fault, "42", 2) == 0
                           ? SKEP_HEALTH_OUTDATED : SKEP_HEALTH_UNKNOWN);
        return;
    }

    skep_health_schema(PQgetvalue(res, 0, 0)[0] == 't' ? SKEP_HEALTH_DEPLOYED
                                                       : SKEP_HEALTH_OUTDATED);
    PQclear(res);
}


/* at the queues; and how far the events are */

static void
skep_sweeper_look(skep_sweeper_t *sweeper, const skep_conf_t *conf)
{
    int64_t            n;
    PGresult          *res;
    skep_pg_status_t   status;

    res = NULL;

    if (sweeper->pg.conn) {
        res = skep_pg_exec(&sweeper->pg, SKEP_SQL_QUEUES, NULL, &status);
        skep_gauge(MIGRATED, res != NULL);
    }

    /* old numbers would say that all is well */

    if (res == NULL) {
        skep_gauge(OUTBOX_ROWS, SKEP_METRIC_NONE);
        skep_gauge(OUTBOX_AGE, SKEP_METRIC_NONE);
        skep_gauge(DELIVERIES_PENDING, SKEP_METRIC_NONE);
        skep_gauge(MAILS_PENDING, SKEP_METRIC_NONE);
        return;
    }

    n = skep_pg_number(res, 0, 0);
    skep_gauge(OUTBOX_ROWS, skep_pg_number(res, 0, 1));
    skep_gauge(OUTBOX_AGE, skep_pg_number(res, 0, 2));
    skep_gauge(DELIVERIES_PENDING, skep_pg_number(res, 0, 3));
    skep_gauge(MAILS_PENDING, skep_pg_number(res, 0, 4));
    PQclear(res);

    /*
     * A message may have been lost, with the worker that was to publish it.
     * What is told is how far the events were at the last look: messages that
     * are just on their way are not overtaken.
     */

    if (sweeper->n > sweeper->told && sweeper->redis.ctx) {
        skep_fanout_tell(&sweeper->fanout, conf, sweeper->n);

        if (sweeper->redis.ctx) {
            sweeper->told = sweeper->n;
        }
    }

    sweeper->n = n;
}


static void
skep_sweeper_stream(skep_sweeper_t *sweeper, const skep_conf_t *conf)
{
    skep_stream_info_t  info;

    if (sweeper->redis.ctx == NULL
        || skep_stream_trim(&sweeper->redis, conf->stream, &info) != 0)
    {
        skep_gauge(STREAM_LENGTH, SKEP_METRIC_NONE);
        skep_gauge(STREAM_LAG, SKEP_METRIC_NONE);
        skep_gauge(STREAM_PENDING, SKEP_METRIC_NONE);
        return;
    }

    skep_gauge(STREAM_LENGTH, info.length);
    skep_gauge(STREAM_LAG, info.lag);
    skep_gauge(STREAM_PENDING, info.pending);
    skep_count(TRIMMED, info.trimmed);

    if (skep_now() >= sweeper->tidy_at) {
        sweeper->tidy_at = skep_now() + SKEP_SWEEPER_GONE / 60;
        skep_stream_tidy(&sweeper->redis, conf->stream, SKEP_SWEEPER_GONE);
    }
}
