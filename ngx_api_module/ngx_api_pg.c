
/*
 * Lanes of PostgreSQL connections: which connection takes an operation, what
 * waits, what is sent again, and what its requester is told.
 */


#include "ngx_api_module.h"


#define NGX_API_PG_TRIES_MAX    4

/* the end of a line of the log: whose operation it was */
#define NGX_API_PG_LOG_ID       ", request_id: \"%V\""


struct ngx_api_pg_lane_s {
    const ngx_api_pg_conf_t  *conf;
    ngx_api_pg_lane_e         which;
    ngx_api_pg_metrics_t     *metrics;
    ngx_uint_t                depth;
    ngx_api_pg_conn_t        *conns;
    ngx_uint_t                nconns;
    ngx_queue_t               waiting;    /* oldest first */
    ngx_uint_t                nops;       /* waiting and in flight */
    ngx_event_t               timer;      /* the oldest that waits */
};


static ngx_uint_t ngx_api_pg_registered(ngx_api_main_conf_t *amcf,
    const ngx_api_pg_statement_t *statement);
static void ngx_api_pg_trace(ngx_api_pg_op_t *op, ngx_api_trace_t *trace);
static void ngx_api_pg_timed(ngx_api_pg_op_t *op);
static ngx_api_pg_conn_t *ngx_api_pg_pick(ngx_api_pg_lane_t *lane);
static ngx_uint_t ngx_api_pg_hopeful(ngx_api_pg_lane_t *lane);
static void ngx_api_pg_pump(ngx_api_pg_lane_t *lane);
static void ngx_api_pg_wait(ngx_api_pg_op_t *op, ngx_queue_t *after);
static ngx_api_pg_op_t *ngx_api_pg_unwait(ngx_queue_t *q);
static void ngx_api_pg_waiting_handler(ngx_event_t *ev);
static ngx_api_pg_status_e ngx_api_pg_error(ngx_api_pg_conn_t *conn,
    ngx_api_pg_op_t *op, const PGresult *res, ngx_uint_t *again);
static void ngx_api_pg_finish(ngx_api_pg_op_t *op, ngx_api_pg_status_e status,
    PGresult *res);
static ngx_api_pg_op_t *ngx_api_pg_op_get(void);
static void ngx_api_pg_op_free(ngx_api_pg_op_t *op);


/* operations in flight on one connection; further ones wait in the lane.
 * Reads answer in order at once.  Behind a commit that waits for the disk
 * little should queue, while other connections are idle; behind a search
 * nothing. */
static const ngx_uint_t  ngx_api_pg_depths[NGX_API_PG_LANES] = { 256, 2, 1 };

static ngx_api_pg_lane_t     ngx_api_pg_lanes[NGX_API_PG_LANES];
static ngx_queue_t           ngx_api_pg_free_ops;
static ngx_api_pg_commit_pt  ngx_api_pg_committed;


ngx_uint_t
ngx_api_pg_configured(ngx_conf_t *cf)
{
    ngx_api_main_conf_t  *amcf;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_api_module);

    return amcf->pg_conninfo.data != NULL;
}


ngx_int_t
ngx_api_pg_register(ngx_conf_t *cf, const ngx_api_pg_statement_t *statements,
    ngx_uint_t n)
{
    ngx_uint_t                      i;
    ngx_api_main_conf_t            *amcf;
    const ngx_api_pg_statement_t  **st;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_api_module);

    for (i = 0; i < n; i++) {

        if (ngx_api_pg_registered(amcf, &statements[i])) {
            continue;
        }

        if (statements[i].nparams + statements[i].traced
            > NGX_API_PG_PARAMS_MAX)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "statement \"%s\" has too many parameters",
                               statements[i].name);
            return NGX_ERROR;
        }

        st = ngx_array_push(&amcf->pg.statements);
        if (st == NULL) {
            return NGX_ERROR;
        }

        *st = &statements[i];
    }

    return NGX_OK;
}


/* a feature may be switched on in several locations */

