
/*
 * What a client missed, read from its inbox page by page until it is where the
 * feed is; then it is live.
 *
 * A page is read when the client has taken the one before, so that a slow one
 * holds little; and few at once, since many may come back at the same moment,
 * and other requests use the lane as well.
 */


#include "ngx_notify_stream.h"


#define NGX_NOTIFY_RESUME_READS  8       /* at once */
#define NGX_NOTIFY_RESUME_PAGE   32      /* rows */


static ngx_int_t ngx_notify_resume_read(ngx_notify_client_t *client);
static void ngx_notify_resume_handler(void *data, ngx_api_pg_status_e status,
    const PGresult *res);
static ngx_int_t ngx_notify_resume_rows(ngx_notify_client_t *client,
    const PGresult *res);
static void ngx_notify_resume_queue(ngx_queue_t *queue,
    ngx_notify_client_t *client);


static ngx_queue_t  ngx_notify_readers;    /* they want to read */
static ngx_queue_t  ngx_notify_joiners;    /* they have read */
static ngx_uint_t   ngx_notify_nreads;     /* under way */


void
ngx_notify_resume_init(void)
{
    ngx_queue_init(&ngx_notify_readers);
    ngx_queue_init(&ngx_notify_joiners);
}


void
ngx_notify_resume(ngx_notify_client_t *client)
{
    if (client->user == NULL || client->live || client->in_line || client->op
        || client->unsent)
    {
        return;
    }

    if (client->n < ngx_notify_feed_n()) {
        ngx_notify_resume_queue(&ngx_notify_readers, client);
        ngx_notify_resume_run();
        return;
    }

    if (ngx_notify_feed_reads()) {

        /* what is being read for others may be beyond its place, and not for
         * its user */

        ngx_notify_resume_queue(&ngx_notify_joiners, client);
        return;
    }

    client->live = 1;
}


static void
ngx_notify_resume_queue(ngx_queue_t *queue, ngx_notify_client_t *client)
{
    ngx_queue_insert_tail(queue, &client->line);
    client->in_line = 1;
}


void
ngx_notify_resume_join(void)
{
    ngx_queue_t           queue, *q;
    ngx_notify_client_t  *client;

    if (ngx_queue_empty(&ngx_notify_joiners)) {
        return;
    }

    ngx_queue_init(&queue);
    ngx_queue_add(&queue, &ngx_notify_joiners);
    ngx_queue_init(&ngx_notify_joiners);

    while (!ngx_queue_empty(&queue)) {
        q = ngx_queue_head(&queue);
        ngx_queue_remove(q);

        client = ngx_queue_data(q, ngx_notify_client_t, line);
        client->in_line = 0;

        ngx_notify_resume(client);
    }
}


void
ngx_notify_resume_run(void)
{
    ngx_queue_t          *q;
    ngx_notify_client_t  *client;

    while (ngx_notify_nreads < NGX_NOTIFY_RESUME_READS
           && !ngx_queue_empty(&ngx_notify_readers))
    {
        q = ngx_queue_head(&ngx_notify_readers);
        client = ngx_queue_data(q, ngx_notify_client_t, line);

        if (ngx_notify_resume_read(client) != NGX_OK) {

            /* the feed comes here again, once a second */

            return;
        }

        ngx_queue_remove(q);
        client->in_line = 0;
    }
}


void
ngx_notify_resume_cancel(ngx_notify_client_t *client)
{
    if (client->in_line) {
        ngx_queue_remove(&client->line);
        client->in_line = 0;
    }

    if (client->op) {
        ngx_api_pg_detach(client->op);
        client->op = NULL;
        ngx_notify_nreads--;
    }
}


static ngx_int_t
ngx_notify_resume_read(ngx_notify_client_t *client)
{
    const char  *values[3];

    static char  page[] = ngx_value(NGX_NOTIFY_RESUME_PAGE);

    client->from = ngx_notify_feed_n();

    *ngx_sprintf(client->number, "%L", client->n) = '\0';

    values[0] = (char *) ngx_api_identity(client->request)->user.data;
    values[1] = (char *) client->number;
    values[2] = page;

    client->op = ngx_api_pg_submit_for(client->request,
                                       NGX_NOTIFY_SQL_STREAM_PAGE, values,
                                       ngx_notify_resume_handler, client);
    if (client->op == NULL) {
        return NGX_ERROR;
    }

    ngx_notify_nreads++;

    return NGX_OK;
}


static void
ngx_notify_resume_handler(void *data, ngx_api_pg_status_e status,
    const PGresult *res)
{
    ngx_notify_client_t *client = data;

    client->op = NULL;
    ngx_notify_nreads--;

    if (status != NGX_API_PG_OK
        || ngx_notify_resume_rows(client, res) != NGX_OK)
    {
        ngx_notify_resume_queue(&ngx_notify_readers, client);
        return;
    }

    ngx_notify_resume(client);
    ngx_notify_clients_flush();
    ngx_notify_resume_run();
}


/* one row at least; columns besides a notification's: _most, the last number
 * of all; _n, null if there is none */

static ngx_int_t
ngx_notify_resume_rows(ngx_notify_client_t *client, const PGresult *res)
{
    int                 i, n, column;
    int64_t             most;
    ngx_notify_text_t  *text;

    column = PQfnumber(res, "_n");

    most = ngx_api_pg_integer(res, 0, PQfnumber(res, "_most"));
    n = PQgetisnull(res, 0, column) ? 0 : PQntuples(res);

    for (i = 0; i < n; i++) {

        if (client->unsent > client->conf->stream_buffer) {
            return NGX_OK;
        }

        text = ngx_notify_feed_text(res, i);
        if (text == NULL) {
            return NGX_ERROR;
        }

        if (ngx_notify_client_put(client, text) != NGX_OK) {
            ngx_notify_text_release(text);
            return NGX_ERROR;
        }

        ngx_notify_text_release(text);

        client->n = ngx_api_pg_integer(res, i, column);
    }

    if (n < NGX_NOTIFY_RESUME_PAGE) {
        client->n = most;
        ngx_notify_feed_seen(most, client->from);
    }

    return NGX_OK;
}
