
/*
 * The platform's own structures.  Private: features use ngx_api.h.
 */


#ifndef _NGX_API_MODULE_H_INCLUDED_
#define _NGX_API_MODULE_H_INCLUDED_


#include "ngx_api.h"
#include "ngx_api_body.h"
#include "ngx_api_header.h"
#include "ngx_api_pg_conn.h"
#include "ngx_api_redis_conn.h"
#include "ngx_api_metrics_conf.h"


#define NGX_API_SEGMENTS_MAX  8     /* of a path */
#define NGX_API_METHODS       5


/* one path template and what its methods are answered by */
typedef struct {
    ngx_str_t               text;
    ngx_uint_t              nsegments;
    ngx_str_t               segments[NGX_API_SEGMENTS_MAX];  /* null: {id} */
    const ngx_api_route_t  *routes[NGX_API_METHODS];
    ngx_str_t               allow;
    ngx_uint_t              number;          /* of the metrics */
} ngx_api_path_t;


typedef struct {
    ngx_str_t               pg_conninfo;     /* with a NUL */
    ngx_str_t               pg_password;     /* likewise */
    ngx_api_pg_conf_t       pg;
    ngx_api_redis_conf_t    redis;
    ngx_str_t               secret;
    ngx_array_t             health_checks;   /* of ngx_api_health_check_t */
    ngx_api_metrics_conf_t  metrics;
    ngx_flag_t              health;          /* somewhere, api_health is on */
    ngx_msec_t              health_timeout;
    ngx_str_t               drain_file;      /* with a NUL */
    ngx_msec_t              shutdown_delay;  /* 0: none */
    size_t                  unsent_max;
} ngx_api_main_conf_t;


typedef struct {
    ngx_flag_t              errors;
    ngx_flag_t              metrics;
    ngx_flag_t              server_timing;
    ngx_msec_t              body_timeout;
    ngx_array_t            *cors;            /* of ngx_str_t; NULL: off */
    ngx_array_t            *paths;           /* of ngx_api_path_t */
} ngx_api_loc_conf_t;


typedef struct {
    const ngx_api_path_t       *path;
    const ngx_api_route_t      *route;
    char                        ids[NGX_API_ROUTE_PARAMS_MAX]
                                   [NGX_API_UUID_LEN + 1];

    uint64_t                    start;          /* of the request, by
                                                   ngx_api_clock() */
    const ngx_api_identity_t   *identity;
    ngx_api_trace_t            *trace;          /* NULL: none as yet */

    const ngx_api_value_t      *body;
    const ngx_api_value_t      *args;
    ngx_str_t                   body_text;
    ngx_event_t                *body_timer;     /* NULL: it came at once */
    const char                 *idempotency_key;  /* NULL: none */

    const ngx_api_problem_t    *problem;
    ngx_str_t                   detail;
    const ngx_array_t          *faults;
    ngx_chain_t                *problem_body;   /* to be sent by the filter */

    ngx_api_pg_op_t            *op;
    ngx_api_pg_status_handler_pt   pg_status_handler;
    ngx_api_pg_request_handler_pt  pg_handler;

    unsigned                    routed:1;       /* path and route looked up */
    unsigned                    answered:1;     /* by the API: its headers */
    unsigned                    problem_sent:1;
    unsigned                    preflight:1;      /* of CORS */
    unsigned                    pg_cleanup:1;
} ngx_api_ctx_t;


/* the context, made when there is none; NULL: out of memory */
ngx_api_ctx_t *ngx_api_ctx(ngx_http_request_t *r);

/* how long the request has been there by nginx's cached time, in ms */
ngx_msec_int_t ngx_api_request_ms(const ngx_http_request_t *r);

/* variables: sets a value (NULL or empty: there is none); makes an array of
 * them known, in preconfiguration */
ngx_int_t ngx_api_variable_set(ngx_http_variable_value_t *v,
    const ngx_str_t *value);
ngx_int_t ngx_api_variables_add(ngx_conf_t *cf, const ngx_http_variable_t *v);

/* ids and traces: their variables, the log; times: their variables, the header
 * filter */
ngx_int_t ngx_api_trace_add_variables(ngx_conf_t *cf);
ngx_int_t ngx_api_trace_init(ngx_conf_t *cf);
ngx_int_t ngx_api_timing_add_variables(ngx_conf_t *cf);
ngx_int_t ngx_api_timing_init(ngx_conf_t *cf);

