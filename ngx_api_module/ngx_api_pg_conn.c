
/*
 * One libpq connection in nginx's event loop.
 *
 * The socket is watched level-triggered: one PQconsumeInput() may leave bytes
 * in the kernel.  It is watched for writing only while libpq has something
 * left to send.  Every operation is followed by its own Sync, so that an error
 * stays its own; it is complete only there, because a commit may still fail
 * between the command's answer and the Sync's.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "ngx_api_event.h"
#include "ngx_api_pg_conn.h"
#include "ngx_api_pg_error.h"


static void ngx_api_pg_conn_poll(ngx_api_pg_conn_t *conn);
static ngx_int_t ngx_api_pg_conn_prepare(ngx_api_pg_conn_t *conn);
static void ngx_api_pg_conn_read_handler(ngx_event_t *rev);
static void ngx_api_pg_conn_write_handler(ngx_event_t *wev);
static void ngx_api_pg_conn_flush_handler(ngx_event_t *ev);
static void ngx_api_pg_conn_timer_handler(ngx_event_t *ev);
static void ngx_api_pg_conn_elsewhere(ngx_api_pg_conn_t *conn);
static void ngx_api_pg_conn_reconnect_handler(ngx_event_t *ev);
static void ngx_api_pg_conn_flush(ngx_api_pg_conn_t *conn);
static void ngx_api_pg_conn_process(ngx_api_pg_conn_t *conn);
static ngx_int_t ngx_api_pg_conn_prepared(ngx_api_pg_conn_t *conn,
    PGresult *res);
static ngx_int_t ngx_api_pg_conn_result(ngx_api_pg_conn_t *conn,
    PGresult *res);
static void ngx_api_pg_conn_arm(ngx_api_pg_conn_t *conn);
static void ngx_api_pg_conn_fail(ngx_api_pg_conn_t *conn, const char *what);
static void ngx_api_pg_conn_retire(ngx_api_pg_conn_t *conn,
    ngx_msec_t delay);
static void ngx_api_pg_conn_notice(void *data, const PGresult *res);


/* when a server said anything, on whatever connection */
static ngx_msec_t  ngx_api_pg_heard;


/* from and to each state that the metrics tell of */

static void
ngx_api_pg_conn_state(ngx_api_pg_conn_t *conn, ngx_api_pg_conn_state_e state)
{
    ngx_api_metric_dec(&conn->metrics->connections[conn->state]);
    ngx_api_metric_inc(&conn->metrics->connections[state]);

    conn->state = state;
}


static void
ngx_api_pg_conn_timer_init(ngx_api_pg_conn_t *conn, ngx_event_t *ev,
    ngx_event_handler_pt handler)
{
    ev->handler = handler;
    ev->data = conn;
    ev->log = ngx_cycle->log;
}


void
ngx_api_pg_conn_open(ngx_api_pg_conn_t *conn)
{
    ngx_connection_t         *c;
    ngx_api_pg_lane_e         lane;
    const ngx_api_pg_conf_t  *conf;

    conf = ngx_api_pg_lane_conf(conn->lane, &lane);

    ngx_api_pg_conn_timer_init(conn, &conn->timer,
                               ngx_api_pg_conn_timer_handler);
    ngx_api_pg_conn_timer_init(conn, &conn->reconnect,
                               ngx_api_pg_conn_reconnect_handler);
    ngx_api_pg_conn_timer_init(conn, &conn->flush,
                               ngx_api_pg_conn_flush_handler);
    conn->reconnect.cancelable = 1;

    conn->broken = 0;
    conn->recycle = 0;
    ngx_api_pg_conn_state(conn, NGX_API_PG_CONN_CONNECTING);

    conn->pg = PQconnectStartParams(conf->keywords[lane],
                                    conf->values[lane][conn->place], 0);

    if (conn->pg == NULL || PQstatus(conn->pg) == CONNECTION_BAD) {
        ngx_api_pg_conn_fail(conn, "connect");
        return;
    }

    PQsetNoticeReceiver(conn->pg, ngx_api_pg_conn_notice, NULL);

    c = ngx_get_connection(PQsocket(conn->pg), ngx_cycle->log);
    if (c == NULL) {
        ngx_api_pg_conn_fail(conn, "connect");
        return;
    }

    conn->connection = c;

    c->data = conn;
    c->shared = 1;
    c->log = ngx_cycle->log;
    c->log_error = NGX_ERROR_ERR;
    c->read->log = c->log;
    c->write->log = c->log;
    c->read->handler = ngx_api_pg_conn_read_handler;
    c->write->handler = ngx_api_pg_conn_write_handler;

    /* a connection that is being made does not keep an exiting worker: the
     * operations that wait for it do, by the timer of their lane */

    conn->timer.cancelable = 1;
    ngx_add_timer(&conn->timer, conf->connect_timeout);

    /* libpq: behave as if PQconnectPoll() had last said "writing" */

    if (ngx_api_event_watch(conn->connection, 0, 1) != NGX_OK) {
        ngx_api_pg_conn_fail(conn, "connect");
    }
}


