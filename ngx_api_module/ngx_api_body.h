
/*
 * The text of a body -> JSON.  Pure.
 */


#ifndef _NGX_API_BODY_H_INCLUDED_
#define _NGX_API_BODY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <jansson.h>


/* arrays and objects in each other */
#define NGX_API_BODY_DEPTH  16


/* whether it would be nested deeper, if it is JSON; to be asked first: jansson
 * recurses, and allows 2048 */
ngx_uint_t ngx_api_body_too_deep(const ngx_str_t *text);

/*
 * Any value, in which no name is there twice and no text has U+0000.  A number
 * too large for an integer comes out as a real.  The caller owns it:
 * json_decref().  NULL with an error if the text is anything else.
 */
json_t *ngx_api_body_json_load(const ngx_str_t *text, json_error_t *error);

/* what the error is, in words for the client; NULL: out of memory */
const char *ngx_api_body_fault(const json_error_t *error);


#endif /* _NGX_API_BODY_H_INCLUDED_ */
