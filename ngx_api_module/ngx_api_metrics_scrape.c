
/*
 * GET of a location with "api_metrics": what PostgreSQL knows is asked for
 * first, and waited for a second at most.
 */


#include "ngx_api_module.h"


#define NGX_API_METRICS_WAIT  1000      /* ms */
#define NGX_API_METRICS_HINT  32768     /* bytes of a text */


typedef struct ngx_api_metrics_scrape_s  ngx_api_metrics_scrape_t;

typedef struct {
    ngx_api_metrics_scrape_t          *scrape;
    const ngx_api_metrics_question_t  *question;
    ngx_api_pg_op_t                   *op;       /* NULL: not under way */
    uint64_t                         **answer;
} ngx_api_metrics_ask_t;


struct ngx_api_metrics_scrape_s {
    ngx_http_request_t                *request;
    ngx_api_metrics_conf_t            *conf;
    ngx_api_metrics_ask_t             *asks;
    uint64_t                         **answers;
    ngx_uint_t                         waiting;
    ngx_event_t                        timer;
};


static ngx_api_metrics_scrape_t *ngx_api_metrics_scrape_create(
    ngx_http_request_t *r);
static void ngx_api_metrics_scrape_ask(ngx_api_metrics_scrape_t *scrape);
static void ngx_api_metrics_scrape_answer(void *data,
    ngx_api_pg_status_e status, const PGresult *res);
static uint64_t *ngx_api_metrics_scrape_values(ngx_pool_t *pool,
    const ngx_api_metrics_question_t *question, const PGresult *res);
static void ngx_api_metrics_scrape_timer(ngx_event_t *ev);
static void ngx_api_metrics_scrape_forget(void *data);
static void ngx_api_metrics_scrape_resume(ngx_api_metrics_scrape_t *scrape);
static ngx_int_t ngx_api_metrics_scrape_send(
    ngx_api_metrics_scrape_t *scrape);


