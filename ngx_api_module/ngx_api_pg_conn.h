
/*
 * One libpq connection in nginx's event loop, in pipeline mode for its whole
 * life.  Private to the platform: features use ngx_api_pg.h.
 *
 * Ownership: libpq owns the descriptor; the ngx_connection_t around it is
 * marked shared, so that nginx never closes it.  An operation belongs to the
 * connection from ngx_api_pg_conn_send() until it is handed back through one
 * of the three functions of the lane, at the end of this file.
 */


#ifndef _NGX_API_PG_CONN_H_INCLUDED_
#define _NGX_API_PG_CONN_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <libpq-fe.h>

#include "ngx_api_pg_metrics.h"
#include "ngx_api_pg_place.h"
#include "ngx_api_trace.h"


/* how long the answer of an operation may be overdue before its connection
 * counts as dead; the server's own statement_timeout ends it sooner */
#define NGX_API_PG_GRACE  1000


/* what a configuration says of its database; const after the configuration
 * was read */
typedef struct {
    const char         **keywords[NGX_API_PG_LANES];  /* of */
    const char        ***values[NGX_API_PG_LANES];    /* PQconnectStartParams,
                                                         for each place */
    ngx_array_t          places;       /* ngx_api_pg_place_t */
    ngx_array_t          statements;   /* const ngx_api_pg_statement_t * */
    ngx_uint_t           connections[NGX_API_PG_LANES];
    ngx_uint_t           queue;
    ngx_msec_t           timeout;
    ngx_msec_t           connect_timeout;
} ngx_api_pg_conf_t;


typedef struct ngx_api_pg_conn_s  ngx_api_pg_conn_t;
typedef struct ngx_api_pg_lane_s  ngx_api_pg_lane_t;


struct ngx_api_pg_op_s {
    ngx_queue_t                    queue;     /* of the lane, connection or
                                                 free list */
    ngx_api_pg_lane_t             *lane;
    ngx_api_pg_conn_t             *conn;      /* NULL while it waits */
    const ngx_api_pg_statement_t  *statement;
    const char                    *values[NGX_API_PG_PARAMS_MAX + 1];
    ngx_api_pg_handler_pt          handler;   /* NULL: detached */
    void                          *data;
    ngx_msec_t                     deadline;
    uint64_t                       submitted; /* by ngx_api_clock() */
    uint64_t                       sent;      /* likewise, the last time */
    uint64_t                       answered;  /* 0: not yet */
    ngx_uint_t                     tries;     /* connections it was lost with */
    PGresult                      *result;    /* what came before the Sync */

    /* of a request, which may be gone when something is to be told of it */
    ngx_api_trace_t               *timings;   /* NULL: nobody asks for them */
    ngx_str_t                      request_id;
    u_char                         trace[NGX_API_TRACE_LEN + 1];
};


struct ngx_api_pg_conn_s {
    ngx_api_pg_lane_t             *lane;
    const ngx_api_pg_metrics_t    *metrics;   /* the lane's */
    ngx_api_pg_conn_state_e        state;
    PGconn                        *pg;
    ngx_connection_t              *connection;
    ngx_queue_t                    ops;       /* in flight, in order */
    ngx_uint_t                     nops;
    ngx_event_t                    timer;     /* connecting, or oldest op */
    ngx_event_t                    reconnect;
    ngx_event_t                    flush;     /* posted: end of this turn */
    ngx_msec_t                     delay;     /* of the next reconnect */
    ngx_uint_t                     place;     /* the server to begin with */
    unsigned                       broken:1;  /* close when it is safe to */
    unsigned                       recycle:1; /* close when drained */
    unsigned                       failed:1;  /* the last attempt failed */
    unsigned                       known:1;   /* it was ready before */
    unsigned                       refused:1; /* since a statement is not what
                                                 the schema has */
};


/* opens; the outcome arrives as ngx_api_pg_lane_ready() or _lost() */
void ngx_api_pg_conn_open(ngx_api_pg_conn_t *conn);

/* sends an operation; it is the connection's from now on, also if sending
 * failed (then it is handed back as lost at the end of the turn) */
void ngx_api_pg_conn_send(ngx_api_pg_conn_t *conn, ngx_api_pg_op_t *op);

/* closes and hands back what was in flight; nothing reconnects by itself */
void ngx_api_pg_conn_close(ngx_api_pg_conn_t *conn);

/* fails one whose server is silent: another server is tried first */
void ngx_api_pg_conn_silent(ngx_api_pg_conn_t *conn);


/* The lane's side (ngx_api_pg.c). */

/* the connection can take operations */
void ngx_api_pg_lane_ready(ngx_api_pg_conn_t *conn);

/* it was closed or could not be opened; it holds no operation any more */
void ngx_api_pg_lane_lost(ngx_api_pg_conn_t *conn);

/* an operation came to its Sync; result may be an error, and is the lane's */
void ngx_api_pg_lane_done(ngx_api_pg_conn_t *conn, ngx_api_pg_op_t *op,
    PGresult *result);

/* an operation was in flight when its connection was lost */
void ngx_api_pg_lane_return(ngx_api_pg_op_t *op);

/* the answer did not come in time: the operation stays in flight, in silence */
void ngx_api_pg_lane_overdue(ngx_api_pg_op_t *op);

/* an operation had no answer, and no connection of any lane has heard anything
 * for as long: all that are up are of no use, also those without work */
void ngx_api_pg_lane_silent(void);

const ngx_api_pg_conf_t *ngx_api_pg_lane_conf(ngx_api_pg_lane_t *lane,
    ngx_api_pg_lane_e *which);


#endif /* _NGX_API_PG_CONN_H_INCLUDED_ */