static ngx_uint_t
ngx_api_pg_registered(ngx_api_main_conf_t *amcf,
    const ngx_api_pg_statement_t *statement)
{
    ngx_uint_t                      i;
    const ngx_api_pg_statement_t  **st;

    st = amcf->pg.statements.elts;

    for (i = 0; i < amcf->pg.statements.nelts; i++) {
        if (st[i] == statement) {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_api_pg_init_process(ngx_cycle_t *cycle, const ngx_api_pg_conf_t *conf)
{
    ngx_uint_t          i, n;
    ngx_api_pg_lane_t  *lane;

    ngx_queue_init(&ngx_api_pg_free_ops);

    for (i = 0; i < NGX_API_PG_LANES; i++) {
        lane = &ngx_api_pg_lanes[i];

        lane->conf = conf;
        lane->which = i;
        lane->metrics = &ngx_api_pg_metrics[i];
        lane->depth = ngx_api_pg_depths[i];
        lane->timer.handler = ngx_api_pg_waiting_handler;
        lane->timer.data = lane;
        lane->timer.log = cycle->log;

        ngx_queue_init(&lane->waiting);

        lane->nconns = conf->connections[i];
        lane->conns = ngx_pcalloc(cycle->pool,
                                  lane->nconns * sizeof(ngx_api_pg_conn_t));
        if (lane->conns == NULL) {
            return NGX_ERROR;
        }

        for (n = 0; n < lane->nconns; n++) {
            lane->conns[n].lane = lane;
            lane->conns[n].metrics = lane->metrics;
            ngx_queue_init(&lane->conns[n].ops);
        }

        ngx_api_metric_set(&lane->metrics->connections[NGX_API_PG_CONN_CLOSED],
                           lane->nconns);
        ngx_api_metric_set(&lane->metrics->connections_max, lane->nconns);
        ngx_api_metric_set(&lane->metrics->queue_max, conf->queue);

        for (n = 0; n < lane->nconns; n++) {
            ngx_api_pg_conn_open(&lane->conns[n]);
        }
    }

    return NGX_OK;
}


void
ngx_api_pg_exit_process(void)
{
    ngx_uint_t          i, n;
    ngx_queue_t        *q;
    ngx_api_pg_lane_t  *lane;

    for (i = 0; i < NGX_API_PG_LANES; i++) {
        lane = &ngx_api_pg_lanes[i];

        for (n = 0; n < lane->nconns; n++) {
            ngx_api_pg_conn_close(&lane->conns[n]);
        }
    }

    if (ngx_api_pg_lanes[0].conf == NULL) {
        return;
    }

    while (!ngx_queue_empty(&ngx_api_pg_free_ops)) {
        q = ngx_queue_head(&ngx_api_pg_free_ops);
        ngx_queue_remove(q);
        ngx_free(ngx_queue_data(q, ngx_api_pg_op_t, queue));
    }
}


void
ngx_api_pg_on_commit(ngx_api_pg_commit_pt handler)
{
    ngx_api_pg_committed = handler;
}


ngx_uint_t
ngx_api_pg_ready(ngx_uint_t *refused)
{
    ngx_uint_t          i, n, lanes, up;
    ngx_api_pg_conn_t  *conns;

    lanes = 0;
    *refused = 0;

    for (i = 0; i < NGX_API_PG_LANES; i++) {
        conns = ngx_api_pg_lanes[i].conns;
        up = 0;

        for (n = 0; n < ngx_api_pg_lanes[i].nconns; n++) {
            up |= (conns[n].state == NGX_API_PG_CONN_READY);
            *refused |= conns[n].refused;
        }

        lanes += up;
    }

    return lanes == NGX_API_PG_LANES;
}


ngx_api_pg_op_t *
ngx_api_pg_submit(const ngx_api_pg_statement_t *statement,
    const char *const *values, ngx_api_pg_handler_pt handler, void *data)
{
    return ngx_api_pg_take(statement, values, handler, data, NULL);
}


ngx_api_pg_op_t *
ngx_api_pg_take(const ngx_api_pg_statement_t *statement,
    const char *const *values, ngx_api_pg_handler_pt handler, void *data,
    ngx_api_trace_t *trace)
{
    ngx_api_pg_op_t    *op;
    ngx_api_pg_conn_t  *conn;
    ngx_api_pg_lane_t  *lane;

    lane = &ngx_api_pg_lanes[statement->lane];

    if (lane->conf == NULL) {
        return NULL;
    }

    if (lane->nops >= lane->conf->queue) {
        ngx_api_metric_inc(&lane->metrics->refused_full);
        return NULL;
    }

    if (!ngx_api_pg_hopeful(lane)) {
        ngx_api_metric_inc(&lane->metrics->refused_away);
        return NULL;
    }

    op = ngx_api_pg_op_get();
    if (op == NULL) {
        return NULL;
    }

    op->lane = lane;
    op->conn = NULL;
    op->statement = statement;
    op->handler = handler;
    op->data = data;
    op->deadline = ngx_current_msec + lane->conf->timeout;
    op->sent = 0;
    op->tries = 0;
    op->result = NULL;

    if (statement->nparams) {
        ngx_memcpy(op->values, values, statement->nparams * sizeof(char *));
    }

    ngx_api_pg_trace(op, trace);

    lane->nops++;

    conn = ngx_queue_empty(&lane->waiting) ? ngx_api_pg_pick(lane) : NULL;

    if (conn) {
        ngx_api_pg_conn_send(conn, op);
        op->submitted = op->sent;

    } else {
        op->submitted = ngx_api_clock();
        ngx_api_metric_inc(&lane->metrics->waits);
        ngx_api_pg_wait(op, ngx_queue_last(&lane->waiting));
    }

    return op;
}


/* what is to be known of the request when it may be gone: copied */

static void
ngx_api_pg_trace(ngx_api_pg_op_t *op, ngx_api_trace_t *trace)
{
    size_t  at;

    op->timings = trace;
    op->values[op->statement->nparams] = NULL;

    if (trace == NULL) {
        op->request_id.len = 0;
        return;
    }

    at = NGX_API_TRACEPARENT_LEN + 1;

    if (op->statement->traced) {
        ngx_memcpy(op->trace, trace->text, at);
        op->values[op->statement->nparams] = (char *) op->trace;
    }

    op->request_id.data = &op->trace[at];
    op->request_id.len = trace->request_id.len;

    ngx_memcpy(&op->trace[at], &trace->text[at], trace->request_id.len + 1);
}


void
ngx_api_pg_detach(ngx_api_pg_op_t *op)
{
    op->handler = NULL;
    op->timings = NULL;

    if (op->conn == NULL) {
        ngx_api_pg_finish(ngx_api_pg_unwait(&op->queue),
                          NGX_API_PG_UNAVAILABLE, NULL);
    }
}


/* the connection with the least to do; NULL if all have enough */

static ngx_api_pg_conn_t *
ngx_api_pg_pick(ngx_api_pg_lane_t *lane)
{
    ngx_uint_t          i;
    ngx_api_pg_conn_t  *conn, *best;

    best = NULL;

    for (i = 0; i < lane->nconns; i++) {
        conn = &lane->conns[i];

        if (conn->state == NGX_API_PG_CONN_READY
            && !conn->broken && !conn->recycle
            && conn->nops < lane->depth
            && (best == NULL || conn->nops < best->nops))
        {
            best = conn;
        }
    }

    return best;
}


/*
 * Is it worth waiting in this lane?  Yes while a connection is up, or was lost
 * a moment ago and nobody knows yet whether it comes back.
 */

static ngx_uint_t
ngx_api_pg_hopeful(ngx_api_pg_lane_t *lane)
{
    ngx_uint_t          i;
    ngx_api_pg_conn_t  *conn;

    for (i = 0; i < lane->nconns; i++) {
        conn = &lane->conns[i];

        if (conn->state == NGX_API_PG_CONN_READY) {
            return 1;
        }

        if (!conn->failed
            && (conn->state != NGX_API_PG_CONN_CLOSED
                || conn->reconnect.timer_set))
        {
            return 1;
        }
    }

    return 0;
}


static void
ngx_api_pg_pump(ngx_api_pg_lane_t *lane)
{
    ngx_queue_t        *q;
    ngx_api_pg_conn_t  *conn;

    while (!ngx_queue_empty(&lane->waiting)) {

        conn = ngx_api_pg_pick(lane);
        if (conn == NULL) {
            return;
        }

        q = ngx_queue_head(&lane->waiting);

        ngx_api_pg_conn_send(conn, ngx_api_pg_unwait(q));
    }
}


static void
ngx_api_pg_wait(ngx_api_pg_op_t *op, ngx_queue_t *after)
{
    ngx_msec_int_t      left;
    ngx_api_pg_lane_t  *lane;

    lane = op->lane;

    ngx_queue_insert_after(after, &op->queue);
    ngx_api_metric_inc(&lane->metrics->queued);

    if (ngx_queue_head(&lane->waiting) == &op->queue) {
        left = (ngx_msec_int_t) (op->deadline - ngx_current_msec);
        ngx_add_timer(&lane->timer, (ngx_msec_t) ngx_max(left, 1));
    }
}


static ngx_api_pg_op_t *
ngx_api_pg_unwait(ngx_queue_t *q)
{
    ngx_api_pg_op_t    *op;
    ngx_api_pg_lane_t  *lane;

    op = ngx_queue_data(q, ngx_api_pg_op_t, queue);
    lane = op->lane;

    ngx_queue_remove(q);
    ngx_api_metric_dec(&lane->metrics->queued);

    if (ngx_queue_empty(&lane->waiting) && lane->timer.timer_set) {
        ngx_del_timer(&lane->timer);
    }

    return op;
}


static void
ngx_api_pg_waiting_handler(ngx_event_t *ev)
{
    ngx_queue_t        *q;
    ngx_msec_int_t      left;
    ngx_api_pg_op_t    *op;
    ngx_api_pg_lane_t  *lane;

    lane = ev->data;

    while (!ngx_queue_empty(&lane->waiting)) {

        q = ngx_queue_head(&lane->waiting);
        op = ngx_queue_data(q, ngx_api_pg_op_t, queue);

        left = (ngx_msec_int_t) (op->deadline - ngx_current_msec);

        if (left > 0) {
            if (!ev->timer_set) {
                ngx_add_timer(ev, (ngx_msec_t) left);
            }

            return;
        }

        ngx_api_pg_finish(ngx_api_pg_unwait(q), NGX_API_PG_TIMEOUT, NULL);
    }
}


void
ngx_api_pg_lane_ready(ngx_api_pg_conn_t *conn)
{
    ngx_api_pg_pump(conn->lane);
}


void
ngx_api_pg_lane_lost(ngx_api_pg_conn_t *conn)
{
    ngx_queue_t        *q;
    ngx_api_pg_lane_t  *lane;

    lane = conn->lane;

    ngx_api_pg_pump(lane);

    while (!ngx_queue_empty(&lane->waiting) && !ngx_api_pg_hopeful(lane)) {
        q = ngx_queue_head(&lane->waiting);

        ngx_api_pg_finish(ngx_api_pg_unwait(q), NGX_API_PG_UNAVAILABLE, NULL);
    }
}


void
ngx_api_pg_lane_done(ngx_api_pg_conn_t *conn, ngx_api_pg_op_t *op,
    PGresult *res)
{
    ngx_uint_t           again;
    ngx_api_pg_status_e  status;

    again = 0;

    switch (PQresultStatus(res)) {

    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
        status = NGX_API_PG_OK;
        break;

    default:
        status = ngx_api_pg_error(conn, op, res, &again);
    }

    if (again) {
        PQclear(res);
        op->tries++;
        ngx_api_pg_wait(op, &op->lane->waiting);

    } else {
        ngx_api_pg_finish(op, status, res);
    }

    ngx_api_pg_pump(conn->lane);
}


/*
 * An operation whose connection was lost.  A read is sent again.  A write may
 * have been committed without our knowing, so that is not ours to decide.
 */

void
ngx_api_pg_lane_return(ngx_api_pg_op_t *op)
{
    if (op->handler
        && op->lane->which != NGX_API_PG_WRITE
        && ++op->tries < NGX_API_PG_TRIES_MAX)
    {
        ngx_api_pg_wait(op, &op->lane->waiting);
        return;
    }

    ngx_api_pg_finish(op, NGX_API_PG_UNAVAILABLE, NULL);
}


void
ngx_api_pg_lane_overdue(ngx_api_pg_op_t *op)
{
    ngx_api_pg_handler_pt  handler;

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "PostgreSQL did not answer \"%s\" in time"
                  NGX_API_PG_LOG_ID, op->statement->name, &op->request_id);

    ngx_api_pg_timed(op);

    ngx_api_metric_inc(&op->lane->metrics->timeouts);

    handler = op->handler;
    op->handler = NULL;

    handler(op->data, NGX_API_PG_TIMEOUT, NULL);
}


void
ngx_api_pg_lane_silent(void)
{
    ngx_uint_t          i, n, pass;
    ngx_api_pg_conn_t  *conn;

    /* first they are given no more work, such as that of one that fails */

    for (pass = 0; pass < 2; pass++) {
        for (i = 0; i < NGX_API_PG_LANES; i++) {
            for (n = 0; n < ngx_api_pg_lanes[i].nconns; n++) {

                conn = &ngx_api_pg_lanes[i].conns[n];

                if (conn->state != NGX_API_PG_CONN_READY) {
                    continue;
                }

                if (pass == 0) {
                    conn->broken = 1;

                } else {
                    ngx_api_pg_conn_silent(conn);
                }
            }
        }
    }
}


const ngx_api_pg_conf_t *
ngx_api_pg_lane_conf(ngx_api_pg_lane_t *lane, ngx_api_pg_lane_e *which)
{
    *which = lane->which;

    return lane->conf;
}


/* what a statement's error means: SQLSTATE -> status, and whether the
 * statement, which left no trace, should run once more */

static ngx_api_pg_status_e
ngx_api_pg_error(ngx_api_pg_conn_t *conn, ngx_api_pg_op_t *op,
    const PGresult *res, ngx_uint_t *again)
{
    ngx_uint_t   i;
    const char  *state, *message;

    static const struct {
        const char           *state;        /* or the class it begins with */
        ngx_api_pg_status_e   status;
        unsigned              again:1;
        unsigned              recycle:1;    /* the connection is of no use */
    } meanings[] = {
        { "57014", NGX_API_PG_TIMEOUT, 0, 0 },      /* statement_timeout */
        { "40", NGX_API_PG_UNAVAILABLE, 1, 0 },     /* deadlock */
        { "0A000", NGX_API_PG_ERROR, 1, 1 },        /* a table was changed: the
                                                       plan's columns differ */
        { "26000", NGX_API_PG_ERROR, 1, 1 },        /* statement is gone */
        { "25006", NGX_API_PG_UNAVAILABLE, 0, 1 },  /* now a standby */
        { "53", NGX_API_PG_UNAVAILABLE, 0, 0 },     /* disk or memory full */
        { NULL, NGX_API_PG_ERROR, 0, 0 }
    };

    state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    message = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);

    /* the primary message alone: details quote what a client sent */

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "PostgreSQL: statement \"%s\": %s: %s" NGX_API_PG_LOG_ID,
                  op->statement->name, state ? state : "no SQLSTATE",
                  message ? message : "", &op->request_id);

    for (i = 0; state && meanings[i].state; i++) {
        if (ngx_strncmp(state, meanings[i].state,
                        ngx_strlen(meanings[i].state))
            == 0)
        {
            break;
        }
    }

    if (state == NULL) {
        return NGX_API_PG_ERROR;
    }

    if (meanings[i].recycle) {
        conn->recycle = 1;
    }

    *again = meanings[i].again && op->handler
             && op->tries + 1 < NGX_API_PG_TRIES_MAX;

    return meanings[i].status;
}


