
/*
 * Redis for features: commands over one connection, subscriptions over another.
 *
 * Replies come in the order of the commands: a queue of operations is all there
 * is to keep.  A command that is overdue fails at once; its reply, should it
 * come, is dropped.  While one is overdue Redis hangs, and none is taken:
 * whoever has something else to do needs not wait in vain each time.
 */


#include "ngx_api_module.h"
#include "ngx_api_redis_conn.h"


#define NGX_API_REDIS_OPS_MAX  8192      /* in flight */
#define NGX_API_REDIS_SUBSCRIPTIONS  8

/* how long an answer may be overdue before the connection counts as dead, ms */
#define NGX_API_REDIS_GRACE    1000

/* how often a subscriber makes sure that it still has a connection, ms; after
 * twice that time in silence it has none */
#define NGX_API_REDIS_PING     1000


struct ngx_api_redis_op_s {
    ngx_queue_t                          queue;
    ngx_api_redis_handler_pt             handler;   /* NULL: nobody waits */
    void                                *data;
    ngx_msec_t                           deadline;
    unsigned                             overdue:1;
    ngx_str_t                            request_id;   /* empty: of none */
    u_char                               id[NGX_API_REQUEST_ID_MAX];
};


typedef enum {
    NGX_API_REDIS_OK = 0,
    NGX_API_REDIS_ERROR,
    NGX_API_REDIS_TIMEOUT,
    NGX_API_REDIS_LOST,
    NGX_API_REDIS_REFUSED,      /* not taken: away, or behind */
    NGX_API_REDIS_OUTCOMES
} ngx_api_redis_outcome_e;


static void ngx_api_redis_ready(ngx_api_redis_conn_t *conn);
static ngx_int_t ngx_api_redis_reply(ngx_api_redis_conn_t *conn,
    const redisReply *reply);
static void ngx_api_redis_lost(ngx_api_redis_conn_t *conn);
static void ngx_api_redis_timer_handler(ngx_event_t *ev);
static void ngx_api_redis_arm(void);
static ngx_api_redis_op_t *ngx_api_redis_op_get(void);
static void ngx_api_redis_op_free(ngx_api_redis_op_t *op);

static void ngx_api_redis_subscriber_ready(ngx_api_redis_conn_t *conn);
static ngx_int_t ngx_api_redis_subscriber_reply(ngx_api_redis_conn_t *conn,
    const redisReply *reply);
static void ngx_api_redis_subscriber_lost(ngx_api_redis_conn_t *conn);
static ngx_int_t ngx_api_redis_subscriber_send(const char *command,
    const ngx_str_t *channel);
static const ngx_api_redis_subscription_t *ngx_api_redis_subscription(
    const redisReply *channel);
static void ngx_api_redis_ping_handler(ngx_event_t *ev);


static const ngx_api_metric_family_t  ngx_api_redis_up_family = {
    ngx_string("skep_redis_up"),
    ngx_string("Workers that are connected to Redis."),
    NGX_API_METRIC_GAUGE, 0, NULL
};

static const ngx_api_metric_family_t  ngx_api_redis_reconnects_family = {
    ngx_string("skep_redis_reconnects_total"),
    ngx_string("Connections to Redis made again after they were lost."),
    NGX_API_METRIC_COUNTER, 0, NULL
};

static const ngx_api_metric_family_t  ngx_api_redis_commands_family = {
    ngx_string("skep_redis_commands_total"),
    ngx_string("Commands to Redis by what became of them."),
    NGX_API_METRIC_COUNTER, 0, NULL
};

static ngx_api_metric_t  ngx_api_redis_up =
    ngx_api_metric(&ngx_api_redis_up_family, "");

static ngx_api_metric_t  ngx_api_redis_reconnects =
    ngx_api_metric(&ngx_api_redis_reconnects_family, "");

static ngx_api_metric_t  ngx_api_redis_outcomes[NGX_API_REDIS_OUTCOMES] = {
    ngx_api_metric(&ngx_api_redis_commands_family, "outcome=\"ok\""),
    ngx_api_metric(&ngx_api_redis_commands_family, "outcome=\"error\""),
    ngx_api_metric(&ngx_api_redis_commands_family, "outcome=\"timeout\""),
    ngx_api_metric(&ngx_api_redis_commands_family, "outcome=\"lost\""),
    ngx_api_metric(&ngx_api_redis_commands_family, "outcome=\"refused\"")
};


/* of this worker */

