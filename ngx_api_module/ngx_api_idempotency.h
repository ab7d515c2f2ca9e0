
/*
 * Idempotency-Key: a request that creates can be repeated safely.
 *
 * A route says by NGX_API_ROUTE_KEYED that it honours the header; then a
 * malformed or repeated one is 400 before the body is read.  The handler hands
 * key and fingerprint to a statement that looks for the first answer, or stores
 * what it takes to give it again (templates key_turn and key_claim in
 * sql/statements/); its outcomes idempotency_key_in_use (409) and
 * idempotency_key_reused (422) and its column "_replayed" are dealt with by
 * the functions of ngx_api_response.h.  Without a key nothing of that happens.
 */


#ifndef _NGX_API_IDEMPOTENCY_H_INCLUDED_
#define _NGX_API_IDEMPOTENCY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_api_problem.h"


/*
 * Of a request on such a route, for its handler.  NGX_OK: *key is the key,
 * *fingerprint the SHA-256 over method, path and body as a bytea literal, both
 * NUL-terminated in the request's pool.  NGX_DECLINED: there is none, both are
 * NULL.  NGX_ERROR: out of memory.
 */
ngx_int_t ngx_api_idempotency(ngx_http_request_t *r, const char **key,
    const char **fingerprint);


#endif /* _NGX_API_IDEMPOTENCY_H_INCLUDED_ */