static void
ngx_api_pg_conn_poll(ngx_api_pg_conn_t *conn)
{
    ngx_int_t                  rc;
    PostgresPollingStatusType  status;

    /* libpq may close its socket here and open another with the same number:
     * nothing must be registered for it meanwhile */

    if (ngx_api_event_watch(conn->connection, 0, 0) != NGX_OK) {
        ngx_api_pg_conn_fail(conn, "connect");
        return;
    }

    status = PQconnectPoll(conn->pg);

    if (status == PGRES_POLLING_FAILED) {
        ngx_api_pg_conn_fail(conn, "connect");
        return;
    }

    conn->connection->fd = PQsocket(conn->pg);

    switch (status) {

    case PGRES_POLLING_OK:
        rc = ngx_api_pg_conn_prepare(conn);
        break;

    case PGRES_POLLING_WRITING:
        rc = ngx_api_event_watch(conn->connection, 0, 1);
        break;

    default:
        rc = ngx_api_event_watch(conn->connection, 1, 0);
    }

    if (rc != NGX_OK) {
        ngx_api_pg_conn_fail(conn, "connect");
    }
}


static ngx_int_t
ngx_api_pg_conn_prepare(ngx_api_pg_conn_t *conn)
{
    ngx_uint_t                      i;
    ngx_api_pg_lane_e               lane;
    const ngx_api_pg_conf_t        *conf;
    const ngx_api_pg_statement_t  **st;

    conf = ngx_api_pg_lane_conf(conn->lane, &lane);

    if (PQsetnonblocking(conn->pg, 1) != 0
        || PQenterPipelineMode(conn->pg) != 1)
    {
        return NGX_ERROR;
    }

    /* no details: they may quote a client, in lines that
     * ngx_api_pg_error_stuck() would take for libpq's */

    (void) PQsetErrorVerbosity(conn->pg, PQERRORS_TERSE);

    st = conf->statements.elts;

    for (i = 0; i < conf->statements.nelts; i++) {

        if (st[i]->lane != lane) {
            continue;
        }

        if (PQsendPrepare(conn->pg, st[i]->name, st[i]->sql, 0, NULL) != 1) {
            return NGX_ERROR;
        }
    }

    if (PQpipelineSync(conn->pg) != 1) {
        return NGX_ERROR;
    }

    if (ngx_api_event_watch(conn->connection, 1, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_api_pg_conn_state(conn, NGX_API_PG_CONN_PREPARING);

    ngx_post_event(&conn->flush, &ngx_posted_events);

    return NGX_OK;
}


void
ngx_api_pg_conn_send(ngx_api_pg_conn_t *conn, ngx_api_pg_op_t *op)
{
    int                            rc;
    const ngx_api_pg_statement_t  *st;

    st = op->statement;

    op->conn = conn;
    op->sent = ngx_api_clock();
    op->answered = 0;
    ngx_queue_insert_tail(&conn->ops, &op->queue);
    conn->nops++;
    ngx_api_metric_inc(&conn->metrics->in_flight);

    rc = PQsendQueryPrepared(conn->pg, st->name,
                             (int) (st->nparams + st->traced), op->values,
                             NULL, NULL, 1);
    if (rc == 1) {

#if (LIBPQ_HAS_SEND_PIPELINE_SYNC)
        rc = PQsendPipelineSync(conn->pg);
#else
        rc = PQpipelineSync(conn->pg);
#endif

    }

    if (rc != 1) {
        conn->broken = 1;
    }

    conn->timer.cancelable = 0;

    /* one that is sent again may be due before those that are here */

    if (!conn->timer.timer_set
        || (ngx_msec_int_t) (op->deadline - conn->timer.timer.key) < 0)
    {
        ngx_api_pg_conn_arm(conn);
    }

    if (!conn->flush.posted) {
        ngx_post_event(&conn->flush, &ngx_posted_events);
    }
}


static void
ngx_api_pg_conn_read_handler(ngx_event_t *rev)
{
    ngx_connection_t   *c;
    ngx_api_pg_conn_t  *conn;

    c = rev->data;
    conn = c->data;

    if (conn->state == NGX_API_PG_CONN_CONNECTING) {
        ngx_api_pg_conn_poll(conn);
        return;
    }

    if (PQconsumeInput(conn->pg) == 1) {
        ngx_api_pg_heard = ngx_current_msec;

    } else {
        conn->broken = 1;
    }

    /* what came before the end of the connection is still good */

    ngx_api_pg_conn_process(conn);
}


static void
ngx_api_pg_conn_write_handler(ngx_event_t *wev)
{
    ngx_connection_t   *c;
    ngx_api_pg_conn_t  *conn;

    c = wev->data;
    conn = c->data;

    if (conn->state == NGX_API_PG_CONN_CONNECTING) {
        ngx_api_pg_conn_poll(conn);
        return;
    }

    ngx_api_pg_conn_flush(conn);
}


static void
ngx_api_pg_conn_flush_handler(ngx_event_t *ev)
{
    ngx_api_pg_conn_flush(ev->data);
}


static void
ngx_api_pg_conn_flush(ngx_api_pg_conn_t *conn)
{
    int  rc;

    rc = PQflush(conn->pg);

    if (rc < 0 || ngx_api_event_watch(conn->connection, 1, rc) != NGX_OK) {
        conn->broken = 1;
    }

    /* a send that would block makes libpq read: results may be in its buffer
     * while the socket has nothing more to tell */

    ngx_api_pg_conn_process(conn);
}


static void
ngx_api_pg_conn_process(ngx_api_pg_conn_t *conn)
{
    PGresult    *res;
    ngx_int_t    rc;
    ngx_uint_t   nulls;

    rc = NGX_OK;
    nulls = 0;

    while (rc == NGX_OK
           && (conn->nops || conn->state == NGX_API_PG_CONN_PREPARING)
           && !PQisBusy(conn->pg))
    {
        res = PQgetResult(conn->pg);

        if (res == NULL) {

            /* one stands between a command's result and its Sync; a
             * connection that is gone says nothing else for ever */

            if (++nulls == 2) {
                rc = NGX_ERROR;
            }

            continue;
        }

        nulls = 0;

        rc = (conn->state == NGX_API_PG_CONN_PREPARING)
             ? ngx_api_pg_conn_prepared(conn, res)
             : ngx_api_pg_conn_result(conn, res);
    }

    if (rc == NGX_ERROR || conn->broken || PQstatus(conn->pg) != CONNECTION_OK
        || ngx_api_pg_error_stuck(PQerrorMessage(conn->pg)))
    {
        ngx_api_pg_conn_fail(conn, "connection lost");
        return;
    }

    if (conn->nops == 0) {

        if (conn->recycle) {
            ngx_api_pg_conn_retire(conn, 1);
            return;
        }

        /* left set, it finds nothing; it must not keep an exiting worker */
        conn->timer.cancelable = 1;
    }
}


static ngx_int_t
ngx_api_pg_conn_prepared(ngx_api_pg_conn_t *conn, PGresult *res)
{
    const char      *state;
    ExecStatusType   status;

    status = PQresultStatus(res);
    state = PQresultErrorField(res, PG_DIAG_SQLSTATE);

    /* without a SQLSTATE it is libpq that says that the connection is gone */
    if (status == PGRES_FATAL_ERROR && state) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "PostgreSQL refused to prepare a statement: %s: %s",
                      state, PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY));

        /* class 42: no such table, column or function, or no right to it */
        conn->refused = (ngx_strncmp(state, "42", 2) == 0);
    }

    PQclear(res);

    if (status == PGRES_COMMAND_OK) {
        return NGX_OK;
    }

    if (status != PGRES_PIPELINE_SYNC) {
        return NGX_ERROR;
    }

    ngx_api_pg_conn_state(conn, NGX_API_PG_CONN_READY);
    conn->delay = 0;
    conn->refused = 0;

    if (conn->known) {
        ngx_api_metric_inc(&conn->metrics->reconnects);
    }

    conn->known = 1;

    ngx_del_timer(&conn->timer);

    if (conn->failed) {
        conn->failed = 0;
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "PostgreSQL: connected again");
    }

    ngx_api_pg_lane_ready(conn);

    return NGX_OK;
}


