
/*
 * Claims of a verified token beyond those that make an identity: found by
 * name, compared, or made text.  Pure.
 */


#ifndef _NGX_AUTH_CLAIM_H_INCLUDED_
#define _NGX_AUTH_CLAIM_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <jansson.h>


/*
 * The claim of that name; if there is none and the name has dots, a member of
 * an object: "realm_access.roles".  NULL if there is none.  It belongs to
 * payload.
 */
const json_t *ngx_auth_claim_find(const json_t *payload,
    const ngx_str_t *name);

/*
 * Whether the claim is, or a member of an array is, one of n texts; integers
 * and true and false are compared as JSON writes them.  words: a string is a
 * list of words (RFC 8693, 4.2, "scope").  Of no texts: whether the claim is
 * there, and neither null nor false.
 */
ngx_uint_t ngx_auth_claim_is(const json_t *claim, const ngx_str_t *texts,
    ngx_uint_t n, ngx_uint_t words);

/*
 * The claim as text for a header or a log: a string, an integer, true or
 * false; of an array of these, its members with commas between them.
 * NGX_DECLINED if it can't be told without doubt: an object, a fraction, a
 * control character, a comma inside of a list.  NGX_OK or NGX_ERROR (out of
 * memory).
 */
ngx_int_t ngx_auth_claim_text(ngx_pool_t *pool, const json_t *claim,
    ngx_str_t *text);


#endif /* _NGX_AUTH_CLAIM_H_INCLUDED_ */