static void
ngx_api_pg_finish(ngx_api_pg_op_t *op, ngx_api_pg_status_e status,
    PGresult *res)
{
    void                   *data;
    u_char                  text[NGX_API_TRACE_LEN];
    ngx_str_t               trace;
    ngx_uint_t              committed;
    ngx_api_pg_handler_pt   handler;

    handler = op->handler;
    data = op->data;

    ngx_api_pg_timed(op);

    committed = (status == NGX_API_PG_OK
                 && op->lane->which == NGX_API_PG_WRITE);

    if (status == NGX_API_PG_TIMEOUT && handler) {
        ngx_api_metric_inc(&op->lane->metrics->timeouts);
    }

    trace.len = 0;
    trace.data = text;

    if (op->statement->traced && op->request_id.len) {
        trace.len = NGX_API_TRACEPARENT_LEN + 1 + op->request_id.len;
        ngx_memcpy(text, op->trace, trace.len);
    }

    op->lane->nops--;
    ngx_api_pg_op_free(op);

    if (handler) {
        handler(data, status, status == NGX_API_PG_OK ? res : NULL);
    }

    if (committed && ngx_api_pg_committed) {
        ngx_api_pg_committed(res, &trace);
    }

    PQclear(res);
}


/* tells the request, if there still is one, where its time went */

