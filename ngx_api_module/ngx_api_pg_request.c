
/*
 * PostgreSQL for requests: who waits for an operation, and what a failure is
 * answered by.
 */


#include "ngx_api_module.h"


static ngx_api_trace_t *ngx_api_pg_request_trace(ngx_http_request_t *r,
    const ngx_api_pg_statement_t *statement);
static void ngx_api_pg_request_handler(void *data, ngx_api_pg_status_e status,
    const PGresult *res);
static void ngx_api_pg_request_done(ngx_http_request_t *r,
    ngx_api_pg_status_e status, const PGresult *res);
static void ngx_api_pg_request_cleanup(void *data);


void
ngx_api_pg_exec(ngx_http_request_t *r, const ngx_api_pg_statement_t *statement,
    const char *const *values, ngx_api_pg_request_handler_pt handler)
{
    ngx_api_ctx_t  *ctx;

    ctx = ngx_api_ctx(r);
    if (ctx == NULL) {
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    ctx->pg_handler = handler;

    ngx_api_pg_exec_status(r, statement, values, ngx_api_pg_request_done);
}


void
ngx_api_pg_exec_status(ngx_http_request_t *r,
    const ngx_api_pg_statement_t *statement, const char *const *values,
    ngx_api_pg_status_handler_pt handler)
{
    ngx_api_ctx_t       *ctx;
    ngx_api_trace_t     *trace;
    ngx_http_cleanup_t  *cln;

    ctx = ngx_api_ctx(r);
    trace = ngx_api_pg_request_trace(r, statement);

    if (ctx == NULL || trace == NULL) {
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    if (!ctx->pg_cleanup) {
        cln = ngx_http_cleanup_add(r, 0);
        if (cln == NULL) {
            ngx_api_finish(r, NGX_ERROR);
            return;
        }

        cln->handler = ngx_api_pg_request_cleanup;
        cln->data = ctx;
        ctx->pg_cleanup = 1;
    }

    ctx->pg_status_handler = handler;

    r->connection->log->action = "waiting for PostgreSQL";

    ctx->op = ngx_api_pg_take(statement, values, ngx_api_pg_request_handler, r,
                              trace);
    if (ctx->op == NULL) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "PostgreSQL is away or its queue is full");

        handler(r, NGX_API_PG_UNAVAILABLE, NULL);
    }
}


static void
ngx_api_pg_request_handler(void *data, ngx_api_pg_status_e status,
    const PGresult *res)
{
    ngx_api_ctx_t       *ctx;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = data;
    c = r->connection;
    ctx = ngx_http_get_module_ctx(r, ngx_api_module);

    ngx_http_set_log_request(c->log, r);
    c->log->action = "answering";

    ctx->op = NULL;

    ctx->pg_status_handler(r, status, res);

    ngx_http_run_posted_requests(c);
}


static void
ngx_api_pg_request_done(ngx_http_request_t *r, ngx_api_pg_status_e status,
    const PGresult *res)
{
    ngx_api_ctx_t  *ctx;

    static const ngx_api_problem_t  *problems[] = {
        NULL,
        &ngx_api_database_unavailable,
        &ngx_api_database_timeout,
        &ngx_api_internal_error
    };

    if (status != NGX_API_PG_OK) {
        ngx_api_finish(r, ngx_api_problem(r, problems[status], NULL));
        return;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_api_module);

    ctx->pg_handler(r, res);
}


static void
ngx_api_pg_request_cleanup(void *data)
{
    ngx_api_ctx_t  *ctx = data;

    if (ctx->op) {
        ngx_api_pg_detach(ctx->op);
        ctx->op = NULL;
    }
}


ngx_api_pg_op_t *
ngx_api_pg_submit_for(ngx_http_request_t *r,
    const ngx_api_pg_statement_t *statement, const char *const *values,
    ngx_api_pg_handler_pt handler, void *data)
{
    ngx_api_pg_op_t  *op;
    ngx_api_trace_t  *trace;

    trace = ngx_api_pg_request_trace(r, statement);
    if (trace == NULL) {
        return NULL;
    }

    op = ngx_api_pg_take(statement, values, handler, data, trace);

    if (op) {
        op->timings = NULL;
    }

    return op;
}


/* the request's id, and where the statement wants it its trace; NULL: out of
 * memory */

static ngx_api_trace_t *
ngx_api_pg_request_trace(ngx_http_request_t *r,
    const ngx_api_pg_statement_t *statement)
{
    if (statement->traced && ngx_api_trace_text(r) == NULL) {
        return NULL;
    }

    return ngx_api_trace(r);
}
