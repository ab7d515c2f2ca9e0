
#include "skep_purge.h"
#include "skep_log.h"
#include "skep_metrics.h"
#include "skep_run.h"
#include "skep_sql.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>


/* ms that a turn may take, but for its last slice */
#define SKEP_PURGE_TURN  100

/* ages that a statement takes */
#define SKEP_PURGE_AGES  3


/*
 * The statement of a table takes its ages in ms, null for "keep", and how many
 * rows at most; it returns how many are gone.  One that walks through its
 * table takes in addition the key it is to begin after, of as many columns as
 * "keys" says, and returns the key it ends with, null at the end.
 */

typedef struct {
    const skep_pg_statement_t  *statement;
    _Atomic int64_t            *gone;
    unsigned                    keys;
    size_t                      ages[SKEP_PURGE_AGES];  /* in skep_conf_t */
} skep_purge_row_t;


#define AGE(name)  offsetof(skep_conf_t, purge_##name)


static int skep_purge_slice(skep_purge_t *purge, skep_pg_t *pg,
    const skep_conf_t *conf);
static void skep_purge_next(skep_purge_t *purge);


static const skep_purge_row_t *
skep_purge_rows(size_t *n)
{
    static const skep_purge_row_t  rows[] = {
        { SKEP_SQL_PURGE_SESSIONS, skep_metric(PURGED_SESSIONS), 0,
          { AGE(sessions) } },
        { SKEP_SQL_PURGE_MAIL_TOKENS, skep_metric(PURGED_MAIL_TOKENS), 0,
          { AGE(sessions) } },
        { SKEP_SQL_PURGE_IDEMPOTENCY_KEYS, skep_metric(PURGED_KEYS), 0,
          { AGE(idempotency_keys) } },
        { SKEP_SQL_PURGE_COMMENTS, skep_metric(PURGED_COMMENTS), 0,
          { AGE(tombstones) } },
        { SKEP_SQL_PURGE_TASKS, skep_metric(PURGED_TASKS), 0,
          { AGE(tombstones) } },
        { SKEP_SQL_PURGE_PROJECTS, skep_metric(PURGED_PROJECTS), 0,
          { AGE(tombstones) } },
        { SKEP_SQL_PURGE_DEPARTURES, skep_metric(PURGED_DEPARTURES), 0,
          { AGE(tombstones) } },
        { SKEP_SQL_PURGE_DELIVERIES, skep_metric(PURGED_DELIVERIES), 0,
          { AGE(deliveries) } },
        { SKEP_SQL_PURGE_MAILS, skep_metric(PURGED_MAILS), 0,
          { AGE(mails) } },
        { SKEP_SQL_PURGE_DEAD_EVENTS, skep_metric(PURGED_DEAD), 0,
          { AGE(dead) } },
        { SKEP_SQL_PURGE_INBOX, skep_metric(PURGED_INBOX), 2,
          { AGE(inbox), AGE(inbox_read), AGE(inbox_deleted) } },
        { SKEP_SQL_PURGE_EVENTS, skep_metric(PURGED_EVENTS), 1, { 0 } }
    };

    *n = sizeof(rows) / sizeof(rows[0]);
    return rows;
}


void
skep_purge(skep_purge_t *purge, skep_pg_t *pg, const skep_conf_t *conf)
{
    size_t   n;
    int64_t  until;

    /* other ages, another beginning */

    if (purge->generation != conf->generation) {
        memset(purge, 0, sizeof(skep_purge_t));
        purge->generation = conf->generation;
    }

    if (skep_now() < purge->next) {
        return;
    }

    (void) skep_purge_rows(&n);
    until = skep_now() + SKEP_PURGE_TURN;

    while (purge->row < n) {
        if (skep_purge_slice(purge, pg, conf) != 0) {
            skep_purge_next(purge);
        }

        if (pg->conn == NULL || skep_now() >= until || skep_stopping()) {
            return;
        }
    }

    skep_count(PURGES, 1);
    purge->row = 0;
    purge->next = skep_now() + conf->purge_interval;
}


/* 0 if there may be more in this table */

static int
skep_purge_slice(skep_purge_t *purge, skep_pg_t *pg, const skep_conf_t *conf)
{
    char                     text[SKEP_PURGE_AGES + 1][24];
    size_t                   rows;
    int64_t                  gone, ms;
    unsigned                 i, n, kept;
    PGresult                *res;
    const char              *params[SKEP_PURGE_AGES + 3];
    skep_pg_status_t         status;
    const skep_purge_row_t  *row;

    row = &skep_purge_rows(&rows)[purge->row];
    kept = 0;

    for (n = 0; n < SKEP_PURGE_AGES && row->ages[n]; n++) {
        ms = *(const int64_t *) (const void *)
              ((const char *) conf + row->ages[n]);

        snprintf(text[n], sizeof(text[n]), "%" PRId64, ms);
        params[n] = ms ? text[n] : NULL;
        kept += ms ? 0 : 1;
    }

    if (n && kept == n) {
        return 1;
    }

    snprintf(text[n], sizeof(text[n]), "%" PRId64, conf->purge_batch);
    params[n] = text[n];

    for (i = 0; i < row->keys; i++) {
        params[n + 1 + i] = purge->cursor[i][0] ? purge->cursor[i] : NULL;
    }

    res = skep_pg_exec(pg, row->statement, params, &status);

    if (res == NULL) {
        if (status == SKEP_PG_REFUSED) {
            skep_log(SKEP_LOG_ERROR, "PostgreSQL: %s: %s",
                     row->statement->name, pg->fault);
        }

        return 1;
    }

    gone = skep_pg_number(res, 0, 0);
    atomic_fetch_add(row->gone, gone);

    for (i = 0; i < row->keys; i++) {
        snprintf(purge->cursor[i], sizeof(purge->cursor[i]), "%s",
                 PQgetvalue(res, 0, (int) i + 1));
    }

    PQclear(res);

    return row->keys ? purge->cursor[0][0] == '\0' : gone < conf->purge_batch;
}


static void
skep_purge_next(skep_purge_t *purge)
{
    purge->row++;
    purge->cursor[0][0] = '\0';
    purge->cursor[1][0] = '\0';
}
