
/*
 * What is new, in the order of its numbers: the feed of this worker.
 *
 * The feed is at n when all clients got what is theirs up to n.  A message of
 * Redis that begins with n + 1 is taken.  One that begins later shows a gap: it
 * waits, and what is missing is read from PostgreSQL, for all who are connected
 * at once.  So messages that were lost, that overtook each other or that came
 * while Redis was away are one case.
 *
 * PostgreSQL is also asked once a second what the last number is, as long as
 * there are clients: nobody may be left to publish what was lost, and without
 * Redis this is all there is.
 */


#include "ngx_notify_stream.h"
#include "ngx_notify_wire.h"

#include <skep_wire.h>


#define NGX_NOTIFY_FEED_POLL     1000       /* ms */

/* how long what is missing may still come from Redis, ms: when a message has
 * overtaken it; and when PostgreSQL says that there is more */
#define NGX_NOTIFY_FEED_OVERTAKEN  10
#define NGX_NOTIFY_FEED_LATE       250

/* bytes of messages that wait; what does not fit is read from PostgreSQL */
#define NGX_NOTIFY_FEED_PENDING  1048576

/* numbers that are read at once */
#define NGX_NOTIFY_FEED_PAGE     "100"


typedef struct {
    ngx_queue_t   queue;
    int64_t       first;
    int64_t       last;
    ngx_str_t     text;
} ngx_notify_pending_t;


typedef struct {
    int64_t       n;
    int64_t       most;           /* the last one that is known of */

    ngx_queue_t   pending;        /* of messages, by their first */
    size_t        size;           /* of them */

    ngx_event_t   poll;
    ngx_event_t   gap;            /* to be read from PostgreSQL, when */

    int64_t       polled_from;
    int64_t       read_from;
    char          number[NGX_INT64_LEN + 1];
    char         *users;          /* whom is read for */

    unsigned      polls:1;        /* under way */
    unsigned      reads:1;
    unsigned      subscribed:1;
} ngx_notify_feed_t;


static void ngx_notify_feed_message(void *data, const ngx_str_t *text);
static void ngx_notify_feed_connected(void *data);
static void ngx_notify_feed_lost(void *data);
static ngx_int_t ngx_notify_feed_take(const ngx_str_t *text);
static ngx_int_t ngx_notify_feed_event(const ngx_notify_wire_event_t *event);
static ngx_notify_text_t *ngx_notify_feed_format(const ngx_str_t *id,
    const ngx_str_t *type, const ngx_str_t *json, ngx_chain_t *chain);
static void ngx_notify_feed_wait(const ngx_notify_wire_t *wire,
    const ngx_str_t *text);
static void ngx_notify_feed_drain(void);
static void ngx_notify_feed_forget(ngx_notify_pending_t *pending);
static void ngx_notify_feed_gap(ngx_msec_t delay);
static void ngx_notify_feed_gap_handler(ngx_event_t *ev);
static void ngx_notify_feed_read_handler(void *data,
    ngx_api_pg_status_e status, const PGresult *res);
static void ngx_notify_feed_rows(const PGresult *res);
static ngx_int_t ngx_notify_feed_row(const PGresult *res, int row, int column);
static void ngx_notify_feed_poll_handler(ngx_event_t *ev);
static void ngx_notify_feed_polled(void *data, ngx_api_pg_status_e status,
    const PGresult *res);


static ngx_notify_feed_t             ngx_notify_feed;
static ngx_api_redis_subscription_t  ngx_notify_feed_subscription;


