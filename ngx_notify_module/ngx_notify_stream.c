
/*
 * GET /v1/notifications/stream: Server-Sent Events (WHATWG HTML, 9.2).
 *
 * A stream lasts until its client goes, its token expires, its session ends,
 * or the worker exits.
 */


#include "ngx_notify_stream.h"

#include <sys/eventfd.h>


#define NGX_NOTIFY_STREAM_BEGIN  "retry: 3000\n: the stream begins\nid: "
#define NGX_NOTIFY_STREAM_TOKEN  ": the token has expired or was revoked\n\n"

/* every client is looked at once in so many ticks, of which there are ten in
 * a second */
#define NGX_NOTIFY_STREAM_TICK   100      /* ms */
#define NGX_NOTIFY_STREAM_TICKS  10

/* when a client comes again after its worker has gone: from 100 to 1100 ms, so
 * that not all come at once */
#define NGX_NOTIFY_STREAM_AGAIN  100
#define NGX_NOTIFY_STREAM_SPREAD 1000


static const char *ngx_notify_stream_last(ngx_http_request_t *r);
static void ngx_notify_stream_start(ngx_http_request_t *r,
    const PGresult *res);
static ngx_int_t ngx_notify_stream_begin(ngx_notify_client_t *client,
    const PGresult *res);
static ngx_int_t ngx_notify_stream_header(ngx_http_request_t *r);
static ngx_notify_text_t *ngx_notify_stream_bye(void);
static void ngx_notify_stream_tick_handler(ngx_event_t *ev);
static void ngx_notify_stream_look(ngx_notify_client_t *client);
static void ngx_notify_stream_end(void);
static ngx_int_t ngx_notify_stream_watch(ngx_cycle_t *cycle);
static void ngx_notify_stream_exit_handler(ngx_event_t *ev);


const ngx_api_field_t  ngx_notify_stream_args[] = {
    { ngx_string("last_event_id"), NGX_API_UUID, 0, 0, 0, 0, NULL, NULL },
    ngx_api_null_field
};


static const ngx_api_problem_t  ngx_notify_too_many_streams = {
    429, ngx_string("too_many_streams"), ngx_string("Too many streams"),
    ngx_string("Close one of your other streams first."), 10
};


static ngx_str_t  ngx_notify_stream_name = ngx_string("Last-Event-ID");

/* never freed: one use is the array's own */
static ngx_notify_text_t  ngx_notify_stream_texts[] = {
    { 1, sizeof(":\n\n") - 1, (u_char *) ":\n\n" },
    { 1, sizeof(NGX_NOTIFY_STREAM_TOKEN) - 1,
      (u_char *) NGX_NOTIFY_STREAM_TOKEN }
};

static ngx_event_t  ngx_notify_stream_tick;


ngx_int_t
ngx_notify_stream_init(ngx_cycle_t *cycle, const ngx_notify_main_conf_t *nmcf)
{
    if ((ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
        || !nmcf->api)
    {
        return NGX_OK;
    }

    ngx_notify_clients_init();
    ngx_notify_resume_init();

    ngx_notify_stream_tick.handler = ngx_notify_stream_tick_handler;
    ngx_notify_stream_tick.data = &ngx_notify_stream_tick;
    ngx_notify_stream_tick.log = cycle->log;
    ngx_notify_stream_tick.cancelable = 1;

    if (ngx_notify_stream_watch(cycle) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_notify_feed_init(cycle, nmcf);
}


void
ngx_notify_stream_open(ngx_http_request_t *r)
{
    u_char                user[16];
    ngx_int_t             rc;
    const char           *values[2];
    ngx_notify_client_t  *client;

    if (r->method == NGX_HTTP_HEAD) {
        rc = ngx_notify_stream_header(r);
        ngx_http_finalize_request(r, rc);
        return;
    }

    client = ngx_notify_client_create(r);

    values[0] = (char *) ngx_api_identity(r)->user.data;
    values[1] = ngx_notify_stream_last(r);

    if (client == NULL
        || ngx_api_uuid_parse((u_char *) values[0], NGX_API_UUID_LEN, user)
           != NGX_OK)
    {
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    if (ngx_notify_client_admit(client, user) != NGX_OK) {
        ngx_api_finish(r, ngx_api_problem(r, &ngx_notify_too_many_streams,
                                          NULL));
        return;
    }

    client->from = ngx_notify_feed_n();

    ngx_api_pg_exec(r, NGX_NOTIFY_SQL_STREAM_START, values,
                    ngx_notify_stream_start);
}


/*
 * Where the client was, or NULL.  A header that is no id is ignored: browsers
 * send what they were given, and a refusal would end their stream for good.
 */

static const char *
ngx_notify_stream_last(ngx_http_request_t *r)
{
    u_char                  id[16], *text;
    ngx_uint_t              i;
    ngx_list_part_t        *part;
    ngx_table_elt_t        *h;
    const ngx_api_value_t  *args;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].key.len != ngx_notify_stream_name.len
                || ngx_strncasecmp(h[i].key.data, ngx_notify_stream_name.data,
                                   h[i].key.len)
                   != 0
                || ngx_api_uuid_parse(h[i].value.data, h[i].value.len, id)
                   != NGX_OK)
            {
                continue;
            }

            text = ngx_pnalloc(r->pool, NGX_API_UUID_LEN + 1);
            if (text == NULL) {
                return NULL;
            }

            *ngx_api_uuid_format(text, id) = '\0';

            return (char *) text;
        }
    }

    args = ngx_api_args(r);

    return args ? args[0].text : NULL;
}


