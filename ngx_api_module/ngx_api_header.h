
/*
 * The values of headers, taken apart.  Pure.
 */


#ifndef _NGX_API_HEADER_H_INCLUDED_
#define _NGX_API_HEADER_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* of an X-Request-ID that is taken */
#define NGX_API_REQUEST_ID_MAX  64

/* of an Idempotency-Key */
#define NGX_API_HEADER_KEY_MAX  255


/* whether an X-Request-ID may be taken over into headers and logs */
ngx_uint_t ngx_api_header_id(const ngx_str_t *value);

/*
 * If-Match (RFC 9110, 13.1.1): the tags that are versions as a bigint[] literal
 * with a NUL, in the pool; none of a list that is malformed; NULL for "*".
 * NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_api_header_versions(ngx_pool_t *pool, const ngx_str_t *value,
    const char **versions);

/* If-None-Match (RFC 9110, 13.1.2): whether the tag, with its quotes, is in the
 * list, by weak comparison; "*" is any; a malformed list has none */
ngx_uint_t ngx_api_header_matches(const ngx_str_t *value,
    const ngx_str_t *etag);

/* Idempotency-Key, without its quotes; key gets a NUL and lives in the pool.
 * NGX_OK, NGX_DECLINED if it is malformed, or NGX_ERROR. */
ngx_int_t ngx_api_header_key(ngx_pool_t *pool, const ngx_str_t *value,
    ngx_str_t *key);

/* for a URI reference in Link (RFC 8288): writes 3 * len bytes at most, in
 * which nothing ends the reference; returns the end */
u_char *ngx_api_header_link(u_char *p, const u_char *text, size_t len);


#endif /* _NGX_API_HEADER_H_INCLUDED_ */