ngx_int_t
ngx_notify_feed_init(ngx_cycle_t *cycle, const ngx_notify_main_conf_t *nmcf)
{
    u_char                        *p;
    ngx_notify_feed_t             *feed;
    ngx_api_redis_subscription_t  *subscription;

    feed = &ngx_notify_feed;

    ngx_queue_init(&feed->pending);

    feed->poll.handler = ngx_notify_feed_poll_handler;
    feed->poll.data = feed;
    feed->poll.log = cycle->log;
    feed->poll.cancelable = 1;

    feed->gap.handler = ngx_notify_feed_gap_handler;
    feed->gap.data = feed;
    feed->gap.log = cycle->log;
    feed->gap.cancelable = 1;

    if (nmcf->stream.len == 0) {
        return NGX_OK;
    }

    subscription = &ngx_notify_feed_subscription;

    subscription->channel.len = nmcf->stream.len
                                + sizeof(SKEP_WIRE_CHANNEL) - 1;
    subscription->channel.data = ngx_pnalloc(cycle->pool,
                                             subscription->channel.len);
    if (subscription->channel.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(subscription->channel.data, nmcf->stream.data,
                   nmcf->stream.len);
    ngx_memcpy(p, SKEP_WIRE_CHANNEL, sizeof(SKEP_WIRE_CHANNEL) - 1);

    subscription->message = ngx_notify_feed_message;
    subscription->connected = ngx_notify_feed_connected;
    subscription->lost = ngx_notify_feed_lost;
    subscription->data = feed;

    return ngx_api_redis_subscribe(subscription);
}


int64_t
ngx_notify_feed_n(void)
{
    return ngx_notify_feed.n;
}


ngx_uint_t
ngx_notify_feed_reads(void)
{
    return ngx_notify_feed.reads;
}


void
ngx_notify_feed_enter(int64_t most)
{
    ngx_notify_feed_t  *feed;

    feed = &ngx_notify_feed;

    if (ngx_notify_nclients == 1 && most > feed->n) {

        /* nobody was here for whom what is between would be missing */

        feed->n = most;
        ngx_notify_feed_drain();

        if (feed->most > feed->n) {
            ngx_notify_feed_gap(NGX_NOTIFY_FEED_OVERTAKEN);
        }
    }

    if (!feed->poll.timer_set) {
        ngx_add_timer(&feed->poll, NGX_NOTIFY_FEED_POLL);
    }
}


void
ngx_notify_feed_seen(int64_t most, int64_t from)
{
    ngx_queue_t        *q;
    ngx_notify_feed_t  *feed;

    feed = &ngx_notify_feed;

    if (most < from) {

        /* numbers never go back, unless the database did */

        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "the last notification was %L, now it is %L", from,
                      most);

        while (!ngx_queue_empty(&feed->pending)) {
            q = ngx_queue_head(&feed->pending);
            ngx_notify_feed_forget(ngx_queue_data(q, ngx_notify_pending_t,
                                                  queue));
        }

        feed->n = most;
        feed->most = most;

        ngx_notify_clients_back(most);
        return;
    }

    if (most > feed->n) {
        feed->most = ngx_max(feed->most, most);

        ngx_notify_feed_gap(feed->subscribed ? NGX_NOTIFY_FEED_LATE : 1);
    }
}


/* Redis */

static void
ngx_notify_feed_message(void *data, const ngx_str_t *text)
{
    ngx_notify_feed_t *feed = data;

    ngx_notify_wire_t  wire;

    if (ngx_notify_wire_open(&wire, text) != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "a message in channel \"%V\" of Redis is not ours",
                      &ngx_notify_feed_subscription.channel);
        return;
    }

    if (wire.last <= feed->n) {
        return;
    }

    if (ngx_notify_nclients == 0) {
        feed->n = wire.last;
        return;
    }

    if (wire.empty) {

        /* it is to be read from PostgreSQL, or it was told of before, in a
         * message that did not come */

        feed->most = ngx_max(feed->most, wire.last);
        ngx_notify_feed_gap(1);
        return;
    }

    if (wire.first > feed->n + 1) {
        ngx_notify_feed_wait(&wire, text);
        return;
    }

    if (ngx_notify_feed_take(text) != NGX_OK) {
        feed->most = ngx_max(feed->most, wire.last);
        ngx_notify_feed_gap(1);
    }

    ngx_notify_feed_drain();
    ngx_notify_clients_flush();
}