/* a row: _n, the client's place, _most, the last number of all, and _id */

static void
ngx_notify_stream_start(ngx_http_request_t *r, const PGresult *res)
{
    u_char                user[16];
    int64_t               most;
    ngx_int_t             rc;
    ngx_notify_client_t  *client;

    client = ngx_http_get_module_ctx(r, ngx_notify_module);

    if (PQntuples(res) != 1 || ngx_notify_stream_begin(client, res) != NGX_OK) {
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    (void) ngx_api_uuid_parse(ngx_api_identity(r)->user.data, NGX_API_UUID_LEN,
                              user);

    rc = ngx_notify_client_attach(client, user);

    if (rc != NGX_OK) {
        ngx_api_finish(r, rc == NGX_ERROR ? rc
                          : ngx_api_problem(r, &ngx_notify_too_many_streams,
                                            NULL));
        return;
    }

    client->n = ngx_api_pg_integer(res, 0, PQfnumber(res, "_n"));
    most = ngx_api_pg_integer(res, 0, PQfnumber(res, "_most"));

    rc = ngx_notify_stream_header(r);

    if (rc != NGX_OK) {
        ngx_http_finalize_request(r, rc);
        return;
    }

    if (ngx_exiting) {
        ngx_post_event(&ngx_notify_stream_tick, &ngx_posted_events);
    }

    client->heartbeat = ngx_current_msec + client->conf->stream_heartbeat;

    if (ngx_notify_client_flush(client) == NGX_ERROR) {
        ngx_http_finalize_request(r, NGX_ERROR);
        return;
    }

    ngx_notify_feed_enter(most);
    ngx_notify_feed_seen(most, client->from);
    ngx_notify_resume(client);

    if (!ngx_notify_stream_tick.timer_set) {
        ngx_add_timer(&ngx_notify_stream_tick, NGX_NOTIFY_STREAM_TICK);
    }
}


/*
 * What is sent first, with the id of where it begins, and no data: that is no
 * event, but what its client shows when it comes again, even if nothing has
 * come before it was cut off.
 */

static ngx_int_t
ngx_notify_stream_begin(ngx_notify_client_t *client, const PGresult *res)
{
    int                 column;
    u_char             *p;
    ngx_int_t           rc;
    ngx_notify_text_t  *text;

    column = PQfnumber(res, "_id");

    if (column == -1 || PQgetlength(res, 0, column) != 16) {
        return NGX_ERROR;
    }

    text = ngx_notify_text_create(sizeof(NGX_NOTIFY_STREAM_BEGIN "\n\n")
                                  + NGX_API_UUID_LEN);
    if (text == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(text->data, NGX_NOTIFY_STREAM_BEGIN,
                   sizeof(NGX_NOTIFY_STREAM_BEGIN) - 1);
    p = ngx_api_uuid_format(p, (u_char *) PQgetvalue(res, 0, column));
    *p++ = '\n';
    *p++ = '\n';

    text->len = p - text->data;

    rc = ngx_notify_client_put(client, text);
    ngx_notify_text_release(text);

    return rc;
}


static ngx_int_t
ngx_notify_stream_header(ngx_http_request_t *r)
{
    static const ngx_str_t  no_store = ngx_string("no-store");
    static const ngx_str_t  no = ngx_string("no");

    r->headers_out.status = NGX_HTTP_OK;
    ngx_str_set(&r->headers_out.content_type, "text/event-stream");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    r->disable_not_modified = 1;

#if (NGX_HTTP_GZIP)

    /* it would keep what is to be seen at once */

    r->gzip_tested = 1;
    r->gzip_ok = 0;
#endif

    if (ngx_api_header_add(r, "Cache-Control", &no_store) != NGX_OK
        || ngx_api_header_add(r, "X-Accel-Buffering", &no) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_send_header(r);
}


/* when to come again */

static ngx_notify_text_t *
ngx_notify_stream_bye(void)
{
    ngx_notify_text_t  *text;

    text = ngx_notify_text_create(sizeof("retry: \n\n") + NGX_INT_T_LEN);

    if (text) {
        text->len = ngx_sprintf(text->data, "retry: %ui\n\n",
                                (ngx_uint_t) (NGX_NOTIFY_STREAM_AGAIN
                                + ngx_random() % NGX_NOTIFY_STREAM_SPREAD))
                    - text->data;
    }

    return text;
}


static void
ngx_notify_stream_tick_handler(ngx_event_t *ev)
{
    ngx_uint_t  n;

    if (ngx_exiting) {
        ngx_notify_stream_end();
        return;
    }

    for (n = ngx_notify_nclients / NGX_NOTIFY_STREAM_TICKS + 1;
         n && ngx_notify_nclients;
         n--)
    {
        ngx_notify_stream_look(ngx_notify_client_turn());
    }

    ngx_notify_clients_flush();

    if (ngx_notify_nclients) {
        ngx_add_timer(ev, NGX_NOTIFY_STREAM_TICK);
    }
}


static void
ngx_notify_stream_look(ngx_notify_client_t *client)
{
    if (!ngx_api_identity_valid(client->request)) {
        ngx_notify_client_finish(client, &ngx_notify_stream_texts[1]);
        return;
    }

    if ((ngx_msec_int_t) (client->heartbeat - ngx_current_msec) > 0) {
        return;
    }

    client->heartbeat = ngx_current_msec + client->conf->stream_heartbeat;

    /* for one that is not taking what it was given it would be nothing new */

    if (!client->blocked) {
        (void) ngx_notify_client_put(client, &ngx_notify_stream_texts[0]);
    }
}


static void
ngx_notify_stream_end(void)
{
    ngx_notify_text_t    *text;
    ngx_notify_client_t  *client;

    while ((client = ngx_notify_client_turn()) != NULL) {
        text = ngx_notify_stream_bye();

        ngx_notify_client_finish(client, text ? text
                                              : &ngx_notify_stream_texts[0]);
        if (text) {
            ngx_notify_text_release(text);
        }
    }
}


/*
 * A worker that exits closes its idle connections, by their read handler.  This
 * one is such a connection, and nothing else: so streams are ended at that
 * moment, whatever the version of HTTP.
 */

static ngx_int_t
ngx_notify_stream_watch(ngx_cycle_t *cycle)
{
    int                fd;
    ngx_connection_t  *c;

    fd = eventfd(0, EFD_CLOEXEC|EFD_NONBLOCK);

    if (fd == -1) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "eventfd() failed");
        return NGX_ERROR;
    }

    c = ngx_get_connection(fd, cycle->log);

    if (c == NULL) {
        (void) close(fd);
        return NGX_ERROR;
    }

    c->idle = 1;
    c->read->handler = ngx_notify_stream_exit_handler;
    c->read->log = cycle->log;

    return NGX_OK;
}


static void
ngx_notify_stream_exit_handler(ngx_event_t *ev)
{
    ngx_connection_t  *c;

    c = ev->data;

    ngx_close_connection(c);

    ngx_notify_stream_end();
}
