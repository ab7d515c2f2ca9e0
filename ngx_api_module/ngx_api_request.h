
/*
 * What a handler may ask of its request.  Everything returned lives in the
 * request's pool and is checked: a handler runs only when the path, the query
 * and the body passed the tables of its route.
 */


#ifndef _NGX_API_REQUEST_H_INCLUDED_
#define _NGX_API_REQUEST_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_api_cursor.h"
#include "ngx_api_schema.h"
#include "ngx_api_time.h"
#include "ngx_api_uuid.h"


typedef struct ngx_api_identity_s  ngx_api_identity_t;

/* Who is calling: set by auth in the access phase, read by features. */
struct ngx_api_identity_s {
    ngx_str_t    user;        /* UUID text, NUL-terminated */
    ngx_str_t    session;     /* UUID text, NUL-terminated; may be empty */
    ngx_str_t    role;        /* NUL-terminated */
    time_t       expires;     /* of the token */

    /* whether it would be let in now, too: see ngx_api_identity_valid() */
    ngx_uint_t (*valid)(ngx_http_request_t *r,
                        const ngx_api_identity_t *identity);
};


/*
 * The ids that a write may need, as text.  The creation time is the millisecond
 * in the id, so that the order of ids is the order of creation.
 */
typedef struct {
    char         id[NGX_API_UUID_LEN + 1];
    char         event_id[NGX_API_UUID_LEN + 1];
    char         created_at[NGX_API_TIME_LEN + 1];
} ngx_api_ids_t;


/* NULL if the request carries none */
const ngx_api_identity_t *ngx_api_identity(ngx_http_request_t *r);

/*
 * For an answer that takes long: whether the request's identity is still good,
 * or its token has expired or its session was ended meanwhile.  Cheap: nobody
 * is asked but this instance's memory.  The request carries an identity.
 */
ngx_uint_t ngx_api_identity_valid(ngx_http_request_t *r);

/* identity lives in the request's pool; NGX_OK or NGX_ERROR */
ngx_int_t ngx_api_identity_set(ngx_http_request_t *r,
    const ngx_api_identity_t *identity);


/* the n-th "{...}" of the route's path: lower-case UUID text with a NUL */
const char *ngx_api_path_id(ngx_http_request_t *r, ngx_uint_t n);

/* the checked body and query by the index of the field in the route's table */
const ngx_api_value_t *ngx_api_body(ngx_http_request_t *r);
const ngx_api_value_t *ngx_api_args(ngx_http_request_t *r);

/* X-Request-ID: the client's if well-formed, else one made here */
const ngx_str_t *ngx_api_request_id(ngx_http_request_t *r);

/* the key of api_secret_file */
const ngx_str_t *ngx_api_secret(ngx_http_request_t *r);


/*
 * If-Match (RFC 9110, 13.1.1) for a statement that takes the versions which
 * may be changed: sets *versions to a bigint[] literal ("{3}"; "{}" when no
 * tag is one of ours), or to NULL when there is no condition ("*" or absent);
 * *present tells whether the header was there.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_api_if_match(ngx_http_request_t *r, const char **versions,
    ngx_uint_t *present);

/*
 * The start of a page: where the cursor argument points to, for a list of the
 * order "sort" (ngx_api_send_page()), below 255.  NGX_OK; or what
 * ngx_api_finish() takes, if it is not a cursor of this list: of the same path
 * and parameters, "limit" aside.
 */
ngx_int_t ngx_api_page_start(ngx_http_request_t *r,
    const ngx_api_value_t *arg, ngx_uint_t sort, ngx_api_cursor_t *cursor);

/*
 * The same as parameters.  values[0]: how many rows, one more than the limit
 * tells whether there is a next page; values[1], values[2]: key and id that the
 * page begins after, untouched if there is no cursor.  NGX_OK, or what
 * ngx_api_finish() takes.
 */
ngx_int_t ngx_api_page_values(ngx_http_request_t *r,
    const ngx_api_value_t *limit, const ngx_api_value_t *cursor,
    ngx_uint_t sort, const char **values);

/* what a "sync_token" of this list has for a watermark.  NGX_OK; NGX_DECLINED
 * if the argument is no such token; NGX_ERROR. */
ngx_int_t ngx_api_page_token(ngx_http_request_t *r,
    const ngx_api_value_t *arg, const char **mark);

/* notes invalid_parameter with this one fault, of static texts; returns what
 * ngx_api_finish() takes */
ngx_int_t ngx_api_parameter_fault(ngx_http_request_t *r,
    const char *parameter, const char *code, const char *detail);

/* which of the first n fields a body has, a bit each; and that as a parameter,
 * in the request's pool, NULL when out of memory */
ngx_uint_t ngx_api_given(const ngx_api_value_t *fields, ngx_uint_t n);
const char *ngx_api_mask(ngx_http_request_t *r, ngx_uint_t mask);

/* the parameters that "-- values:" and "-- patch:" in the statements take */
void ngx_api_values(const ngx_api_value_t *fields, ngx_uint_t n,
    const char **values);

/* in the request's pool; NULL when out of memory */
ngx_api_ids_t *ngx_api_ids(ngx_http_request_t *r);

/* text in the request's pool, NUL-terminated */
const char *ngx_api_cstr(ngx_http_request_t *r, const void *text, size_t len);


#endif /* _NGX_API_REQUEST_H_INCLUDED_ */
