
#include "skep_pg.h"
#include "skep_log.h"
#include "skep_run.h"
#include "skep_sql.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define SKEP_PG_FIRST  100             /* ms between attempts */
#define SKEP_PG_MOST   2000


#define SKEP_PG_DEFAULTS                                                      \
    (sizeof(skep_pg_defaults) / sizeof(skep_pg_defaults[0]))


/* what the operator may say otherwise; a server that vanished is noticed by TCP
 * long before a statement has taken too long */

static const struct {
    const char  *name;
    const char  *value;
} skep_pg_defaults[] = {
    { "application_name", "skep-worker" },
    { "target_session_attrs", "primary" },
    { "keepalives_idle", "1" },
    { "keepalives_interval", "1" },
    { "keepalives_count", "2" },
    { "tcp_user_timeout", "3000" }
};


static int skep_pg_connect(skep_pg_t *pg, const skep_conf_t *conf);
static int skep_pg_set(skep_pg_t *pg, const skep_conf_t *conf);
static int skep_pg_prepare(skep_pg_t *pg,
    const skep_pg_statement_t *statement, skep_pg_status_t *status);
static PGresult *skep_pg_result(skep_pg_t *pg, const char *name,
    skep_pg_status_t *status);
static int skep_pg_wait(skep_pg_t *pg);
static void skep_pg_waits(skep_pg_t *pg, int64_t since);
static void skep_pg_fault(skep_pg_t *pg);
static PGresult *skep_pg_failed(skep_pg_t *pg, const char *name,
    PGresult *res, skep_pg_status_t *status);
static int skep_pg_useless(const char *sqlstate);
static skep_pg_status_t skep_pg_status(const char *sqlstate);


int64_t
skep_pg_ready(skep_pg_t *pg, const skep_conf_t *conf)
{
    int64_t           wait;
    skep_log_level_t  level;

    if (pg->generation != conf->generation) {
        skep_pg_close(pg);
        memset(&pg->order, 0, sizeof(skep_pg_order_t));
        pg->generation = conf->generation;
    }

    if (pg->conn) {
        return 0;
    }

    wait = skep_backoff_wait(&pg->backoff, skep_now());

    if (wait) {
        return wait;
    }

    level = pg->backoff.failures ? SKEP_LOG_INFO : SKEP_LOG_ERROR;

    if (skep_pg_connect(pg, conf) == 0) {
        if (pg->backoff.failures) {
            skep_log(SKEP_LOG_NOTICE, "PostgreSQL is back");
        }

        skep_backoff_reset(&pg->backoff);

        if (pg->up) {
            atomic_store(pg->up, 1);
        }

        return 0;
    }

    skep_log(level, "PostgreSQL: %s", pg->fault);
    skep_pg_close(pg);

    wait = skep_backoff_failed(&pg->backoff, skep_now(), SKEP_PG_FIRST,
                               SKEP_PG_MOST, skep_random());

    return wait ? wait : 1;
}


static int
skep_pg_connect(skep_pg_t *pg, const skep_conf_t *conf)
{
    char         seconds[24];
    unsigned     n, list;
    const char  *names[SKEP_PG_DEFAULTS + 8], *values[SKEP_PG_DEFAULTS + 8];

    snprintf(seconds, sizeof(seconds), "%lld",
             (long long) (conf->pg_connect_timeout + 999) / 1000);

    n = 0;

    /* the operator's text overrides what stands before it */

    for ( /* void */ ; n < SKEP_PG_DEFAULTS; n++) {
        names[n] = skep_pg_defaults[n].name;
        values[n] = skep_pg_defaults[n].value;
    }

    names[n] = "connect_timeout";
    values[n++] = seconds;

    names[n] = "dbname";
    values[n++] = conf->pg;

    /* and what stands behind it that */

    for (list = 0; list < SKEP_PG_ORDER_LISTS; list++) {
        if (pg->order.lists[list][0]) {
            names[n] = skep_pg_order_names[list];
            values[n++] = pg->order.lists[list];
        }
    }

    names[n] = "client_encoding";
    values[n++] = "UTF8";

    if (conf->pg_password) {
        names[n] = "password";
        values[n++] = conf->pg_password;
    }

    names[n] = NULL;
    values[n] = NULL;

    pg->timeout = conf->pg_timeout;
    pg->prepared = calloc(SKEP_SQL_N, 1);
    pg->conn = PQconnectdbParams(names, values, 1);

    if (pg->conn == NULL || pg->prepared == NULL) {
        snprintf(pg->fault, sizeof(pg->fault), "no memory");
        return -1;
    }

    if (PQstatus(pg->conn) != CONNECTION_OK) {
        skep_pg_fault(pg);
        return -1;
    }

    return skep_pg_set(pg, conf);
}


