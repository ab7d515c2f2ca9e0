
/*
 * One connection to Redis in the event loop.
 *
 * nginx owns the socket, and hiredis the protocol alone: so there is one who
 * opens, watches and closes it.  It is watched level-triggered, and for writing
 * only while something is left to send.
 */


#include "ngx_api_event.h"
#include "ngx_api_redis_conn.h"

/* bytes that may wait to be sent; Redis is not well when it comes to that */
#define NGX_API_REDIS_OUT_MAX    (4 * 1024 * 1024)

/* before another attempt at one that takes connections, but not what they are
 * for, ms */
#define NGX_API_REDIS_OF_NO_USE  1000


static ngx_addr_t *ngx_api_redis_conn_addr(ngx_api_redis_conn_t *conn);
static ngx_int_t ngx_api_redis_conn_connect(ngx_api_redis_conn_t *conn);
static void ngx_api_redis_conn_connected(ngx_api_redis_conn_t *conn);
static ngx_int_t ngx_api_redis_conn_greet(ngx_api_redis_conn_t *conn);
static ngx_int_t ngx_api_redis_conn_greeted(ngx_api_redis_conn_t *conn,
    const redisReply *reply);
static ngx_int_t ngx_api_redis_conn_refused(ngx_api_redis_conn_t *conn,
    const u_char *what, size_t len);
static ngx_int_t ngx_api_redis_conn_append(ngx_api_redis_conn_t *conn,
    int argc, const char **argv, const size_t *argvlen);
static ngx_int_t ngx_api_redis_conn_reserve(ngx_api_redis_conn_t *conn,
    size_t len);
static void ngx_api_redis_conn_read_handler(ngx_event_t *rev);
static void ngx_api_redis_conn_write_handler(ngx_event_t *wev);
static void ngx_api_redis_conn_flush_handler(ngx_event_t *ev);
static void ngx_api_redis_conn_timer_handler(ngx_event_t *ev);
static void ngx_api_redis_conn_reconnect_handler(ngx_event_t *ev);
static void ngx_api_redis_conn_flush(ngx_api_redis_conn_t *conn);
static ngx_int_t ngx_api_redis_conn_replies(ngx_api_redis_conn_t *conn);
static ngx_uint_t ngx_api_redis_conn_level(ngx_api_redis_conn_t *conn);


static void
ngx_api_redis_conn_event_init(ngx_api_redis_conn_t *conn, ngx_event_t *ev,
    ngx_event_handler_pt handler)
{
    ev->handler = handler;
    ev->data = conn;
    ev->log = ngx_cycle->log;
    ev->cancelable = 1;
}


void
ngx_api_redis_conn_open(ngx_api_redis_conn_t *conn)
{
    ngx_api_redis_conn_event_init(conn, &conn->timer,
                                  ngx_api_redis_conn_timer_handler);
    ngx_api_redis_conn_event_init(conn, &conn->reconnect,
                                  ngx_api_redis_conn_reconnect_handler);
    ngx_api_redis_conn_event_init(conn, &conn->flush,
                                  ngx_api_redis_conn_flush_handler);

    conn->demoted = 0;
    conn->out_pos = 0;
    conn->out_len = 0;
    conn->state = NGX_API_REDIS_CONNECTING;

    conn->reader = redisReaderCreate();

    if (conn->reader == NULL) {
        ngx_api_redis_conn_fail(conn, ngx_errno, "out of memory");
        return;
    }

    if (ngx_api_redis_conn_connect(conn) != NGX_OK) {
        ngx_api_redis_conn_fail(conn, ngx_socket_errno, "connect");
        return;
    }

    ngx_add_timer(&conn->timer, conn->conf->connect_timeout);
}


/* Redis; or a Sentinel, as long as it is not known where Redis is */

static ngx_addr_t *
ngx_api_redis_conn_addr(ngx_api_redis_conn_t *conn)
{
    conn->asking = (conn->conf->sentinel.len && !conn->found);

    if (!conn->found) {
        return &conn->conf->addrs[conn->tries % conn->conf->naddrs];
    }

    /* the next time it may be elsewhere */

    conn->found = 0;

    return &conn->master;
}


/* NGX_ERROR: see errno */