static void
ngx_notify_feed_connected(void *data)
{
    ngx_notify_feed_t *feed = data;

    feed->subscribed = 1;

    /* there may have been messages before that nobody heard here */

    if (ngx_notify_nclients && !ngx_exiting) {
        ngx_add_timer(&feed->poll, 1);
    }
}


static void
ngx_notify_feed_lost(void *data)
{
    ngx_notify_feed_t *feed = data;

    feed->subscribed = 0;
}


/* a message that begins where the feed is, or before; NGX_OK, or NGX_ERROR if
 * the feed could not be brought to its end */

static ngx_int_t
ngx_notify_feed_take(const ngx_str_t *text)
{
    ngx_int_t                 rc;
    ngx_notify_feed_t        *feed;
    ngx_notify_wire_t         wire;
    ngx_notify_wire_event_t   event;

    feed = &ngx_notify_feed;

    (void) ngx_notify_wire_open(&wire, text);

    for ( ;; ) {

        rc = ngx_notify_wire_next(&wire, &event);

        if (rc == NGX_DONE) {
            return NGX_OK;
        }

        if (rc == NGX_OK && event.n > feed->n) {
            rc = ngx_notify_feed_event(&event);

            if (rc == NGX_OK) {
                feed->n = event.n;
            }
        }

        if (rc != NGX_OK) {
            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                          "notifications from %L to %L in channel \"%V\" "
                          "of Redis could not be read",
                          feed->n + 1, wire.last,
                          &ngx_notify_feed_subscription.channel);
            return NGX_ERROR;
        }
    }
}


static ngx_int_t
ngx_notify_feed_event(const ngx_notify_wire_event_t *event)
{
    u_char              id[16];
    ngx_uint_t          i;
    ngx_notify_text_t  *text;
    ngx_notify_user_t  *user;

    text = NULL;

    for (i = 0; i < event->nusers; i++) {

        if (ngx_notify_wire_user(event, i, id) != NGX_OK) {
            break;
        }

        user = ngx_notify_user_find(id);

        if (user == NULL) {
            continue;
        }

        if (text == NULL) {
            text = ngx_notify_feed_format(&event->id, &event->type,
                                          &event->json, NULL);
            if (text == NULL) {
                return NGX_ERROR;
            }
        }

        ngx_notify_user_put(user, event->n, text);
    }

    if (text) {
        ngx_notify_text_release(text);
    }

    return i == event->nusers ? NGX_OK : NGX_ERROR;
}


/* json: or a chain of it */

static ngx_notify_text_t *
ngx_notify_feed_format(const ngx_str_t *id, const ngx_str_t *type,
    const ngx_str_t *json, ngx_chain_t *chain)
{
    u_char             *p, *data;
    ngx_chain_t        *cl;
    ngx_notify_text_t  *text;

    text = ngx_notify_text_create(sizeof("id: \nevent: \ndata: \n\n") - 1
                                  + id->len + type->len + json->len);
    if (text == NULL) {
        return NULL;
    }

    p = ngx_sprintf(text->data, "id: %V\nevent: %V\ndata: ", id, type);

    data = p;

    if (chain == NULL) {
        p = ngx_cpymem(p, json->data, json->len);
    }

    for (cl = chain; cl; cl = cl->next) {
        p = ngx_cpymem(p, cl->buf->pos, cl->buf->last - cl->buf->pos);
    }

    /* data ends with its line; in JSON a line's end is but white space */

    for ( /* void */ ; data < p; data++) {
        if (*data == LF || *data == CR) {
            *data = ' ';
        }
    }

    *p++ = LF;
    *p = LF;

    return text;
}


/* a message after a gap */

