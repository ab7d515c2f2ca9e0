
/*
 * Requests that come before the revoked sessions were read for the first time:
 * at a cold start, and when nginx is upgraded on the fly, for a new binary has
 * new shared memory.  They wait for the few milliseconds that it takes; when
 * the first reading has failed, nobody waits.
 */


#include "ngx_auth_revoked.h"


#define NGX_AUTH_REVOKED_WAIT_STEP  5       /* ms between looks */
#define NGX_AUTH_REVOKED_WAIT_MAX   5000    /* ms */


typedef struct {
    ngx_http_request_t  *request;
    ngx_event_t          timer;
    ngx_msec_t           until;
} ngx_auth_revoked_wait_t;


static ngx_auth_revoked_wait_t *ngx_auth_revoked_wait_create(
    ngx_http_request_t *r);
static void ngx_auth_revoked_wait_cleanup(void *data);
static void ngx_auth_revoked_wait_handler(ngx_event_t *ev);


ngx_int_t
ngx_auth_revoked_wait(ngx_http_request_t *r)
{
    ngx_auth_ctx_t            *ctx;
    ngx_auth_main_conf_t      *amcf;
    ngx_auth_revoked_wait_t   *wait;
    ngx_auth_revoked_pulls_t  *pulls;

    amcf = ngx_http_get_module_main_conf(r, ngx_auth_module);
    pulls = ngx_auth_revoked_zone_pulls(amcf->revoked);

    if (pulls->failed) {
        return NGX_DECLINED;
    }

    ctx = ngx_auth_ctx(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    if (ctx->wait == NULL) {
        ctx->wait = ngx_auth_revoked_wait_create(r);
        if (ctx->wait == NULL) {
            return NGX_ERROR;
        }
    }

    wait = ctx->wait;

    if ((ngx_msec_int_t) (wait->until - ngx_current_msec) <= 0) {
        return NGX_DECLINED;
    }

    /* a client that goes away ends its request */

    if (ngx_handle_read_event(r->connection->read, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    ngx_add_timer(&wait->timer, NGX_AUTH_REVOKED_WAIT_STEP);

    return NGX_AGAIN;
}


static ngx_auth_revoked_wait_t *
ngx_auth_revoked_wait_create(ngx_http_request_t *r)
{
    ngx_http_cleanup_t       *cln;
    ngx_auth_revoked_wait_t  *wait;

    wait = ngx_pcalloc(r->pool, sizeof(ngx_auth_revoked_wait_t));
    cln = ngx_http_cleanup_add(r, 0);

    if (wait == NULL || cln == NULL) {
        return NULL;
    }

    wait->request = r;
    wait->until = ngx_current_msec + NGX_AUTH_REVOKED_WAIT_MAX;
    wait->timer.handler = ngx_auth_revoked_wait_handler;
    wait->timer.data = wait;
    wait->timer.log = r->connection->log;

    cln->handler = ngx_auth_revoked_wait_cleanup;
    cln->data = wait;

    return wait;
}


static void
ngx_auth_revoked_wait_cleanup(void *data)
{
    ngx_auth_revoked_wait_t *wait = data;

    if (wait->timer.timer_set) {
        ngx_del_timer(&wait->timer);
    }
}


/* the access phase once more */

static void
ngx_auth_revoked_wait_handler(ngx_event_t *ev)
{
    ngx_connection_t         *c;
    ngx_http_request_t       *r;
    ngx_auth_revoked_wait_t  *wait;

    wait = ev->data;
    r = wait->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_core_run_phases;

    ngx_http_core_run_phases(r);

    ngx_http_run_posted_requests(c);
}
