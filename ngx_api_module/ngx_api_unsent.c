
/*
 * Answers that clients do not take.
 *
 * A list may have megabytes, and all of it is in memory until the client has
 * taken it, for as long as send_timeout lets it.  One client may have a hundred
 * of them, over one connection of HTTP/2.  So there is a bound on the sum of
 * them in a worker: beyond it those that have waited longest are given up.
 */


#include "ngx_api_module.h"


typedef struct {
    ngx_queue_t          queue;
    ngx_http_request_t  *request;
    size_t               size;
} ngx_api_unsent_t;


static void ngx_api_unsent_done(void *data);
static void ngx_api_unsent_handler(ngx_event_t *ev);


/* of this worker: who has waited longest is the first one */

static ngx_queue_t  ngx_api_unsent;
static size_t       ngx_api_unsent_size;
static ngx_event_t  ngx_api_unsent_event;


void
ngx_api_unsent_init_process(ngx_cycle_t *cycle, ngx_api_main_conf_t *amcf)
{
    ngx_queue_init(&ngx_api_unsent);

    ngx_api_unsent_event.handler = ngx_api_unsent_handler;
    ngx_api_unsent_event.data = amcf;
    ngx_api_unsent_event.log = cycle->log;
}


void
ngx_api_unsent_add(ngx_http_request_t *r, size_t size)
{
    ngx_api_unsent_t     *unsent;
    ngx_pool_cleanup_t   *cln;
    ngx_api_main_conf_t  *amcf;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_api_unsent_t));

    if (cln == NULL) {
        /* send_timeout is left */
        return;
    }

    unsent = cln->data;
    unsent->request = r;
    unsent->size = size;

    ngx_queue_insert_tail(&ngx_api_unsent, &unsent->queue);
    ngx_api_unsent_size += size;

    cln->handler = ngx_api_unsent_done;

    amcf = ngx_http_get_module_main_conf(r, ngx_api_module);

    if (ngx_api_unsent_size > amcf->unsent_max) {

        /* not here: the one that goes may be of this very connection */

        ngx_post_event(&ngx_api_unsent_event, &ngx_posted_events);
    }
}


/* when the memory goes with the request, or before it is given up */

static void
ngx_api_unsent_done(void *data)
{
    ngx_api_unsent_t *unsent = data;

    if (unsent->size) {
        ngx_queue_remove(&unsent->queue);
        ngx_api_unsent_size -= unsent->size;
        unsent->size = 0;
    }
}


static void
ngx_api_unsent_handler(ngx_event_t *ev)
{
    ngx_queue_t          *q;
    ngx_connection_t     *c;
    ngx_api_unsent_t     *unsent;
    ngx_http_request_t   *r;
    ngx_api_main_conf_t  *amcf;

    amcf = ev->data;

    while (ngx_api_unsent_size > amcf->unsent_max) {

        q = ngx_queue_head(&ngx_api_unsent);
        unsent = ngx_queue_data(q, ngx_api_unsent_t, queue);

        r = unsent->request;
        c = r->connection;

        ngx_http_set_log_request(c->log, r);

        ngx_log_error(NGX_LOG_INFO, c->log, 0,
                      "client does not take its answer of %uz bytes, and "
                      "others wait for %uz", unsent->size,
                      ngx_api_unsent_size - unsent->size);

        ngx_api_unsent_done(unsent);

        /* as if send_timeout had run out */

        c->timedout = 1;

        ngx_http_finalize_request(r, NGX_HTTP_REQUEST_TIME_OUT);
        ngx_http_run_posted_requests(c);
    }
}
