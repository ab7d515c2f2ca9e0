
/*
 * Verified access tokens, in shared memory.
 *
 * A table of sets; a token may lie in the few places of one set, and drives
 * out what has expired there, or else what was not asked for longest.  So it
 * is bounded by its size, nothing is allocated or freed after the start, and a
 * look-up touches one set, under the lock of the zone.
 *
 * The key is the whole SHA-256 of the token, preceded by the fingerprint of
 * what it was verified by: tokens verified by keys, issuer or audience of an
 * earlier configuration are not found any more, though the zone outlives a
 * reload.
 */


#ifndef _NGX_AUTH_CACHE_H_INCLUDED_
#define _NGX_AUTH_CACHE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_auth_jwt.h"


#define NGX_AUTH_CACHE_KEY  32


typedef struct ngx_auth_cache_table_s  ngx_auth_cache_table_t;


typedef struct {
    ngx_auth_cache_table_t  *table;          /* in shared memory */
    ngx_slab_pool_t         *shpool;
} ngx_auth_cache_t;


/* At configuration time: a zone of the module tag.  NULL on an error. */
ngx_auth_cache_t *ngx_auth_cache_add(ngx_conf_t *cf, size_t size, void *tag);

/* NGX_OK with claims, or NGX_DECLINED if the token is not there or expired at
 * now (seconds) */
ngx_int_t ngx_auth_cache_get(ngx_auth_cache_t *cache,
    const u_char key[NGX_AUTH_CACHE_KEY], time_t now,
    ngx_auth_jwt_claims_t *claims);

/* claims whose texts are longer than 107 bytes in all are not kept: no token of
 * ours is such */
void ngx_auth_cache_set(ngx_auth_cache_t *cache,
    const u_char key[NGX_AUTH_CACHE_KEY], time_t now,
    const ngx_auth_jwt_claims_t *claims);


#endif /* _NGX_AUTH_CACHE_H_INCLUDED_ */