static void
ngx_notify_feed_wait(const ngx_notify_wire_t *wire, const ngx_str_t *text)
{
    size_t                 size;
    ngx_queue_t           *q;
    ngx_notify_feed_t     *feed;
    ngx_notify_pending_t  *pending, *before;

    feed = &ngx_notify_feed;

    feed->most = ngx_max(feed->most, wire->last);

    ngx_notify_feed_gap(NGX_NOTIFY_FEED_OVERTAKEN);

    size = sizeof(ngx_notify_pending_t) + text->len;

    if (feed->size + size > NGX_NOTIFY_FEED_PENDING) {
        return;
    }

    pending = ngx_alloc(size, ngx_cycle->log);
    if (pending == NULL) {
        return;
    }

    feed->size += size;

    pending->first = wire->first;
    pending->last = wire->last;
    pending->text.len = text->len;
    pending->text.data = (u_char *) (pending + 1);
    ngx_memcpy(pending->text.data, text->data, text->len);

    for (q = ngx_queue_last(&feed->pending);
         q != ngx_queue_sentinel(&feed->pending);
         q = ngx_queue_prev(q))
    {
        before = ngx_queue_data(q, ngx_notify_pending_t, queue);

        if (before->first <= pending->first) {
            break;
        }
    }

    ngx_queue_insert_after(q, &pending->queue);
}


/* takes the messages that waited for what is there now */

static void
ngx_notify_feed_drain(void)
{
    ngx_queue_t           *q;
    ngx_notify_feed_t     *feed;
    ngx_notify_pending_t  *pending;

    feed = &ngx_notify_feed;

    while (!ngx_queue_empty(&feed->pending)) {
        q = ngx_queue_head(&feed->pending);
        pending = ngx_queue_data(q, ngx_notify_pending_t, queue);

        if (pending->last > feed->n) {

            if (pending->first > feed->n + 1) {
                break;
            }

            if (ngx_notify_feed_take(&pending->text) != NGX_OK) {
                ngx_notify_feed_gap(1);
            }
        }

        ngx_notify_feed_forget(pending);
    }
}


static void
ngx_notify_feed_forget(ngx_notify_pending_t *pending)
{
    ngx_notify_feed.size -= sizeof(ngx_notify_pending_t) + pending->text.len;

    ngx_queue_remove(&pending->queue);
    ngx_free(pending);
}


/* PostgreSQL */

static void
ngx_notify_feed_gap(ngx_msec_t delay)
{
    ngx_event_t  *ev;

    ev = &ngx_notify_feed.gap;

    if (ngx_exiting
        || (ev->timer_set
            && (ngx_msec_int_t) (ev->timer.key - ngx_current_msec - delay)
               <= 0))
    {
        return;
    }

    ngx_add_timer(ev, delay);
}


static void
ngx_notify_feed_gap_handler(ngx_event_t *ev)
{
    const char         *values[3];
    ngx_notify_feed_t  *feed;

    feed = ev->data;

    if (feed->reads || feed->most <= feed->n || ngx_notify_nclients == 0
        || ngx_exiting)
    {
        return;
    }

    feed->users = ngx_notify_users_array();
    if (feed->users == NULL) {
        return;
    }

    feed->read_from = feed->n;
    *ngx_sprintf((u_char *) feed->number, "%L", feed->n) = '\0';

    values[0] = feed->users;
    values[1] = feed->number;
    values[2] = NGX_NOTIFY_FEED_PAGE;

    if (ngx_api_pg_submit(NGX_NOTIFY_SQL_STREAM_GAP, values,
                          ngx_notify_feed_read_handler, feed)
        == NULL)
    {
        ngx_free(feed->users);
        return;
    }

    feed->reads = 1;
}


/* if it failed, the next poll leads here again */

static void
ngx_notify_feed_read_handler(void *data, ngx_api_pg_status_e status,
    const PGresult *res)
{
    ngx_notify_feed_t *feed = data;

    ngx_free(feed->users);

    if (status == NGX_API_PG_OK) {
        ngx_notify_feed_rows(res);
    }

    feed->reads = 0;

    if (status == NGX_API_PG_OK) {
        ngx_notify_feed_drain();

        if (feed->most > feed->n) {
            ngx_notify_feed_gap(ngx_queue_empty(&feed->pending)
                                ? 1 : NGX_NOTIFY_FEED_OVERTAKEN);
        }
    }

    ngx_notify_resume_join();
    ngx_notify_clients_flush();
}