static ngx_api_redis_conn_t  ngx_api_redis_commands;
static ngx_queue_t           ngx_api_redis_ops;       /* in flight, in order */
static ngx_uint_t            ngx_api_redis_nops;
static ngx_queue_t           ngx_api_redis_free_ops;
static ngx_event_t           ngx_api_redis_timer;     /* of the oldest */
static ngx_uint_t            ngx_api_redis_hangs;
static ngx_uint_t            ngx_api_redis_known;     /* it was ready before */

static ngx_api_redis_conn_t  ngx_api_redis_subscriber;
static const ngx_api_redis_subscription_t
                            *ngx_api_redis_subscriptions[
                                 NGX_API_REDIS_SUBSCRIPTIONS];
static ngx_uint_t            ngx_api_redis_nsubscriptions;
static ngx_event_t           ngx_api_redis_ping;
static ngx_uint_t            ngx_api_redis_silent;    /* pings unanswered */


ngx_uint_t
ngx_api_redis_configured(ngx_conf_t *cf)
{
    ngx_api_main_conf_t  *amcf;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_api_module);

    return amcf->redis.naddrs != 0;
}


ngx_int_t
ngx_api_redis_metrics_add(ngx_conf_t *cf)
{
    if (ngx_api_metrics_add(cf, &ngx_api_redis_up, 1) != NGX_OK
        || ngx_api_metrics_add(cf, &ngx_api_redis_reconnects, 1) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_api_metrics_add(cf, ngx_api_redis_outcomes,
                               NGX_API_REDIS_OUTCOMES);
}


void
ngx_api_redis_init_process(ngx_cycle_t *cycle, const ngx_api_redis_conf_t *conf)
{
    ngx_queue_init(&ngx_api_redis_ops);
    ngx_queue_init(&ngx_api_redis_free_ops);

    if (conf->naddrs == 0) {
        return;
    }

    ngx_api_redis_timer.handler = ngx_api_redis_timer_handler;
    ngx_api_redis_timer.data = &ngx_api_redis_timer;
    ngx_api_redis_timer.log = cycle->log;

    ngx_api_redis_commands.conf = conf;
    ngx_api_redis_commands.ready = ngx_api_redis_ready;
    ngx_api_redis_commands.reply = ngx_api_redis_reply;
    ngx_api_redis_commands.lost = ngx_api_redis_lost;

    ngx_api_redis_ping.handler = ngx_api_redis_ping_handler;
    ngx_api_redis_ping.data = &ngx_api_redis_ping;
    ngx_api_redis_ping.log = cycle->log;
    ngx_api_redis_ping.cancelable = 1;

    ngx_api_redis_subscriber.conf = conf;
    ngx_api_redis_subscriber.ready = ngx_api_redis_subscriber_ready;
    ngx_api_redis_subscriber.reply = ngx_api_redis_subscriber_reply;
    ngx_api_redis_subscriber.lost = ngx_api_redis_subscriber_lost;

    ngx_api_redis_conn_open(&ngx_api_redis_commands);
}


void
ngx_api_redis_exit_process(void)
{
    ngx_queue_t  *q;

    if (ngx_api_redis_commands.conf == NULL) {
        return;
    }

    /* whoever waits still has lost its request, or will in a moment */

    for (q = ngx_queue_head(&ngx_api_redis_ops);
         q != ngx_queue_sentinel(&ngx_api_redis_ops);
         q = ngx_queue_next(q))
    {
        ngx_api_redis_detach(ngx_queue_data(q, ngx_api_redis_op_t, queue));
    }

    ngx_api_redis_conn_close(&ngx_api_redis_commands);
    ngx_api_redis_conn_close(&ngx_api_redis_subscriber);

    while (!ngx_queue_empty(&ngx_api_redis_free_ops)) {
        q = ngx_queue_head(&ngx_api_redis_free_ops);
        ngx_queue_remove(q);
        ngx_free(ngx_queue_data(q, ngx_api_redis_op_t, queue));
    }
}


static ngx_api_redis_op_t *
ngx_api_redis_refused(void)
{
    ngx_api_metric_inc(&ngx_api_redis_outcomes[NGX_API_REDIS_REFUSED]);

    return NULL;
}


ngx_api_redis_op_t *
ngx_api_redis_command(int argc, const char **argv, const size_t *argvlen,
    ngx_api_redis_handler_pt handler, void *data)
{
    ngx_api_redis_op_t    *op;
    ngx_api_redis_conn_t  *conn;

    conn = &ngx_api_redis_commands;

    if (conn->state != NGX_API_REDIS_READY
        || ngx_api_redis_hangs
        || ngx_api_redis_nops >= NGX_API_REDIS_OPS_MAX)
    {
        return ngx_api_redis_refused();
    }

    op = ngx_api_redis_op_get();
    if (op == NULL) {
        return ngx_api_redis_refused();
    }

    if (ngx_api_redis_conn_send(conn, argc, argv, argvlen) != NGX_OK) {
        ngx_api_redis_op_free(op);
        return ngx_api_redis_refused();
    }

    op->handler = handler;
    op->data = data;
    op->overdue = 0;
    op->request_id.len = 0;
    op->deadline = ngx_current_msec + conn->conf->timeout;

    ngx_queue_insert_tail(&ngx_api_redis_ops, &op->queue);
    ngx_api_redis_nops++;

    ngx_api_redis_timer.cancelable = 0;

    if (!ngx_api_redis_timer.timer_set) {
        ngx_api_redis_arm();
    }

    return op;
}


void
ngx_api_redis_whose(ngx_api_redis_op_t *op, ngx_http_request_t *r)
{
    const ngx_str_t  *id;

    id = op ? ngx_api_request_id(r) : NULL;

    if (id) {
        op->request_id.data = op->id;
        op->request_id.len = id->len;
        ngx_memcpy(op->id, id->data, id->len);
    }
}


void
ngx_api_redis_detach(ngx_api_redis_op_t *op)
{
    op->handler = NULL;
}


static void
ngx_api_redis_ready(ngx_api_redis_conn_t *conn)
{
    ngx_api_redis_hangs = 0;

    ngx_api_metric_set(&ngx_api_redis_up, 1);

    if (ngx_api_redis_known) {
        ngx_api_metric_inc(&ngx_api_redis_reconnects);
    }

    ngx_api_redis_known = 1;
}


static ngx_int_t
ngx_api_redis_reply(ngx_api_redis_conn_t *conn, const redisReply *reply)
{
    void                      *data;
    ngx_queue_t               *q;
    ngx_api_redis_op_t        *op;
    ngx_api_redis_handler_pt   handler;

    if (ngx_queue_empty(&ngx_api_redis_ops)) {
        return NGX_ERROR;
    }

    q = ngx_queue_head(&ngx_api_redis_ops);
    ngx_queue_remove(q);

    op = ngx_queue_data(q, ngx_api_redis_op_t, queue);
    handler = op->handler;
    data = op->data;

    if (!op->overdue) {
        ngx_api_metric_inc(&ngx_api_redis_outcomes[
                               reply->type == REDIS_REPLY_ERROR
                               ? NGX_API_REDIS_ERROR : NGX_API_REDIS_OK]);
    }

    if (reply->type == REDIS_REPLY_ERROR
        && ngx_strncmp(reply->str, "READONLY", sizeof("READONLY") - 1) == 0)
    {
        conn->demoted = 1;
    }

    if (handler == NULL && reply->type == REDIS_REPLY_ERROR
        && !conn->demoted)
    {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "Redis: %*s, request_id: \"%V\"", (size_t) reply->len,
                      reply->str, &op->request_id);
    }

    ngx_api_redis_op_free(op);
    ngx_api_redis_hangs = 0;

    if (--ngx_api_redis_nops == 0) {
        /* left set, it finds nothing; it must not keep an exiting worker */
        ngx_api_redis_timer.cancelable = 1;
    }

    if (handler) {
        handler(data, reply);
    }

    return conn->demoted ? NGX_ERROR : NGX_OK;
}