/* one result of the oldest operation */

static ngx_int_t
ngx_api_pg_conn_result(ngx_api_pg_conn_t *conn, PGresult *res)
{
    const char       *state;
    ngx_queue_t      *q;
    ngx_api_pg_op_t  *op;

    q = ngx_queue_head(&conn->ops);
    op = ngx_queue_data(q, ngx_api_pg_op_t, queue);

    if (PQresultStatus(res) != PGRES_PIPELINE_SYNC) {

        state = PQresultErrorField(res, PG_DIAG_SQLSTATE);

        if (PQresultStatus(res) == PGRES_FATAL_ERROR
            && (state == NULL || ngx_strncmp(state, "57P", 3) == 0))
        {
            /* not the statement failed but its backend goes away */
            PQclear(res);
            return NGX_ERROR;
        }

        PQclear(op->result);
        op->result = res;

        return NGX_OK;
    }

    PQclear(res);

    res = op->result;
    op->result = NULL;
    op->conn = NULL;

    ngx_queue_remove(q);
    conn->nops--;
    ngx_api_metric_dec(&conn->metrics->in_flight);
    op->answered = ngx_api_clock();
    ngx_api_metric_observe(&conn->metrics->query, op->answered - op->sent);

    ngx_api_pg_lane_done(conn, op, res);

    return NGX_OK;
}