ngx_int_t
ngx_api_metrics_handler(ngx_http_request_t *r)
{
    ngx_int_t                  rc;
    ngx_api_metrics_scrape_t  *scrape;

    static const ngx_str_t  allow = ngx_string("GET, HEAD");

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return ngx_api_header_add(r, "Allow", &allow) == NGX_OK
               ? NGX_HTTP_NOT_ALLOWED : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    scrape = ngx_api_metrics_scrape_create(r);

    if (scrape == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_api_metrics_scrape_ask(scrape);

    if (scrape->waiting == 0) {
        return ngx_api_metrics_scrape_send(scrape);
    }

    ngx_add_timer(&scrape->timer, NGX_API_METRICS_WAIT);

    /* a client that goes away ends its request */

    r->read_event_handler = ngx_http_test_reading;
    r->main->count++;

    return NGX_DONE;
}


static ngx_api_metrics_scrape_t *
ngx_api_metrics_scrape_create(ngx_http_request_t *r)
{
    ngx_uint_t                 n;
    ngx_http_cleanup_t        *cln;
    ngx_api_main_conf_t       *amcf;
    ngx_api_metrics_scrape_t  *scrape;

    amcf = ngx_http_get_module_main_conf(r, ngx_api_module);

    scrape = ngx_pcalloc(r->pool, sizeof(ngx_api_metrics_scrape_t));
    cln = ngx_http_cleanup_add(r, 0);

    if (scrape == NULL || cln == NULL) {
        return NULL;
    }

    scrape->request = r;
    scrape->conf = &amcf->metrics;

    n = scrape->conf->questions.nelts;

    if (n) {
        scrape->asks = ngx_pcalloc(r->pool,
                                   n * sizeof(ngx_api_metrics_ask_t));
        scrape->answers = ngx_pcalloc(r->pool, n * sizeof(uint64_t *));

        if (scrape->asks == NULL || scrape->answers == NULL) {
            return NULL;
        }
    }

    scrape->timer.handler = ngx_api_metrics_scrape_timer;
    scrape->timer.data = scrape;
    scrape->timer.log = r->connection->log;

    cln->handler = ngx_api_metrics_scrape_forget;
    cln->data = scrape;

    return scrape;
}


static void
ngx_api_metrics_scrape_ask(ngx_api_metrics_scrape_t *scrape)
{
    ngx_uint_t                   i;
    ngx_api_metrics_ask_t       *ask;
    ngx_api_metrics_question_t  *questions;

    questions = scrape->conf->questions.elts;

    for (i = 0; i < scrape->conf->questions.nelts; i++) {
        ask = &scrape->asks[i];

        ask->scrape = scrape;
        ask->question = &questions[i];
        ask->answer = &scrape->answers[i];

        ask->op = ngx_api_pg_submit(questions[i].statement, NULL,
                                    ngx_api_metrics_scrape_answer, ask);
        if (ask->op) {
            scrape->waiting++;
        }
    }
}


static void
ngx_api_metrics_scrape_answer(void *data, ngx_api_pg_status_e status,
    const PGresult *res)
{
    ngx_api_metrics_ask_t *ask = data;

    ngx_api_metrics_scrape_t  *scrape;

    scrape = ask->scrape;
    ask->op = NULL;

    if (status == NGX_API_PG_OK) {
        *ask->answer = ngx_api_metrics_scrape_values(scrape->request->pool,
                                                     ask->question, res);
    }

    if (--scrape->waiting == 0) {
        ngx_api_metrics_scrape_resume(scrape);
    }
}


/* NULL: not what was asked for */

static uint64_t *
ngx_api_metrics_scrape_values(ngx_pool_t *pool,
    const ngx_api_metrics_question_t *question, const PGresult *res)
{
    int         n;
    uint64_t   *values;

    if (PQntuples(res) == 0 || PQnfields(res) != (int) question->n) {
        return NULL;
    }

    values = ngx_palloc(pool, question->n * sizeof(uint64_t));
    if (values == NULL) {
        return NULL;
    }

    for (n = 0; n < (int) question->n; n++) {
        values[n] = (uint64_t) ngx_api_pg_integer(res, 0, n);
    }

    return values;
}


static void
ngx_api_metrics_scrape_timer(ngx_event_t *ev)
{
    ngx_api_metrics_scrape_t *scrape = ev->data;

    ngx_log_error(NGX_LOG_WARN, scrape->request->connection->log, 0,
                  "PostgreSQL does not answer in time: metrics are incomplete");

    ngx_api_metrics_scrape_resume(scrape);
}


/* the request goes on, or ends: what is under way is of no interest any more */

static void
ngx_api_metrics_scrape_forget(void *data)
{
    ngx_api_metrics_scrape_t *scrape = data;

    ngx_uint_t  i;

    for (i = 0; i < scrape->conf->questions.nelts; i++) {
        if (scrape->asks[i].op) {
            ngx_api_pg_detach(scrape->asks[i].op);
            scrape->asks[i].op = NULL;
        }
    }

    if (scrape->timer.timer_set) {
        ngx_del_timer(&scrape->timer);
    }
}


static void
ngx_api_metrics_scrape_resume(ngx_api_metrics_scrape_t *scrape)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = scrape->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    ngx_api_metrics_scrape_forget(scrape);

    ngx_http_finalize_request(r, ngx_api_metrics_scrape_send(scrape));
    ngx_http_run_posted_requests(c);
}


static ngx_int_t
ngx_api_metrics_scrape_send(ngx_api_metrics_scrape_t *scrape)
{
    ngx_int_t            rc;
    ngx_chain_t         *out;
    ngx_api_json_t       text;
    ngx_http_request_t  *r;

    static const ngx_str_t  no_store = ngx_string("no-store");

    r = scrape->request;

    ngx_api_json_init(&text, r->pool, NGX_API_METRICS_HINT);

    if (ngx_api_metrics_text(&text, scrape->conf, scrape->answers) != NGX_OK
        || ngx_api_header_add(r, "Cache-Control", &no_store) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    out = ngx_api_json_close(&text, 1);
    if (out == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_str_set(&r->headers_out.content_type,
                "text/plain; version=0.0.4; charset=utf-8");
    r->headers_out.content_type_len = sizeof("text/plain") - 1;
    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = (off_t) text.size;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    return ngx_http_output_filter(r, out);
}