static void
ngx_api_redis_lost(ngx_api_redis_conn_t *conn)
{
    void                      *data;
    ngx_queue_t               *q;
    ngx_api_redis_op_t        *op;
    ngx_api_redis_handler_pt   handler;

    if (ngx_api_redis_timer.timer_set) {
        ngx_del_timer(&ngx_api_redis_timer);
    }

    ngx_api_redis_hangs = 0;

    ngx_api_metric_set(&ngx_api_redis_up, 0);

    while (!ngx_queue_empty(&ngx_api_redis_ops)) {
        q = ngx_queue_head(&ngx_api_redis_ops);
        ngx_queue_remove(q);
        ngx_api_redis_nops--;

        op = ngx_queue_data(q, ngx_api_redis_op_t, queue);
        handler = op->handler;
        data = op->data;

        if (!op->overdue) {
            ngx_api_metric_inc(&ngx_api_redis_outcomes[NGX_API_REDIS_LOST]);
        }

        ngx_api_redis_op_free(op);

        if (handler) {
            handler(data, NULL);
        }
    }
}


/*
 * One timer for all: deadlines come in the order of the queue, and a timer that
 * fires early just looks and sets itself anew.
 */

static void
ngx_api_redis_timer_handler(ngx_event_t *ev)
{
    ngx_queue_t               *q, *next;
    ngx_api_redis_op_t        *op;
    ngx_api_redis_handler_pt   handler;

    for (q = ngx_queue_head(&ngx_api_redis_ops);
         q != ngx_queue_sentinel(&ngx_api_redis_ops);
         q = next)
    {
        next = ngx_queue_next(q);

        op = ngx_queue_data(q, ngx_api_redis_op_t, queue);

        if ((ngx_msec_int_t) (op->deadline - ngx_current_msec) > 0) {
            break;
        }

        if (q == ngx_queue_head(&ngx_api_redis_ops)
            && (ngx_msec_int_t) (op->deadline + NGX_API_REDIS_GRACE
                                 - ngx_current_msec) <= 0)
        {
            ngx_api_redis_conn_fail(&ngx_api_redis_commands, 0,
                                    "no answer in time");
            return;
        }

        ngx_api_redis_hangs = 1;

        if (!op->overdue) {
            op->overdue = 1;
            ngx_api_metric_inc(&ngx_api_redis_outcomes[NGX_API_REDIS_TIMEOUT]);
        }

        handler = op->handler;
        op->handler = NULL;

        if (handler) {
            handler(op->data, NULL);
        }
    }

    ngx_api_redis_arm();
}


