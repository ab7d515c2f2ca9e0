
/*
 * Text from outside that is kept: pure.
 */


#ifndef _NGX_AUTH_TEXT_H_INCLUDED_
#define _NGX_AUTH_TEXT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * A text from outside as PostgreSQL can store it: UTF-8 without control
 * characters; what is neither is left out, and no character is cut in two at
 * the end of dst.  dst takes size bytes, at least one; the text in it is
 * NUL-terminated.  Returns its length.
 */
size_t ngx_auth_text_clean(char *dst, size_t size, const u_char *src,
    size_t len);

/*
 * Authorization (RFC 6750, 2.1): the token after "Bearer", which points into
 * the value.  NGX_OK; NGX_ERROR if there is none, or it is longer than any.
 */
ngx_int_t ngx_auth_text_bearer(const ngx_str_t *value, ngx_str_t *token);


#endif /* _NGX_AUTH_TEXT_H_INCLUDED_ */
