
/*
 * The header "traceparent" of W3C Trace Context, level 1 and 2.  Pure.
 */


#ifndef _NGX_API_TRACEPARENT_H_INCLUDED_
#define _NGX_API_TRACEPARENT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* "00-" trace "-" span "-" flags */
#define NGX_API_TRACEPARENT_LEN  55

#define NGX_API_TRACE_ID_LEN     32
#define NGX_API_SPAN_ID_LEN      16

/* where they are in it */
#define NGX_API_TRACE_ID_AT      3
#define NGX_API_SPAN_ID_AT       36
#define NGX_API_TRACE_FLAGS_AT   53


/* whether the text is a traceparent, of this version or of a later one whose
 * beginning is the same */
ngx_uint_t ngx_api_traceparent_valid(const u_char *text, size_t len);

/*
 * Writes a traceparent with a new span, NGX_API_TRACEPARENT_LEN bytes: of the
 * trace of the parent, which is valid, or of a new one (NULL).  NGX_OK, or
 * NGX_ERROR if there are no random numbers.
 */
ngx_int_t ngx_api_traceparent_make(u_char *p, const u_char *parent);


#endif /* _NGX_API_TRACEPARENT_H_INCLUDED_ */