/* the settings of a session */

static int
skep_pg_set(skep_pg_t *pg, const skep_conf_t *conf)
{
    char              text[256];
    PGresult         *res;
    skep_pg_status_t  status;

    snprintf(text, sizeof(text),
             "SET statement_timeout = %lld; SET timezone = 'UTC';"
              " SET synchronous_commit = %s; SET tcp_keepalives_idle = 15;"
              " SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3",
             (long long) conf->pg_timeout, pg->async ? "off" : "on");

    if (PQsendQuery(pg->conn, text) == 0) {
        skep_pg_fault(pg);
        return -1;
    }

    res = skep_pg_result(pg, "SET", &status);

    if (res == NULL) {
        return -1;
    }

    PQclear(res);
    return 0;
}


void
skep_pg_close(skep_pg_t *pg)
{
    if (pg->up) {
        atomic_store(pg->up, 0);
    }

    PQfinish(pg->conn);
    pg->conn = NULL;

    free(pg->prepared);
    pg->prepared = NULL;
}


PGresult *
skep_pg_exec(skep_pg_t *pg, const skep_pg_statement_t *statement,
    const char *const *params, skep_pg_status_t *status)
{
    *status = SKEP_PG_AGAIN;

    if (pg->conn == NULL) {
        snprintf(pg->fault, sizeof(pg->fault), "no connection");
        return NULL;
    }

    if (!pg->prepared[statement - skep_sql]
        && skep_pg_prepare(pg, statement, status) != 0)
    {
        return NULL;
    }

    if (PQsendQueryPrepared(pg->conn, statement->name,
                            (int) statement->nparams, params, NULL, NULL, 0)
        == 0)
    {
        skep_pg_fault(pg);
        return skep_pg_failed(pg, statement->name, NULL, status);
    }

    return skep_pg_result(pg, statement->name, status);
}


static int
skep_pg_prepare(skep_pg_t *pg, const skep_pg_statement_t *statement,
    skep_pg_status_t *status)
{
    PGresult  *res;

    if (PQsendPrepare(pg->conn, statement->name, statement->sql, 0, NULL) == 0)
    {
        skep_pg_fault(pg);
        (void) skep_pg_failed(pg, statement->name, NULL, status);
        return -1;
    }

    res = skep_pg_result(pg, statement->name, status);

    if (res == NULL) {
        return -1;
    }

    PQclear(res);
    pg->prepared[statement - skep_sql] = 1;

    return 0;
}


/* the last result of what was sent */

static PGresult *
skep_pg_result(skep_pg_t *pg, const char *name, skep_pg_status_t *status)
{
    PGresult  *res, *next;

    res = NULL;
    skep_pg_waits(pg, skep_now());

    for ( ;; ) {
        if (skep_pg_wait(pg) != 0) {
            skep_pg_waits(pg, 0);
            PQclear(res);
            return skep_pg_failed(pg, name, NULL, status);
        }

        next = PQgetResult(pg->conn);

        if (next == NULL) {
            break;
        }

        /* the first failure is the one to tell of */

        if (res && PQresultStatus(res) == PGRES_FATAL_ERROR) {
            PQclear(next);
            continue;
        }

        PQclear(res);
        res = next;
    }

    skep_pg_waits(pg, 0);

    if (PQresultStatus(res) != PGRES_TUPLES_OK
        && PQresultStatus(res) != PGRES_COMMAND_OK)
    {
        return skep_pg_failed(pg, name, res, status);
    }

    *status = SKEP_PG_OK;
    return res;
}


