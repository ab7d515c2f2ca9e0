
/*
 * What the files of the rate limits share; private to them.
 */


#ifndef _NGX_AUTH_LIMIT_MODULE_H_INCLUDED_
#define _NGX_AUTH_LIMIT_MODULE_H_INCLUDED_


#include "ngx_api.h"
#include "ngx_api_redis.h"

#include "ngx_auth_digest.h"
#include "ngx_auth_gcra.h"
#include "ngx_auth_limit.h"
#include "ngx_auth_limit_zone.h"


#define NGX_AUTH_LIMIT_LOCAL   0
#define NGX_AUTH_LIMIT_OPEN    1
#define NGX_AUTH_LIMIT_CLOSED  2

#define NGX_AUTH_LIMIT_ARGS    3

/* zones that are checked in the access phase, and not later */
#define NGX_AUTH_LIMIT_ACCESS  NGX_AUTH_LIMIT_LATE_N


/* what became of a request by a zone */
typedef enum {
    NGX_AUTH_LIMIT_METRIC_PASSED = 0,
    NGX_AUTH_LIMIT_METRIC_DELAYED,
    NGX_AUTH_LIMIT_METRIC_LIMITED,
    NGX_AUTH_LIMIT_METRIC_ERROR,              /* passed without Redis's word */
    NGX_AUTH_LIMIT_METRICS
} ngx_auth_limit_metric_e;


/* rate_limit_zone */
typedef struct {
    ngx_auth_limit_zone_t       keys;
    ngx_str_t                   name;
    ngx_http_complex_value_t    key;
    ngx_auth_gcra_rate_t        rate;
    ngx_uint_t                  late;         /* which variable, or _ACCESS */
    ngx_uint_t                  fallback;     /* NGX_AUTH_LIMIT_LOCAL, ... */
    ngx_str_t                   prefix;       /* of its keys in Redis */
    ngx_api_metric_t            metrics[NGX_AUTH_LIMIT_METRICS];
    unsigned                    redis:1;
} ngx_auth_limit_conf_t;


/* rate_limit */
typedef struct {
    ngx_str_t                   name;         /* of the zone */
    ngx_auth_limit_conf_t      *zone;         /* set when all is read */
    ngx_auth_gcra_t             gcra;
    ngx_uint_t                  burst;        /* or NGX_CONF_UNSET_UINT */
    ngx_uint_t                  cost;
    ngx_str_t                   policy;       /* "name";q=100;w=60 */
    ngx_str_t                   args[NGX_AUTH_LIMIT_ARGS];
                                              /* of the script of Redis */
    ngx_str_t                   file;         /* where it stands */
    ngx_uint_t                  line;
    unsigned                    nodelay:1;
} ngx_auth_limit_t;


typedef struct {
    ngx_array_t                 limits;       /* of ngx_auth_limit_t *, all */
    ngx_array_t                 zones;        /* of ngx_auth_limit_conf_t * */
} ngx_auth_limit_main_conf_t;


typedef struct {
    ngx_array_t                *limits;       /* of ngx_auth_limit_t * */
    ngx_api_problem_t           problem;
    ngx_uint_t                  status;
    ngx_uint_t                  log_level;
    ngx_uint_t                  delay_log_level;
    ngx_flag_t                  dry_run;
} ngx_auth_limit_loc_conf_t;


/* one limit of a request */
typedef struct {
    const ngx_auth_limit_t     *limit;
    ngx_str_t                   key;
    int64_t                     ahead;        /* with what it took */
    unsigned                    counted:1;    /* not exempt, an answer known */
    unsigned                    refused:1;
    unsigned                    taken:1;      /* from the local zone */
    unsigned                    closed:1;     /* by its fallback */
    unsigned                    away:1;       /* Redis was, for this one */
    u_char                      hash[NGX_AUTH_DIGEST_LEN];
} ngx_auth_limit_check_t;


typedef enum {
    NGX_AUTH_LIMIT_NONE = 0,
    NGX_AUTH_LIMIT_PASSED,
    NGX_AUTH_LIMIT_DELAYED,
    NGX_AUTH_LIMIT_REJECTED,
    NGX_AUTH_LIMIT_DELAYED_DRY_RUN,
    NGX_AUTH_LIMIT_REJECTED_DRY_RUN
} ngx_auth_limit_status_e;


typedef struct ngx_auth_limit_ctx_s     ngx_auth_limit_ctx_t;
typedef struct ngx_auth_limit_script_s  ngx_auth_limit_script_t;

struct ngx_auth_limit_ctx_s {
    ngx_http_request_t         *request;
    ngx_auth_limit_check_t     *checks;       /* of all rounds */
    ngx_uint_t                  nchecks;
    ngx_uint_t                  first;        /* of this round */

    ngx_int_t                   rc;           /* of the access phase */
    void                      (*next)(ngx_http_request_t *r);
                                              /* NULL: the access phase */
    ngx_str_t                   late[NGX_AUTH_LIMIT_LATE_N];
    ngx_auth_limit_status_e     status;

    uint64_t                    start;        /* of this round */
    ngx_event_t                 timer;        /* of a delay */
    ngx_api_redis_op_t         *op;
    ngx_auth_limit_script_t    *script;       /* while Redis is asked */

    ngx_table_elt_t            *policy;       /* the headers */
    ngx_table_elt_t            *left;

    unsigned                    waiting:1;
};


/* handlers of directives */
char *ngx_auth_limit_zone_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_auth_limit_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* once all is read: what depends on the limit's zone; emerg and NGX_ERROR on a
 * fault */
ngx_int_t ngx_auth_limit_find_zone(ngx_conf_t *cf,
    ngx_auth_limit_main_conf_t *lmcf, ngx_auth_limit_t *limit);


/* at configuration time: what a zone counts; NGX_OK or NGX_ERROR */
ngx_int_t ngx_auth_limit_metrics_add(ngx_conf_t *cf,
    ngx_auth_limit_conf_t *zone);

/* counts a request that was decided on, by each zone of this round;
 * one that was refused by those that refuse it alone */
void ngx_auth_limit_metrics_count(ngx_auth_limit_ctx_t *ctx,
    ngx_uint_t refused);


/* NULL if the request was under no limit */
ngx_auth_limit_ctx_t *ngx_auth_limit_ctx(ngx_http_request_t *r);


/* headers; NGX_OK or NGX_ERROR */
ngx_int_t ngx_auth_limit_policy(ngx_pool_t *pool, ngx_auth_limit_t *limit);
ngx_int_t ngx_auth_limit_headers(ngx_auth_limit_ctx_t *ctx);
ngx_int_t ngx_auth_limit_retry_after(ngx_auth_limit_ctx_t *ctx,
    time_t seconds);


/* at configuration time, for each limit of a zone in Redis; NGX_OK or
 * NGX_ERROR */
ngx_int_t ngx_auth_limit_redis_init(ngx_pool_t *pool, ngx_auth_limit_t *limit);

/*
 * Asks Redis for this round's limits that are kept there: NGX_AGAIN, and
 * ngx_auth_limit_redis_done() will be called; NGX_DECLINED if it can't be
 * asked now; NGX_ERROR.
 */
ngx_int_t ngx_auth_limit_redis(ngx_auth_limit_ctx_t *ctx);

/* answered: each such check knows ahead and refused */
void ngx_auth_limit_redis_done(ngx_auth_limit_ctx_t *ctx,
    ngx_uint_t answered);


#endif /* _NGX_AUTH_LIMIT_MODULE_H_INCLUDED_ */