static void
ngx_api_pg_timed(ngx_api_pg_op_t *op)
{
    uint64_t          now;
    ngx_api_trace_t  *trace;

    trace = op->timings;

    if (trace == NULL) {
        return;
    }

    op->timings = NULL;
    now = op->sent && op->answered ? op->answered : ngx_api_clock();

    if (op->sent) {
        ngx_api_timing_add(trace, NGX_API_TIMING_QUEUE,
                           op->sent - op->submitted);
        ngx_api_timing_add(trace, NGX_API_TIMING_DB, now - op->sent);

    } else {
        ngx_api_timing_add(trace, NGX_API_TIMING_QUEUE, now - op->submitted);
    }
}


static ngx_api_pg_op_t *
ngx_api_pg_op_get(void)
{
    ngx_queue_t  *q;

    if (ngx_queue_empty(&ngx_api_pg_free_ops)) {
        return ngx_alloc(sizeof(ngx_api_pg_op_t), ngx_cycle->log);
    }

    q = ngx_queue_head(&ngx_api_pg_free_ops);
    ngx_queue_remove(q);

    return ngx_queue_data(q, ngx_api_pg_op_t, queue);
}


static void
ngx_api_pg_op_free(ngx_api_pg_op_t *op)
{
    ngx_queue_insert_head(&ngx_api_pg_free_ops, &op->queue);
}
