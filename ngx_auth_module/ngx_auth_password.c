
#include "ngx_auth_module.h"
#include "ngx_auth_password.h"

#include <sys/resource.h>


#define NGX_AUTH_PASSWORD_NICE     10
#define NGX_AUTH_PASSWORD_TIMEOUT  60000      /* ms; only logged */


/* empty texts: not asked for */
typedef struct {
    ngx_auth_password_handler_pt   handler;
    const ngx_auth_refused_t      *refused;
    ngx_uint_t                     cost;      /* of new hashes */
    ngx_uint_t                     rehash;
    ngx_int_t                      rc;
    uint64_t                       start;     /* ngx_api_clock() */
    volatile ngx_uint_t            cancelled;
    char                          *action;    /* of the log, before this */
    char                           current[NGX_AUTH_BCRYPT_PASSWORD + 1];
    char                           fresh[NGX_AUTH_BCRYPT_PASSWORD + 1];
    char                           hash[NGX_AUTH_BCRYPT_LEN + 1];
    char                           made[NGX_AUTH_BCRYPT_LEN + 1];
} ngx_auth_password_task_t;


static ngx_thread_task_t *ngx_auth_password_task(ngx_http_request_t *r,
    const ngx_auth_password_t *job, ngx_auth_password_handler_pt handler);
static ngx_int_t ngx_auth_password_take(const ngx_api_value_t *value,
    char *copy);
static ngx_int_t ngx_auth_password_post(ngx_http_request_t *r,
    ngx_thread_pool_t *pool, ngx_thread_task_t *task);
static void ngx_auth_password_thread(void *data, ngx_log_t *log);
static ngx_int_t ngx_auth_password_verify(ngx_auth_password_task_t *pw);
static ngx_int_t ngx_auth_password_hash(ngx_auth_password_task_t *pw,
    ngx_log_t *log);
static void ngx_auth_password_wipe(ngx_auth_password_task_t *pw);
static void ngx_auth_password_yield(ngx_log_t *log);
static void ngx_auth_password_done(ngx_event_t *ev);
static void ngx_auth_password_cancel(void *data);


void
ngx_auth_password_run(ngx_http_request_t *r, const ngx_auth_password_t *job,
    ngx_auth_password_handler_pt handler)
{
    ngx_thread_task_t     *task;
    ngx_auth_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(r, ngx_auth_module);

    task = ngx_auth_password_task(r, job, handler);

    if (task == NULL) {
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    if (ngx_auth_password_post(r, amcf->thread_pool, task) != NGX_OK) {
        ngx_api_metric_inc(&ngx_auth_hash_refused);

        if (job->busy) {
            job->busy(r);
        }

        ngx_api_finish(r, ngx_api_problem(r, &ngx_auth_server_busy, NULL));
    }
}


static ngx_thread_task_t *
ngx_auth_password_task(ngx_http_request_t *r, const ngx_auth_password_t *job,
    ngx_auth_password_handler_pt handler)
{
    ngx_thread_task_t         *task;
    ngx_http_cleanup_t        *cln;
    ngx_auth_main_conf_t      *amcf;
    ngx_auth_password_task_t  *pw;

    amcf = ngx_http_get_module_main_conf(r, ngx_auth_module);

    task = ngx_thread_task_alloc(r->pool, sizeof(ngx_auth_password_task_t));
    if (task == NULL) {
        return NULL;
    }

    pw = task->ctx;

    if (ngx_auth_password_take(job->current, pw->current) != NGX_OK
        || ngx_auth_password_take(job->fresh, pw->fresh) != NGX_OK)
    {
        return NULL;
    }

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        ngx_auth_password_wipe(pw);
        return NULL;
    }

    cln->handler = ngx_auth_password_cancel;
    cln->data = pw;

    pw->handler = handler;
    pw->refused = amcf->refused;
    pw->cost = amcf->bcrypt_cost;
    pw->rehash = job->rehash;

    /* what is not bcrypt's stays empty here, and is none to the thread */

    if (job->hash && ngx_strlen(job->hash) == NGX_AUTH_BCRYPT_LEN) {
        ngx_memcpy(pw->hash, job->hash, NGX_AUTH_BCRYPT_LEN + 1);
    }

    task->handler = ngx_auth_password_thread;
    task->event.handler = ngx_auth_password_done;
    task->event.data = r;
    task->event.log = r->connection->log;

    return task;
}


/* moves a password out of the body; the tables of fields see to its length */

static ngx_int_t
ngx_auth_password_take(const ngx_api_value_t *value, char *copy)
{
    ngx_int_t  rc;

    if (value == NULL) {
        return NGX_OK;
    }

    rc = NGX_ERROR;

    if (value->len <= NGX_AUTH_BCRYPT_PASSWORD) {
        ngx_memcpy(copy, value->text, value->len + 1);
        rc = NGX_OK;
    }

    ngx_explicit_memzero((char *) value->text, value->len);

    return rc;
}


static ngx_int_t
ngx_auth_password_post(ngx_http_request_t *r, ngx_thread_pool_t *pool,
    ngx_thread_task_t *task)
{
    ngx_auth_password_task_t  *pw;

    pw = task->ctx;

    if (ngx_thread_task_post(pool, task) != NGX_OK) {
        ngx_auth_password_wipe(pw);
        return NGX_BUSY;
    }

    /*
     * Until the thread is done the request's pool is its memory, too.  "count"
     * alone would not keep it: a client that goes away ends in
     * ngx_http_terminate_request(), which sets "count" to one and closes.
     * "blocked" makes nginx wait: it leaves a finalizer in write_event_handler
     * for ngx_auth_password_done() to call.
     */

    r->main->blocked++;

    ngx_api_metric_inc(&ngx_auth_hash_queue);

    pw->start = ngx_api_clock();
    pw->action = r->connection->log->action;
    r->connection->log->action = "waiting for a password hash";

    r->write_event_handler = ngx_http_request_empty_handler;
    r->read_event_handler = ngx_http_test_reading;

    /*
     * A worker that is told to quit goes as soon as it has no timers left; this
     * one keeps it until the answer is sent.
     */

    ngx_add_timer(&task->event, NGX_AUTH_PASSWORD_TIMEOUT);

    return NGX_OK;
}