/* a URI without its query */
void ngx_api_path(const ngx_str_t *uri, ngx_str_t *path);

/* the content handler of a location with routes */
ngx_int_t ngx_api_handler(ngx_http_request_t *r);

/* what the first row says: NGX_OK, or what ngx_api_problem() returned */
ngx_int_t ngx_api_outcome(ngx_http_request_t *r, const PGresult *res);

/* of a row's id; -1 if there is none */
int ngx_api_id_column(const PGresult *res);

/* the first header of that name, in lower case, of the request; NULL if there
 * is none.  n, if not NULL: how many there are */
ngx_table_elt_t *ngx_api_header_find(ngx_http_request_t *r, const char *name,
    size_t len, ngx_uint_t *n);

/* reads, parses and checks the body, then runs the route's handler; returns
 * what a content handler returns */
ngx_int_t ngx_api_request_body(ngx_http_request_t *r);

/* Idempotency-Key of a route that honours it; NGX_OK, or the status to end the
 * request with */
ngx_int_t ngx_api_idempotency_check(ngx_http_request_t *r);

/* runs the route's handler; ends the request with NGX_DONE as its status */
void ngx_api_run(ngx_http_request_t *r);

ngx_int_t ngx_api_problem_filter_init(ngx_conf_t *cf);

/* the header filter and the answer to preflights; the directive */
ngx_int_t ngx_api_cors_init(ngx_conf_t *cf);
char *ngx_api_cors_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* of each worker */
ngx_int_t ngx_api_pg_init_process(ngx_cycle_t *cycle,
    const ngx_api_pg_conf_t *conf);
void ngx_api_pg_exit_process(void);

/* ngx_api_pg_submit() for a request: trace, whose id and traceparent, where the
 * statement wants it, are copied; times are added to it until the operation is
 * detached.  NULL: of no request. */
ngx_api_pg_op_t *ngx_api_pg_take(const ngx_api_pg_statement_t *statement,
    const char *const *values, ngx_api_pg_handler_pt handler, void *data,
    ngx_api_trace_t *trace);

/* checks api_pg and makes what PQconnectStartParams() takes; emerg and
 * NGX_ERROR on a fault */
ngx_int_t ngx_api_pg_conf_init(ngx_conf_t *cf, ngx_api_main_conf_t *amcf);

/* what there is to be counted */
ngx_int_t ngx_api_pg_metrics_add(ngx_conf_t *cf);
ngx_int_t ngx_api_redis_metrics_add(ngx_conf_t *cf);

/* whether each lane has a connection that takes statements; refused: whether
 * PostgreSQL, when one was last made, refused to prepare a statement, so that
 * the schema is not what this build was made for */
ngx_uint_t ngx_api_pg_ready(ngx_uint_t *refused);

/* of each worker; conf stays in place */
void ngx_api_redis_init_process(ngx_cycle_t *cycle,
    const ngx_api_redis_conf_t *conf);
void ngx_api_redis_exit_process(void);

char *ngx_api_redis_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* a file's content less one trailing newline; emerg and NGX_ERROR if it can't
 * be read or is shorter than min */
ngx_int_t ngx_api_conf_file(ngx_conf_t *cf, ngx_str_t *name, size_t min,
    ngx_str_t *content);

extern const ngx_api_problem_t  ngx_api_idempotency_key_in_use;  /* 409 */
extern const ngx_api_problem_t  ngx_api_idempotency_key_reused;  /* 422 */

extern const ngx_api_route_t  ngx_api_health_routes[];
extern const ngx_api_pg_statement_t  ngx_api_health_statement;

char *ngx_api_health_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* api_drain_file; of each worker; looks for the file now, and returns what
 * ngx_api_leaving() would */
char *ngx_api_drain_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
void ngx_api_drain_init_process(ngx_cycle_t *cycle,
    ngx_api_main_conf_t *amcf);
ngx_uint_t ngx_api_drain(ngx_api_main_conf_t *amcf);

/* answers that are not taken; of each worker; one of so many bytes that its
 * client did not take at once, which may be given up from then on */
void ngx_api_unsent_init_process(ngx_cycle_t *cycle,
    ngx_api_main_conf_t *amcf);
void ngx_api_unsent_add(ngx_http_request_t *r, size_t size);


#endif /* _NGX_API_MODULE_H_INCLUDED_ */