static void
ngx_api_redis_arm(void)
{
    ngx_msec_t           when;
    ngx_queue_t         *q;
    ngx_msec_int_t       left;
    ngx_api_redis_op_t  *op;

    if (ngx_queue_empty(&ngx_api_redis_ops)) {
        return;
    }

    /* the oldest may be overdue already, then the next one's turn is first */

    q = ngx_queue_head(&ngx_api_redis_ops);
    op = ngx_queue_data(q, ngx_api_redis_op_t, queue);

    when = op->deadline;

    if ((ngx_msec_int_t) (when - ngx_current_msec) <= 0) {
        when += NGX_API_REDIS_GRACE;

        for (q = ngx_queue_next(q);
             q != ngx_queue_sentinel(&ngx_api_redis_ops);
             q = ngx_queue_next(q))
        {
            op = ngx_queue_data(q, ngx_api_redis_op_t, queue);

            if ((ngx_msec_int_t) (op->deadline - ngx_current_msec) > 0) {

                if ((ngx_msec_int_t) (op->deadline - when) < 0) {
                    when = op->deadline;
                }

                break;
            }
        }
    }

    left = (ngx_msec_int_t) (when - ngx_current_msec);

    ngx_add_timer(&ngx_api_redis_timer, (ngx_msec_t) ngx_max(left, 1));
}


static ngx_api_redis_op_t *
ngx_api_redis_op_get(void)
{
    ngx_queue_t  *q;

    if (ngx_queue_empty(&ngx_api_redis_free_ops)) {
        return ngx_alloc(sizeof(ngx_api_redis_op_t), ngx_cycle->log);
    }

    q = ngx_queue_head(&ngx_api_redis_free_ops);
    ngx_queue_remove(q);

    return ngx_queue_data(q, ngx_api_redis_op_t, queue);
}


static void
ngx_api_redis_op_free(ngx_api_redis_op_t *op)
{
    ngx_queue_insert_head(&ngx_api_redis_free_ops, &op->queue);
}


/* subscriptions */

ngx_int_t
ngx_api_redis_subscribe(const ngx_api_redis_subscription_t *subscription)
{
    if (ngx_api_redis_subscriber.conf == NULL) {
        return NGX_OK;
    }

    if (ngx_api_redis_nsubscriptions == NGX_API_REDIS_SUBSCRIPTIONS) {
        return NGX_ERROR;
    }

    ngx_api_redis_subscriptions[ngx_api_redis_nsubscriptions++] = subscription;

    if (ngx_api_redis_nsubscriptions == 1) {
        ngx_api_redis_conn_open(&ngx_api_redis_subscriber);

    } else if (ngx_api_redis_subscriber.state == NGX_API_REDIS_READY) {
        return ngx_api_redis_subscriber_send("SUBSCRIBE",
                                             &subscription->channel);
    }

    return NGX_OK;
}


