
/*
 * A thread's connection to PostgreSQL: blocking, but never for longer than
 * pg_timeout, and it comes back by itself, with a growing delay.
 */


#ifndef _SKEP_PG_H_INCLUDED_
#define _SKEP_PG_H_INCLUDED_


#include "skep_backoff.h"
#include "skep_conf.h"
#include "skep_pg_order.h"

#include <libpq-fe.h>
#include <stdatomic.h>


/* a statement of sql/statements/worker/, see sql/embed */

typedef struct {
    const char  *name;
    const char  *sql;
    unsigned     nparams;
} skep_pg_statement_t;


/* how a statement ended */

typedef enum {
    SKEP_PG_OK,
    SKEP_PG_AGAIN,                     /* away, busy, not migrated: later */
    SKEP_PG_REFUSED                    /* the data are at fault */
} skep_pg_status_t;


/* The owner zeroes it, and sets up; the rest is skep_pg_*()'s. */

typedef struct {
    _Atomic int64_t  *up;              /* 1 while there is one; may be NULL */
    _Atomic int64_t  *waits;           /* since when it waits for an answer, 0
                                          if it does not; may be NULL */
    unsigned          async:1;         /* a commit need not be on the disk */

    PGconn           *conn;
    uint64_t          generation;      /* of the configuration it is of */
    unsigned char    *prepared;        /* by the statement's index */
    int64_t           timeout;
    skep_backoff_t    backoff;
    skep_pg_order_t   order;           /* of the servers */
    char              fault[256];      /* of the last statement that failed */
} skep_pg_t;


/*
 * Sees to it that there is a connection, as this configuration has it.  0, or
 * the ms until the next attempt: the caller waits by skep_pause() and comes
 * again.  The first failure is logged as an error, further ones for
 * information.
 */
int64_t skep_pg_ready(skep_pg_t *pg, const skep_conf_t *conf);

/*
 * Executes a statement, with its parameters as texts (NULL: null), nparams of
 * them.  The result is the caller's to PQclear(), in texts.  Without one it
 * returns NULL: *status says how it failed, pg->fault why, and it was logged
 * unless the data are at fault.  A lost connection was closed.
 */
PGresult *skep_pg_exec(skep_pg_t *pg, const skep_pg_statement_t *statement,
    const char *const *params, skep_pg_status_t *status);

/* closes the connection, if there is one */
void skep_pg_close(skep_pg_t *pg);


/* an integer in a result; 0 if it is null */
int64_t skep_pg_number(const PGresult *res, int row, int column);


#endif /* _SKEP_PG_H_INCLUDED_ */