/* in a thread: nothing here touches the request */

static void
ngx_auth_password_thread(void *data, ngx_log_t *log)
{
    ngx_auth_password_task_t *pw = data;

    ngx_auth_password_yield(log);

    if (pw->cancelled) {
        pw->rc = NGX_ERROR;

    } else {
        pw->rc = pw->current[0] ? ngx_auth_password_verify(pw) : NGX_OK;

        if (pw->rc == NGX_OK && pw->fresh[0]) {
            pw->rc = ngx_auth_password_hash(pw, log);
        }
    }

    ngx_auth_password_wipe(pw);
}


static ngx_int_t
ngx_auth_password_verify(ngx_auth_password_task_t *pw)
{
    char        idle[NGX_AUTH_BCRYPT_LEN + 1];
    ngx_int_t   rc;
    ngx_uint_t  cost;

    rc = ngx_auth_bcrypt_verify(pw->current, pw->hash);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    cost = ngx_auth_bcrypt_cost(pw->hash);

    if (rc == NGX_OK) {

        if (pw->rehash && cost < pw->cost
            && ngx_auth_bcrypt_hash(pw->current, pw->cost, pw->made)
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        return NGX_OK;
    }

    /*
     * The cost was raised since: all in all a wrong password is to take as long
     * as one of an account that there is not.  2^n + 2^n + ... + 2^(m - 1) is
     * 2^m.
     */

    while (cost < pw->cost) {
        if (ngx_auth_bcrypt_hash(pw->current, cost++, idle) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return rc;
}


static ngx_int_t
ngx_auth_password_hash(ngx_auth_password_task_t *pw, ngx_log_t *log)
{
    if (pw->refused) {

        switch (ngx_auth_refused_find(pw->refused, pw->fresh)) {

        case NGX_OK:
            return NGX_ABORT;

        case NGX_DECLINED:
            break;

        default:
            ngx_log_error(NGX_LOG_ERR, log, ngx_errno,
                          "the file of \"auth_password_refuse\" can't be read: "
                          "no password is taken");
            return NGX_ERROR;
        }
    }

    return ngx_auth_bcrypt_hash(pw->fresh, pw->cost, pw->made);
}


static void
ngx_auth_password_wipe(ngx_auth_password_task_t *pw)
{
    ngx_explicit_memzero(pw->current, sizeof(pw->current));
    ngx_explicit_memzero(pw->fresh, sizeof(pw->fresh));
}


/*
 * Hashing computes without a pause for tens of milliseconds.  At the same
 * priority the scheduler would share the processors evenly between the hashes
 * of a few people who log in and the event loop that answers everyone else.
 * So a thread that hashes is content with about a tenth of one.  Not with less:
 * on a busy machine nobody could log in any more.
 *
 * On Linux a priority belongs to the thread; it is set once in each.
 */

static void
ngx_auth_password_yield(ngx_log_t *log)
{
#if (NGX_LINUX)

    int  nice;

    static __thread ngx_uint_t  done;

    if (done) {
        return;
    }

    done = 1;

    nice = getpriority(PRIO_PROCESS, 0) + NGX_AUTH_PASSWORD_NICE;

    if (setpriority(PRIO_PROCESS, 0, ngx_min(nice, 19)) == -1) {
        ngx_log_error(NGX_LOG_NOTICE, log, ngx_errno,
                      "setpriority() of a password hash thread failed");
    }

#endif
}


static void
ngx_auth_password_done(ngx_event_t *ev)
{
    ngx_connection_t          *c;
    ngx_thread_task_t         *task;
    ngx_http_request_t        *r;
    ngx_auth_password_task_t  *pw;

    r = ev->data;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    if (ev->timedout) {
        ngx_log_error(NGX_LOG_WARN, c->log, 0,
                      "password hash has been waiting for %d seconds",
                      NGX_AUTH_PASSWORD_TIMEOUT / 1000);

        ev->timedout = 0;
        ngx_add_timer(ev, NGX_AUTH_PASSWORD_TIMEOUT);
        return;
    }

    if (ev->timer_set) {
        ngx_del_timer(ev);
    }

    r->main->blocked--;

    ngx_api_metric_dec(&ngx_auth_hash_queue);

    if (r->write_event_handler == ngx_http_request_empty_handler) {
        task = (ngx_thread_task_t *) ((u_char *) ev
                                      - offsetof(ngx_thread_task_t, event));
        pw = task->ctx;

        c->log->action = pw->action;
        ngx_api_timing_since(r, NGX_API_TIMING_AUTH, pw->start);

        pw->handler(r, pw->rc, pw->hash, pw->made[0] ? pw->made : NULL);

    } else {

        /* the client left: nginx's finalizer */

        r->write_event_handler(r);
    }

    ngx_http_run_posted_requests(c);
}


/*
 * The request ends; when it ends early its hash is not worth computing.  Runs
 * in ngx_http_terminate_request() even while the request is blocked.
 */

static void
ngx_auth_password_cancel(void *data)
{
    ngx_auth_password_task_t *pw = data;

    pw->cancelled = 1;
}
