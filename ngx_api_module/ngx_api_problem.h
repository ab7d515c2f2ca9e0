
/*
 * Errors as RFC 9457 problem details.
 *
 * A problem is noted on the request and the status is returned to nginx, or
 * the request is finalized with it; a header and body filter of the platform
 * turns that answer, like every error that nginx itself makes under api_errors,
 * into application/problem+json.
 */


#ifndef _NGX_API_PROBLEM_H_INCLUDED_
#define _NGX_API_PROBLEM_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


typedef struct {
    ngx_uint_t       status;         /* of HTTP */
    ngx_str_t        code;           /* stable, for programs */
    ngx_str_t        title;          /* the same for every occurrence */
    ngx_str_t        detail;         /* what the caller can do; may be empty */
    time_t           retry_after;    /* seconds; 0: no Retry-After */
} ngx_api_problem_t;


/* those that more than one module answers with; a feature may have its own */
extern const ngx_api_problem_t  ngx_api_not_found;              /* 404 */
extern const ngx_api_problem_t  ngx_api_forbidden;              /* 403 */
extern const ngx_api_problem_t  ngx_api_token_missing;          /* 401 */
extern const ngx_api_problem_t  ngx_api_malformed_json;         /* 400 */
extern const ngx_api_problem_t  ngx_api_unsupported_media_type; /* 415 */
extern const ngx_api_problem_t  ngx_api_invalid_parameter;      /* 400 */
extern const ngx_api_problem_t  ngx_api_validation_failed;      /* 422 */
extern const ngx_api_problem_t  ngx_api_version_mismatch;       /* 412 */
extern const ngx_api_problem_t  ngx_api_precondition_required;  /* 428 */
extern const ngx_api_problem_t  ngx_api_database_unavailable;   /* 503 */
extern const ngx_api_problem_t  ngx_api_database_timeout;       /* 504 */
extern const ngx_api_problem_t  ngx_api_internal_error;         /* 500 */


/*
 * Notes the problem on the request and returns its status, for a phase handler
 * to return.  problem is static; faults (ngx_api_fault_t, may be NULL) live in
 * the request's pool and become "errors", with "pointer", or with "parameter"
 * for a problem of status 400.
 */
ngx_int_t ngx_api_problem(ngx_http_request_t *r,
    const ngx_api_problem_t *problem, const ngx_array_t *faults);

/* the same with a detail of this occurrence, in the request's pool */
ngx_int_t ngx_api_problem_detail(ngx_http_request_t *r,
    const ngx_api_problem_t *problem, const ngx_str_t *detail);


#endif /* _NGX_API_PROBLEM_H_INCLUDED_ */
