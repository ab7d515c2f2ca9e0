
/*
 * The forms that tokens and key sets come in: base64url and JSON, both from
 * outside, both read strictly (RFC 7515, RFC 8725).  Pure.
 */


#ifndef _NGX_AUTH_JOSE_H_INCLUDED_
#define _NGX_AUTH_JOSE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <jansson.h>


/*
 * base64url as JOSE has it (RFC 7515, 2): no padding, no white space, and the
 * bits that a last character has too many are zero, so that one text has one
 * spelling.  dst takes three quarters of the text's length; *len is what was
 * written.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_auth_base64url_decode(const ngx_str_t *text, u_char *dst,
    size_t *len);

/*
 * A JSON object in which no name is there twice, nested at most depth levels
 * deep.  The caller owns it: json_decref().  NULL if the text is anything
 * else.
 */
json_t *ngx_auth_json_object(const u_char *text, size_t len,
    ngx_uint_t depth);

/* whether the value is this string */
ngx_uint_t ngx_auth_json_equal(const json_t *value, const ngx_str_t *text);


#endif /* _NGX_AUTH_JOSE_H_INCLUDED_ */