static void
ngx_api_redis_subscriber_ready(ngx_api_redis_conn_t *conn)
{
    ngx_uint_t  i;

    for (i = 0; i < ngx_api_redis_nsubscriptions; i++) {
        (void) ngx_api_redis_subscriber_send(
                   "SUBSCRIBE", &ngx_api_redis_subscriptions[i]->channel);
    }

    ngx_api_redis_silent = 0;
    ngx_add_timer(&ngx_api_redis_ping, NGX_API_REDIS_PING);
}


static ngx_int_t
ngx_api_redis_subscriber_send(const char *command, const ngx_str_t *channel)
{
    size_t       lens[2];
    const char  *args[2];

    args[0] = command;
    lens[0] = ngx_strlen(command);

    if (channel) {
        args[1] = (char *) channel->data;
        lens[1] = channel->len;
    }

    return ngx_api_redis_conn_send(&ngx_api_redis_subscriber, channel ? 2 : 1,
                                   args, lens);
}


/* ["message", channel, text], ["subscribe", channel, n], ["pong", ""] */

static ngx_int_t
ngx_api_redis_subscriber_reply(ngx_api_redis_conn_t *conn,
    const redisReply *reply)
{
    ngx_str_t                            text;
    ngx_uint_t                           level;
    const redisReply                    *kind;
    const ngx_api_redis_subscription_t  *subscription;

    ngx_api_redis_silent = 0;

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 2
        || reply->element[0]->type != REDIS_REPLY_STRING
        || reply->element[1]->type != REDIS_REPLY_STRING)
    {
        if (reply->type == REDIS_REPLY_ERROR) {
            level = conn->refused ? NGX_LOG_INFO : NGX_LOG_ERR;
            conn->refused = 1;

            ngx_log_error(level, ngx_cycle->log, 0, "Redis: %*s",
                          (size_t) reply->len, reply->str);
        }

        return NGX_ERROR;
    }

    kind = reply->element[0];

    if (reply->elements != 3) {
        conn->refused = 0;
        return NGX_OK;
    }

    subscription = ngx_api_redis_subscription(reply->element[1]);

    if (subscription == NULL) {
        return NGX_OK;
    }

    if (ngx_strcmp(kind->str, "subscribe") == 0) {
        subscription->connected(subscription->data);

    } else if (ngx_strcmp(kind->str, "message") == 0
               && reply->element[2]->type == REDIS_REPLY_STRING)
    {
        text.data = (u_char *) reply->element[2]->str;
        text.len = (size_t) reply->element[2]->len;

        subscription->message(subscription->data, &text);
    }

    return NGX_OK;
}


static const ngx_api_redis_subscription_t *
ngx_api_redis_subscription(const redisReply *channel)
{
    ngx_uint_t                           i;
    const ngx_api_redis_subscription_t  *subscription;

    for (i = 0; i < ngx_api_redis_nsubscriptions; i++) {
        subscription = ngx_api_redis_subscriptions[i];

        if (subscription->channel.len == (size_t) channel->len
            && ngx_memcmp(subscription->channel.data, channel->str,
                          subscription->channel.len)
               == 0)
        {
            return subscription;
        }
    }

    return NULL;
}


static void
ngx_api_redis_subscriber_lost(ngx_api_redis_conn_t *conn)
{
    ngx_uint_t                           i;
    const ngx_api_redis_subscription_t  *subscription;

    if (ngx_api_redis_ping.timer_set) {
        ngx_del_timer(&ngx_api_redis_ping);
    }

    for (i = 0; i < ngx_api_redis_nsubscriptions; i++) {
        subscription = ngx_api_redis_subscriptions[i];

        if (subscription->lost) {
            subscription->lost(subscription->data);
        }
    }
}


/* a peer that vanished tells nobody */

static void
ngx_api_redis_ping_handler(ngx_event_t *ev)
{
    if (ngx_exiting) {
        return;
    }

    if (ngx_api_redis_silent++
        || ngx_api_redis_subscriber_send("PING", NULL) != NGX_OK)
    {
        ngx_api_redis_conn_fail(&ngx_api_redis_subscriber, 0,
                                "no answer in time");
        return;
    }

    ngx_add_timer(ev, NGX_API_REDIS_PING);
}