/* until there is a result to get: 0; -1 if the connection is of no use */

static int
skep_pg_wait(skep_pg_t *pg)
{
    int            unsent;
    int64_t        until, left;
    struct pollfd  pfd;

    /* the server ends a statement itself, unless it hangs or is cut off */

    until = skep_now() + pg->timeout + 1000;

    for ( ;; ) {
        unsent = PQflush(pg->conn);

        if (unsent == -1) {
            skep_pg_fault(pg);
            return -1;
        }

        if (!PQisBusy(pg->conn)) {
            return 0;
        }

        left = until < skep_deadline() ? until : skep_deadline();
        left -= skep_now();

        if (left <= 0) {
            snprintf(pg->fault, sizeof(pg->fault), "timed out");
            skep_pg_order_after(&pg->order, pg->conn);
            return -1;
        }

        pfd.fd = PQsocket(pg->conn);
        pfd.events = (short) (unsent ? POLLIN|POLLOUT : POLLIN);
        pfd.revents = 0;

        (void) poll(&pfd, 1, left > 60000 ? 60000 : (int) left);

        if (pfd.revents && PQconsumeInput(pg->conn) == 0) {
            skep_pg_fault(pg);

            /* libpq tells it in words alone */

            if (strstr(pg->fault, strerror(ETIMEDOUT))) {
                skep_pg_order_after(&pg->order, pg->conn);
            }

            return -1;
        }
    }
}


static void
skep_pg_waits(skep_pg_t *pg, int64_t since)
{
    if (pg->waits) {
        atomic_store(pg->waits, since);
    }
}


/* what libpq has to say, without its newlines at the end */

static void
skep_pg_fault(skep_pg_t *pg)
{
    snprintf(pg->fault, sizeof(pg->fault), "%s", PQerrorMessage(pg->conn));
}


/*
 * Always NULL.  The result is cleared; without one the fault is told already,
 * and the connection is of no use.
 */

static PGresult *
skep_pg_failed(skep_pg_t *pg, const char *name, PGresult *res,
    skep_pg_status_t *status)
{
    int          useless;
    const char  *sqlstate, *message;

    *status = SKEP_PG_AGAIN;
    sqlstate = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    message = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);

    if (sqlstate && message) {
        snprintf(pg->fault, sizeof(pg->fault), "%s: %s", sqlstate, message);
        *status = skep_pg_status(sqlstate);

    } else if (res) {
        skep_pg_fault(pg);
    }

    if (*status != SKEP_PG_REFUSED) {
        skep_log(SKEP_LOG_ERROR, "PostgreSQL: %s: %s", name, pg->fault);
    }

    /* the state is the result's */
    useless = sqlstate == NULL || skep_pg_useless(sqlstate);
    PQclear(res);

    if (useless || PQstatus(pg->conn) != CONNECTION_OK) {
        skep_pg_close(pg);
    }

    return NULL;
}


/* what fails on this connection as often as it is tried, and on another not */

static int
skep_pg_useless(const char *sqlstate)
{
    return strcmp(sqlstate, "25006") == 0     /* now a standby */
           || strcmp(sqlstate, "26000") == 0  /* a statement is gone */
           || strcmp(sqlstate, "0A000") == 0; /* a table was changed: the
                                                 plan's columns differ */
}


/*
 * A statement that fails for its data fails again: a value out of range, a
 * constraint, an exception raised, a limit of the server.  The rest, from a
 * lost connection to a missing migration, may pass.
 */

static skep_pg_status_t
skep_pg_status(const char *sqlstate)
{
    size_t  i;

    static const char *const  classes[] = {
        "21", "22", "23", "44", "54", "P0"
    };

    for (i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        if (strncmp(sqlstate, classes[i], 2) == 0) {
            return SKEP_PG_REFUSED;
        }
    }

    return SKEP_PG_AGAIN;
}


int64_t
skep_pg_number(const PGresult *res, int row, int column)
{
    return strtoll(PQgetvalue(res, row, column), NULL, 10);
}
