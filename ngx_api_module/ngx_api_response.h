
/*
 * Answers.  Each function ends the request: after it, touch nothing.
 */


#ifndef _NGX_API_RESPONSE_H_INCLUDED_
#define _NGX_API_RESPONSE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <libpq-fe.h>

#include "ngx_api_json.h"
#include "ngx_api_problem.h"


#define NGX_API_NO_STORE  0x01     /* Cache-Control: no-store (tokens) instead
                                      of private, no-cache */
#define NGX_API_PUBLIC    0x02     /* Cache-Control: public, for five minutes:
                                      the same for everybody */


/* ends a request with an HTTP status that has no body of ours (204), with what
 * ngx_api_problem() returned, or with NGX_ERROR (500) */
void ngx_api_finish(ngx_http_request_t *r, ngx_int_t rc);

/* a JSON body; location: for 201, may be NULL */
void ngx_api_send_json(ngx_http_request_t *r, ngx_uint_t status,
    ngx_api_json_t *json, const ngx_str_t *location, ngx_uint_t flags);

/*
 * One row as an object.  Its column "version", or "_version" of what does not
 * show it, becomes the ETag; a GET whose If-None-Match names it gets 304.  The
 * row's column "_outcome" (text), if there is one and it is not "ok", names a
 * problem instead: not_found, forbidden, version_mismatch; no row at all is
 * not_found.
 * location_prefix: for 201, "/v1/tasks/": Location is that and the column "_id"
 * or, without one, "id".
 */
void ngx_api_send_row(ngx_http_request_t *r, ngx_uint_t status,
    const PGresult *res, const char *location_prefix);

/*
 * The same with one more member, a text that is shown this once: no-store.  The
 * name is static; the text is not looked at when the outcome is a problem.
 */
void ngx_api_send_row_secret(ngx_http_request_t *r, ngx_uint_t status,
    const PGresult *res, const char *location_prefix, const char *name,
    const ngx_str_t *secret);

/* 204, by the same rules for "_outcome" and for no row */
void ngx_api_send_done(ngx_http_request_t *r, const PGresult *res);

/*
 * A page: {"data":[...],"next_cursor":...}.  The statement asked for limit + 1
 * rows; when that many came there is a next page: its cursor is built from the
 * row number limit - 1, of its columns "_id" or "id", and "_key" (text, may be
 * absent), and of sort; Link names the same query with that cursor.
 *
 * A list that is part of something has "_outcome" in its rows, by the rules
 * above: no row says that the thing is not there.  A page without rows is then
 * one row of the outcome "empty".
 *
 * For incremental sync: a row whose "_deleted_at" is not null is only {"id",
 * "deleted_at"}; "_watermark" (text, the same in each row) goes out as
 * "sync_token", for ngx_api_page_token().
 */
void ngx_api_send_page(ngx_http_request_t *r, const PGresult *res,
    ngx_uint_t limit, ngx_uint_t sort);

/* all rows: {"data":[...]}, by the same rules for "_outcome" of the first and
 * for no row */
void ngx_api_send_list(ngx_http_request_t *r, ngx_uint_t status,
    const PGresult *res);

/* Whether a statement's outcome is this problem, which the functions above do
 * not know: then the request was ended with it. */
ngx_uint_t ngx_api_refused(ngx_http_request_t *r, const PGresult *res,
    const ngx_api_problem_t *problem);

/* ETag of a version; for handlers that build their own body */
ngx_int_t ngx_api_set_etag(ngx_http_request_t *r, int64_t version);

/* adds a response header; key is static, value lives in the pool; the second
 * returns it, or NULL */
ngx_int_t ngx_api_header_add(ngx_http_request_t *r, const char *key,
    const ngx_str_t *value);
ngx_table_elt_t *ngx_api_header_push(ngx_http_request_t *r, const char *key,
    const ngx_str_t *value);


#endif /* _NGX_API_RESPONSE_H_INCLUDED_ */
