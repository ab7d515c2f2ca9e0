
/*
 * PostgreSQL for request handlers: prepared statements over pipelined,
 * nonblocking connections, in three lanes per worker.
 *
 * The read lane has few connections and pipelines deeply; the write lane has
 * more, so that commits which wait for the disk do not stand in one another's
 * way, nor in front of reads.  The search lane is for reads that take longer,
 * the more so the rarer what they look for is: they have connections of their
 * own and stand in front of nobody.
 */


#ifndef _NGX_API_PG_H_INCLUDED_
#define _NGX_API_PG_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <libpq-fe.h>


#define NGX_API_PG_PARAMS_MAX  32


typedef enum {
    NGX_API_PG_READ = 0,      /* default_transaction_read_only is on */
    NGX_API_PG_WRITE,
    NGX_API_PG_SEARCH,        /* read-only too; one at a time */
    NGX_API_PG_LANES
} ngx_api_pg_lane_e;


/* A statement; prepared under its name on every connection of its lane.
 * Those of sql/statements/ are generated at build time. */
typedef struct {
    const char          *name;
    const char          *sql;
    ngx_uint_t           nparams;
    ngx_api_pg_lane_e    lane;
    ngx_uint_t           traced;   /* 1: one more parameter is the request's
                                      trace, or null; it is not the caller's */
} ngx_api_pg_statement_t;


typedef enum {
    NGX_API_PG_OK = 0,
    NGX_API_PG_UNAVAILABLE,   /* not connected, lost, or the queue is full */
    NGX_API_PG_TIMEOUT,       /* api_pg_timeout or statement_timeout */
    NGX_API_PG_ERROR          /* the server refused the statement; logged */
} ngx_api_pg_status_e;


/*
 * The result is owned by the platform and freed after the handler returns; it
 * is NULL unless status is NGX_API_PG_OK.  Its values are in binary format:
 * read them by ngx_api_pg_json.h.
 */
typedef void (*ngx_api_pg_handler_pt)(void *data, ngx_api_pg_status_e status,
    const PGresult *res);

typedef void (*ngx_api_pg_request_handler_pt)(ngx_http_request_t *r,
    const PGresult *res);

typedef void (*ngx_api_pg_status_handler_pt)(ngx_http_request_t *r,
    ngx_api_pg_status_e status, const PGresult *res);

typedef struct ngx_api_pg_op_s  ngx_api_pg_op_t;


/* whether api_pg is configured: known once all is read */
ngx_uint_t ngx_api_pg_configured(ngx_conf_t *cf);

/* At configuration time: makes statements known; the array is static or lives
 * in cf->pool.  NGX_OK or NGX_ERROR. */
ngx_int_t ngx_api_pg_register(ngx_conf_t *cf,
    const ngx_api_pg_statement_t *statements, ngx_uint_t n);


/*
 * Executes a statement for a request.  values: the parameters as text, NULL
 * for SQL NULL; the array is copied, what it points to stays in place until
 * the handler runs (the request's pool).  The handler is called once, with a
 * result that is PGRES_TUPLES_OK or PGRES_COMMAND_OK, never before this
 * function returned, and not at all if the request was ended by its client.
 * Every failure is answered here: 503 database_unavailable, 504
 * database_timeout, 500.  Either way the request will end: after the call,
 * return.
 */
void ngx_api_pg_exec(ngx_http_request_t *r,
    const ngx_api_pg_statement_t *statement, const char *const *values,
    ngx_api_pg_request_handler_pt handler);


/* The same for a handler that wants to know of failures itself; it is called
 * at once, before this function returns, if the operation can't be taken. */
void ngx_api_pg_exec_status(ngx_http_request_t *r,
    const ngx_api_pg_statement_t *statement, const char *const *values,
    ngx_api_pg_status_handler_pt handler);


/*
 * The same without a request.  Returns the operation, or NULL if it could not
 * be taken (then the handler is not called).  The caller may forget it by
 * ngx_api_pg_detach(): one not yet sent is dropped, one that was sent runs on
 * in silence.
 */
ngx_api_pg_op_t *ngx_api_pg_submit(const ngx_api_pg_statement_t *statement,
    const char *const *values, ngx_api_pg_handler_pt handler, void *data);

/* The same for a request that needs not live as long: the log and the events
 * that the statement writes know whose operation it is. */
ngx_api_pg_op_t *ngx_api_pg_submit_for(ngx_http_request_t *r,
    const ngx_api_pg_statement_t *statement, const char *const *values,
    ngx_api_pg_handler_pt handler, void *data);

void ngx_api_pg_detach(ngx_api_pg_op_t *op);


/*
 * For init_process: who is told of every result of the write lane, once it is
 * committed and whoever asked for it was answered; also when nobody waits for
 * it any more.  The result is the platform's, and so is the trace, which is
 * empty if the statement takes none or was of no request.  NULL: nobody.
 */
typedef void (*ngx_api_pg_commit_pt)(const PGresult *res,
    const ngx_str_t *trace);

void ngx_api_pg_on_commit(ngx_api_pg_commit_pt handler);


#endif /* _NGX_API_PG_H_INCLUDED_ */
