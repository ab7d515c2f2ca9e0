
/*
 * What a piece of text is, and lists of texts.
 */


#ifndef _NGX_API_TEXT_H_INCLUDED_
#define _NGX_API_TEXT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* RFC 5321, 4.5.3.1: a path has 256 bytes, two of them brackets */
#define NGX_API_TEXT_EMAIL_MAX  254


/* code points, or NGX_ERROR if the text is not UTF-8 (RFC 3629) */
ngx_int_t ngx_api_text_utf8(const u_char *p, size_t len);

/*
 * An e-mail address as people have them: RFC 5321's Mailbox in ASCII, its
 * local part a dot-atom of up to 64 bytes, its domain a name with a dot.
 * 1 or 0.
 */
ngx_uint_t ngx_api_text_is_email(const u_char *p, size_t len);


/*
 * PostgreSQL's literal of a text array, with a NUL after it, in the pool:
 * {"a","b\"c",NULL}.  NULL is an element whose data is NULL.  NGX_OK or
 * NGX_ERROR.
 */
ngx_int_t ngx_api_text_array(ngx_pool_t *pool, const ngx_str_t *list,
    ngx_uint_t n, ngx_str_t *text);


#endif /* _NGX_API_TEXT_H_INCLUDED_ */