/*
 * One timer a connection, not one an operation: of the earliest deadline, and
 * one that fires early just looks and sets itself anew.  Deadlines come in the
 * order of the queue, but for operations that are sent again.
 */

static void
ngx_api_pg_conn_arm(ngx_api_pg_conn_t *conn)
{
    ngx_msec_t        when;
    ngx_queue_t      *q;
    ngx_msec_int_t    left;
    ngx_api_pg_op_t  *op;

    if (ngx_queue_empty(&conn->ops)) {
        return;
    }

    /* the oldest is overdue when its deadline and the grace are past; the
     * others only have their deadlines */

    q = ngx_queue_head(&conn->ops);
    op = ngx_queue_data(q, ngx_api_pg_op_t, queue);

    when = op->handler ? op->deadline : op->deadline + NGX_API_PG_GRACE;

    for (q = ngx_queue_next(q);
         q != ngx_queue_sentinel(&conn->ops);
         q = ngx_queue_next(q))
    {
        op = ngx_queue_data(q, ngx_api_pg_op_t, queue);

        if (op->handler && (ngx_msec_int_t) (op->deadline - when) < 0) {
            when = op->deadline;
        }
    }

    left = (ngx_msec_int_t) (when - ngx_current_msec);

    ngx_add_timer(&conn->timer, (ngx_msec_t) ngx_max(left, 1));
}


static void
ngx_api_pg_conn_timer_handler(ngx_event_t *ev)
{
    ngx_msec_t          timeout;
    ngx_queue_t        *q;
    ngx_api_pg_op_t    *op;
    ngx_api_pg_conn_t  *conn;
    ngx_api_pg_lane_e   lane;

    conn = ev->data;

    if (conn->state != NGX_API_PG_CONN_READY) {
        ngx_api_pg_conn_elsewhere(conn);
        ngx_api_pg_conn_fail(conn, "connect timed out");
        return;
    }

    timeout = ngx_api_pg_lane_conf(conn->lane, &lane)->timeout;

    for (q = ngx_queue_head(&conn->ops);
         q != ngx_queue_sentinel(&conn->ops);
         q = ngx_queue_next(q))
    {
        op = ngx_queue_data(q, ngx_api_pg_op_t, queue);

        if ((ngx_msec_int_t) (op->deadline - ngx_current_msec) > 0) {
            continue;
        }

        if (op->handler) {
            ngx_api_pg_lane_overdue(op);
        }

        if (q == ngx_queue_head(&conn->ops)
            && (ngx_msec_int_t) (op->deadline + NGX_API_PG_GRACE
                                 - ngx_current_msec) <= 0)
        {
            /* this one alone, or all that are up */

            if (ngx_current_msec - ngx_api_pg_heard < timeout) {
                ngx_api_pg_conn_silent(conn);

            } else {
                ngx_api_pg_lane_silent();
            }

            return;
        }
    }

    ngx_api_pg_conn_arm(conn);
}


/*
 * What the kernel has still to send must not arrive when the network is there
 * again: a write that was answered long ago would happen then, over those that
 * came after it.  So the connection is not closed but reset.
 */

void
ngx_api_pg_conn_silent(ngx_api_pg_conn_t *conn)
{
    struct linger  linger;

    linger.l_onoff = 1;
    linger.l_linger = 0;

    if (setsockopt(PQsocket(conn->pg), SOL_SOCKET, SO_LINGER,
                   (const void *) &linger, sizeof(struct linger))
        == -1)
    {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, ngx_socket_errno,
                      "setsockopt(SO_LINGER) failed");
    }

    ngx_api_pg_conn_elsewhere(conn);
    ngx_api_pg_conn_fail(conn, "no answer in time");
}