static ngx_int_t
ngx_api_redis_conn_connect(ngx_api_redis_conn_t *conn)
{
    int                on;
    ngx_addr_t        *addr;
    ngx_err_t          err;
    ngx_socket_t       s;
    ngx_connection_t  *c;

    addr = ngx_api_redis_conn_addr(conn);

    s = ngx_socket(addr->sockaddr->sa_family, SOCK_STREAM, 0);
    if (s == (ngx_socket_t) -1) {
        return NGX_ERROR;
    }

    c = ngx_get_connection(s, ngx_cycle->log);

    if (c == NULL || ngx_nonblocking(s) == -1) {
        err = ngx_socket_errno;

        if (c) {
            ngx_free_connection(c);
        }

        (void) ngx_close_socket(s);
        ngx_set_socket_errno(err);
        return NGX_ERROR;
    }

    conn->connection = c;

    c->data = conn;
    c->type = SOCK_STREAM;
    c->log = ngx_cycle->log;
    c->log_error = NGX_ERROR_ERR;
    c->read->log = c->log;
    c->write->log = c->log;
    c->read->handler = ngx_api_redis_conn_read_handler;
    c->write->handler = ngx_api_redis_conn_write_handler;
    c->number = ngx_atomic_fetch_add(ngx_connection_counter, 1);

    if (addr->sockaddr->sa_family != AF_UNIX) {
        on = 1;
        (void) setsockopt(s, IPPROTO_TCP, TCP_NODELAY, (const void *) &on,
                          sizeof(int));
    }

    if (connect(s, addr->sockaddr, addr->socklen) == -1
        && ngx_socket_errno != NGX_EINPROGRESS)
    {
        return NGX_ERROR;
    }

    /* writable: connected, or failed; at once, if it is so already */

    return ngx_add_event(c->write, NGX_WRITE_EVENT, NGX_LEVEL_EVENT);
}


static void
ngx_api_redis_conn_connected(ngx_api_redis_conn_t *conn)
{
    int        err;
    socklen_t  len;

    err = 0;
    len = sizeof(int);

    if (getsockopt(conn->connection->fd, SOL_SOCKET, SO_ERROR, (void *) &err,
                   &len)
        == -1)
    {
        err = ngx_socket_errno;
    }

    if (err) {
        ngx_api_redis_conn_fail(conn, err, "connect");
        return;
    }

    conn->state = NGX_API_REDIS_GREETING;

    if (ngx_api_redis_conn_greet(conn) != NGX_OK) {
        ngx_api_redis_conn_fail(conn, 0, "out of memory");
        return;
    }

    ngx_api_redis_conn_flush(conn);
}


/*
 * SELECT also tells whether Redis wants a password, or is still loading; HELLO,
 * whether it is a master.
 */

static ngx_int_t
ngx_api_redis_conn_greet(ngx_api_redis_conn_t *conn)
{
    size_t            lens[3];
    u_char            db[NGX_INT64_LEN];
    const char       *args[3];
    const ngx_str_t  *password;

    conn->greetings = 0;

    password = conn->asking ? &conn->conf->sentinel_password
                            : &conn->conf->password;

    if (password->len) {
        args[0] = "AUTH";
        lens[0] = sizeof("AUTH") - 1;
        args[1] = (char *) password->data;
        lens[1] = password->len;

        if (ngx_api_redis_conn_append(conn, 2, args, lens) != NGX_OK) {
            return NGX_ERROR;
        }

        conn->greetings++;
    }

    if (!conn->asking) {
        args[0] = "SELECT";
        lens[0] = sizeof("SELECT") - 1;
        args[1] = (char *) db;
        lens[1] = ngx_sprintf(db, "%ui", conn->conf->db) - db;

        if (ngx_api_redis_conn_append(conn, 2, args, lens) != NGX_OK) {
            return NGX_ERROR;
        }

        conn->greetings++;
    }

    conn->greetings++;

    return ngx_api_redis_conn_append(conn,
                                     ngx_api_redis_sentinel(conn, args, lens),
                                     args, lens);
}


/* NGX_DONE: it is known where Redis is */

static ngx_int_t
ngx_api_redis_conn_greeted(ngx_api_redis_conn_t *conn, const redisReply *reply)
{
    const char  *why;

    if (reply->type == REDIS_REPLY_ERROR) {
        return ngx_api_redis_conn_refused(conn, (u_char *) reply->str,
                                          (size_t) reply->len);
    }

    if (--conn->greetings) {
        return NGX_OK;
    }

    why = ngx_api_redis_sentinel_answer(conn, reply);

    if (why) {
        return ngx_api_redis_conn_refused(conn, (u_char *) why,
                                          ngx_strlen(why));
    }

    if (conn->found) {
        return NGX_DONE;
    }

    conn->state = NGX_API_REDIS_READY;
    conn->delay = 0;

    if (conn->timer.timer_set) {
        ngx_del_timer(&conn->timer);
    }

    if (conn->failed) {
        conn->failed = 0;
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "Redis: connected again");
    }

    conn->ready(conn);

    return NGX_OK;
}