/* one row at least; columns besides a notification's: _most, the last number
 * of all; _last, up to which this is; _n, null if there is no event; _users */

static void
ngx_notify_feed_rows(const PGresult *res)
{
    int                 i, n, column, users;
    int64_t             event;
    ngx_notify_feed_t  *feed;

    feed = &ngx_notify_feed;

    ngx_notify_feed_seen(ngx_api_pg_integer(res, 0, PQfnumber(res, "_most")),
                         feed->read_from);

    column = PQfnumber(res, "_n");
    users = PQfnumber(res, "_users");

    n = PQgetisnull(res, 0, column) ? 0 : PQntuples(res);

    for (i = 0; i < n; i++) {
        event = ngx_api_pg_integer(res, i, column);

        if (event > feed->n) {

            if (ngx_notify_feed_row(res, i, users) != NGX_OK) {
                return;
            }

            feed->n = event;
        }
    }

    feed->n = ngx_max(feed->n,
                      ngx_api_pg_integer(res, 0, PQfnumber(res, "_last")));
}


/* the users are their ids, one after another */

static ngx_int_t
ngx_notify_feed_row(const PGresult *res, int row, int column)
{
    int                 i, len;
    u_char             *p;
    ngx_notify_text_t  *text;
    ngx_notify_user_t  *user;

    text = ngx_notify_feed_text(res, row);
    if (text == NULL) {
        return NGX_ERROR;
    }

    p = (u_char *) PQgetvalue(res, row, column);
    len = PQgetlength(res, row, column);

    for (i = 0; i + 16 <= len; i += 16) {
        user = ngx_notify_user_find(p + i);

        if (user) {
            ngx_notify_user_put(user,
                                ngx_api_pg_integer(res, row,
                                                   PQfnumber(res, "_n")),
                                text);
        }
    }

    ngx_notify_text_release(text);

    return NGX_OK;
}


ngx_notify_text_t *
ngx_notify_feed_text(const PGresult *res, int row)
{
    u_char              id[NGX_API_UUID_LEN];
    ngx_str_t           name, type, json;
    ngx_pool_t         *pool;
    ngx_chain_t        *chain;
    ngx_api_json_t      j;
    ngx_notify_text_t  *text;

    pool = ngx_create_pool(2048, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    ngx_api_json_init(&j, pool, 1024);
    ngx_api_pg_json_row(&j, res, row);

    chain = ngx_api_json_close(&j, 0);
    text = NULL;

    if (chain) {
        json.len = j.size;
        json.data = NULL;

        (void) ngx_api_uuid_format(id, (u_char *) PQgetvalue(res, row,
                                                PQfnumber(res, "id")));
        name.data = id;
        name.len = NGX_API_UUID_LEN;

        type = ngx_api_pg_text(res, row, PQfnumber(res, "type"));

        text = ngx_notify_feed_format(&name, &type, &json, chain);
    }

    ngx_destroy_pool(pool);

    return text;
}


static void
ngx_notify_feed_poll_handler(ngx_event_t *ev)
{
    ngx_notify_feed_t  *feed;

    feed = ev->data;

    if (ngx_notify_nclients == 0 || ngx_exiting) {
        return;
    }

    /* not all workers at once */

    ngx_add_timer(ev, NGX_NOTIFY_FEED_POLL - 50 + ngx_random() % 100);

    ngx_notify_resume_run();

    if (feed->polls) {
        return;
    }

    feed->polled_from = feed->n;

    feed->polls = (ngx_api_pg_submit(NGX_NOTIFY_SQL_STREAM_POSITION, NULL,
                                     ngx_notify_feed_polled, feed)
                   != NULL);
}


static void
ngx_notify_feed_polled(void *data, ngx_api_pg_status_e status,
    const PGresult *res)
{
    ngx_notify_feed_t *feed = data;

    feed->polls = 0;

    if (status == NGX_API_PG_OK && PQntuples(res) == 1) {
        ngx_notify_feed_seen(ngx_api_pg_integer(res, 0, 0),
                             feed->polled_from);
    }
}