/* the server is silent: the next attempt begins with the one after it */

static void
ngx_api_pg_conn_elsewhere(ngx_api_pg_conn_t *conn)
{
    ngx_api_pg_lane_e         lane;
    const ngx_api_pg_conf_t  *conf;

    conf = ngx_api_pg_lane_conf(conn->lane, &lane);

    conn->place = ngx_api_pg_place_after(&conf->places, conn->pg, conn->place);
}


static void
ngx_api_pg_conn_reconnect_handler(ngx_event_t *ev)
{
    if (!ngx_exiting) {
        ngx_api_pg_conn_open(ev->data);
    }
}


/*
 * The end of a connection that failed.  The first failure of an outage is an
 * error in the log, further ones are for information: a database that is away
 * for an hour must not fill the disk.
 */

static void
ngx_api_pg_conn_fail(ngx_api_pg_conn_t *conn, const char *what)
{
    ngx_str_t   line;
    ngx_uint_t  level;

    level = conn->failed ? (ngx_uint_t) NGX_LOG_INFO : (ngx_uint_t) NGX_LOG_ERR;
    line = ngx_api_pg_error_line(conn->pg ? PQerrorMessage(conn->pg) : "",
                                 conn->state == NGX_API_PG_CONN_CONNECTING);

    ngx_log_error(level, ngx_cycle->log, 0,
                  "PostgreSQL: %s%s%V", what, line.len ? ": " : "", &line);

    if (conn->state != NGX_API_PG_CONN_READY) {
        conn->failed = 1;
    }

    ngx_api_metric_inc(&conn->metrics->failures);

    if (conn->state == NGX_API_PG_CONN_CONNECTING) {
        conn->refused = 0;
    }

    ngx_api_pg_conn_retire(conn, ngx_api_event_backoff(&conn->delay));
}


/* closes, and opens again after the delay */

static void
ngx_api_pg_conn_retire(ngx_api_pg_conn_t *conn, ngx_msec_t delay)
{
    ngx_api_pg_conn_close(conn);

    if (!ngx_exiting) {
        ngx_add_timer(&conn->reconnect, delay);
    }

    ngx_api_pg_lane_lost(conn);
}


void
ngx_api_pg_conn_close(ngx_api_pg_conn_t *conn)
{
    ngx_queue_t       ops;
    ngx_queue_t      *q;
    ngx_api_pg_op_t  *op;

    ngx_api_pg_conn_state(conn, NGX_API_PG_CONN_CLOSED);

    if (conn->timer.timer_set) {
        ngx_del_timer(&conn->timer);
    }

    if (conn->reconnect.timer_set) {
        ngx_del_timer(&conn->reconnect);
    }

    if (conn->flush.posted) {
        ngx_delete_posted_event(&conn->flush);
    }

    /* the events first, while the descriptor is open; then libpq, which closes
     * it; then nginx's connection, which must not */

    if (conn->connection) {
        if (PQsocket(conn->pg) == conn->connection->fd) {
            (void) ngx_api_event_watch(conn->connection, 0, 0);

        } else {
            /* libpq has closed it, since the server did; with the descriptor
             * the kernel forgot its events */
            conn->connection->read->active = 0;
            conn->connection->write->active = 0;
        }
    }

    if (conn->pg) {
        PQfinish(conn->pg);
        conn->pg = NULL;
    }

    if (conn->connection) {
        ngx_close_connection(conn->connection);
        conn->connection = NULL;
    }

    /* back to the lane, the youngest first: each goes to its head, which keeps
     * their order */

    if (conn->nops == 0) {
        return;
    }

    ngx_queue_init(&ops);
    ngx_queue_add(&ops, &conn->ops);
    ngx_queue_init(&conn->ops);
    ngx_api_metric_add(&conn->metrics->in_flight, -(uint64_t) conn->nops);
    conn->nops = 0;

    while (!ngx_queue_empty(&ops)) {
        q = ngx_queue_last(&ops);
        ngx_queue_remove(q);

        op = ngx_queue_data(q, ngx_api_pg_op_t, queue);
        op->conn = NULL;

        PQclear(op->result);
        op->result = NULL;

        ngx_api_pg_lane_return(op);
    }
}


static void
ngx_api_pg_conn_notice(void *data, const PGresult *res)
{
    const char  *severity, *message;

    severity = PQresultErrorField(res, PG_DIAG_SEVERITY_NONLOCALIZED);
    message = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);

    ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, 0, "PostgreSQL: %s: %s",
                  severity ? severity : "notice", message ? message : "");
}