/* always NGX_ERROR */

static ngx_int_t
ngx_api_redis_conn_refused(ngx_api_redis_conn_t *conn, const u_char *what,
    size_t len)
{
    ngx_uint_t  level;

    level = ngx_api_redis_conn_level(conn);

    ngx_log_error(level, ngx_cycle->log, 0, "%s refused the connection: %*s",
                  conn->asking ? "Sentinel" : "Redis", len, what);

    conn->failed = 1;

    return NGX_ERROR;
}


ngx_int_t
ngx_api_redis_conn_send(ngx_api_redis_conn_t *conn, int argc,
    const char **argv, const size_t *argvlen)
{
    if (ngx_api_redis_conn_append(conn, argc, argv, argvlen) != NGX_OK) {
        return NGX_ERROR;
    }

    if (!conn->flush.posted) {
        ngx_post_event(&conn->flush, &ngx_posted_events);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_api_redis_conn_append(ngx_api_redis_conn_t *conn, int argc,
    const char **argv, const size_t *argvlen)
{
    int        len;
    char      *text;
    ngx_int_t  rc;

    len = redisFormatCommandArgv(&text, argc, argv, argvlen);
    if (len < 0) {
        return NGX_ERROR;
    }

    rc = ngx_api_redis_conn_reserve(conn, (size_t) len);

    if (rc == NGX_OK) {
        ngx_memcpy(conn->out + conn->out_len, text, len);
        conn->out_len += len;
    }

    redisFreeCommand(text);

    return rc;
}


static ngx_int_t
ngx_api_redis_conn_reserve(ngx_api_redis_conn_t *conn, size_t len)
{
    size_t   size;
    u_char  *p;

    if (conn->out_size - conn->out_len >= len) {
        return NGX_OK;
    }

    if (conn->out_pos) {
        conn->out_len -= conn->out_pos;
        ngx_memmove(conn->out, conn->out + conn->out_pos, conn->out_len);
        conn->out_pos = 0;
    }

    size = conn->out_size ? conn->out_size : 4096;

    while (size - conn->out_len < len) {
        size *= 2;
    }

    if (size == conn->out_size) {
        return NGX_OK;
    }

    if (size > NGX_API_REDIS_OUT_MAX) {
        return NGX_ERROR;
    }

    p = ngx_alloc(size, ngx_cycle->log);
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (conn->out) {
        ngx_memcpy(p, conn->out, conn->out_len);
        ngx_free(conn->out);
    }

    conn->out = p;
    conn->out_size = size;

    return NGX_OK;
}


static void
ngx_api_redis_conn_read_handler(ngx_event_t *rev)
{
    ssize_t                n;
    ngx_int_t              rc;
    u_char                 buf[16384];
    ngx_connection_t      *c;
    ngx_api_redis_conn_t  *conn;

    c = rev->data;
    conn = c->data;

    n = recv(c->fd, buf, sizeof(buf), 0);

    if (n == -1) {
        if (ngx_socket_errno == NGX_EAGAIN || ngx_socket_errno == NGX_EINTR) {
            return;
        }

        ngx_api_redis_conn_fail(conn, ngx_socket_errno, "connection lost");
        return;
    }

    if (n == 0) {
        ngx_api_redis_conn_fail(conn, 0, "connection closed");
        return;
    }

    if (redisReaderFeed(conn->reader, (char *) buf, (size_t) n) != REDIS_OK) {
        ngx_api_redis_conn_fail(conn, 0, conn->reader->errstr);
        return;
    }

    rc = ngx_api_redis_conn_replies(conn);

    if (rc == NGX_DONE) {
        ngx_api_redis_conn_close(conn);
        ngx_api_redis_conn_open(conn);
        return;
    }

    if (rc != NGX_OK) {
        ngx_api_redis_conn_fail(conn, 0, conn->demoted ? "it is a replica now"
                                         : conn->reader->err
                                           ? conn->reader->errstr
                                           : "a reply of no use");
    }
}


static ngx_int_t
ngx_api_redis_conn_replies(ngx_api_redis_conn_t *conn)
{
    void       *reply;
    ngx_int_t   rc;

    for ( ;; ) {

        if (redisReaderGetReply(conn->reader, &reply) != REDIS_OK) {
            return NGX_ERROR;
        }

        if (reply == NULL) {
            return NGX_OK;
        }

        rc = (conn->state == NGX_API_REDIS_GREETING)
             ? ngx_api_redis_conn_greeted(conn, reply)
             : conn->reply(conn, reply);

        freeReplyObject(reply);

        if (rc != NGX_OK) {
            return rc;
        }
    }
}


static void
ngx_api_redis_conn_write_handler(ngx_event_t *wev)
{
    ngx_connection_t      *c;
    ngx_api_redis_conn_t  *conn;

    c = wev->data;
    conn = c->data;

    if (conn->state == NGX_API_REDIS_CONNECTING) {
        ngx_api_redis_conn_connected(conn);
        return;
    }

    ngx_api_redis_conn_flush(conn);
}


static void
ngx_api_redis_conn_flush_handler(ngx_event_t *ev)
{
    ngx_api_redis_conn_flush(ev->data);
}


static void
ngx_api_redis_conn_flush(ngx_api_redis_conn_t *conn)
{
    ssize_t  n;

    while (conn->out_pos < conn->out_len) {

        n = send(conn->connection->fd, conn->out + conn->out_pos,
                 conn->out_len - conn->out_pos, 0);

        if (n == -1) {
            if (ngx_socket_errno == NGX_EINTR) {
                continue;
            }

            if (ngx_socket_errno == NGX_EAGAIN) {
                break;
            }

            ngx_api_redis_conn_fail(conn, ngx_socket_errno,
                                    "connection lost");
            return;
        }

        conn->out_pos += n;
    }

    if (conn->out_pos == conn->out_len) {
        conn->out_pos = 0;
        conn->out_len = 0;
    }

    if (ngx_api_event_watch(conn->connection, 1, conn->out_len != 0)
        != NGX_OK)
    {
        ngx_api_redis_conn_fail(conn, 0, "event");
    }
}


static void
ngx_api_redis_conn_timer_handler(ngx_event_t *ev)
{
    ngx_api_redis_conn_fail(ev->data, NGX_ETIMEDOUT, "connect");
}


static void
ngx_api_redis_conn_reconnect_handler(ngx_event_t *ev)
{
    if (!ngx_exiting) {
        ngx_api_redis_conn_open(ev->data);
    }
}


/* the first failure of an outage is an error in the log, further ones are for
 * information */

static ngx_uint_t
ngx_api_redis_conn_level(ngx_api_redis_conn_t *conn)
{
    return (conn->failed || conn->refused) ? NGX_LOG_INFO : NGX_LOG_ERR;
}


void
ngx_api_redis_conn_fail(ngx_api_redis_conn_t *conn, ngx_err_t err,
    const char *what)
{
    ngx_uint_t  level;

    level = ngx_api_redis_conn_level(conn);

    ngx_log_error(level, ngx_cycle->log, err, "%s: %s",
                  conn->asking ? "Sentinel" : "Redis", what);

    /* a Sentinel that answered is asked again, once: others may know better */

    if (conn->asking || conn->conf->sentinel.len == 0 || conn->failed) {
        conn->tries++;
    }

    if (conn->state != NGX_API_REDIS_READY || conn->demoted) {
        conn->failed = 1;
    }

    if (conn->demoted || conn->refused) {
        conn->delay = NGX_API_REDIS_OF_NO_USE;
    }

    ngx_api_redis_conn_close(conn);

    if (!ngx_exiting) {
        ngx_add_timer(&conn->reconnect, ngx_api_event_backoff(&conn->delay));
    }
}


void
ngx_api_redis_conn_close(ngx_api_redis_conn_t *conn)
{
    ngx_uint_t         ready;
    ngx_connection_t  *c;

    ready = (conn->state == NGX_API_REDIS_READY);
    conn->state = NGX_API_REDIS_CLOSED;

    if (conn->timer.timer_set) {
        ngx_del_timer(&conn->timer);
    }

    if (conn->reconnect.timer_set) {
        ngx_del_timer(&conn->reconnect);
    }

    if (conn->flush.posted) {
        ngx_delete_posted_event(&conn->flush);
    }

    c = conn->connection;
    conn->connection = NULL;

    if (c) {
        ngx_close_connection(c);
    }

    if (conn->reader) {
        redisReaderFree(conn->reader);
        conn->reader = NULL;
    }

    if (conn->out) {
        ngx_free(conn->out);
        conn->out = NULL;
        conn->out_size = 0;
        conn->out_len = 0;
        conn->out_pos = 0;
    }

    if (ready) {
        conn->lost(conn);
    }
}
