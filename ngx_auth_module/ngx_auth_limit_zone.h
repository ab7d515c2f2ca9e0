
/*
 * The keys of a rate limit in shared memory: a tree, and a queue in the order
 * in which they were last seen.  When there is no room for a new key, the one
 * that was not seen longest gives way.
 */


#ifndef _NGX_AUTH_LIMIT_ZONE_H_INCLUDED_
#define _NGX_AUTH_LIMIT_ZONE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_auth_gcra.h"


/* longer ones are to be hashed */
#define NGX_AUTH_LIMIT_KEY_MAX  63


typedef struct ngx_auth_limit_keys_s  ngx_auth_limit_keys_t;

typedef struct {
    ngx_auth_limit_keys_t  *keys;         /* in shared memory */
    ngx_slab_pool_t        *shpool;
    ngx_shm_zone_t         *shm;
    int64_t                 max;          /* the largest limit of those that
                                             use the zone */
} ngx_auth_limit_zone_t;


/* what a request finds */
typedef struct {
    int64_t                 ahead;        /* of now, before this request */
    unsigned                admitted:1;
    unsigned                evicted;      /* keys since this was last told; 0:
                                             nothing to tell now */
} ngx_auth_limit_state_t;


/* At configuration time.  zone lives as long as the configuration; its keys
 * outlive it, through a reload.  NGX_OK or NGX_ERROR. */
ngx_int_t ngx_auth_limit_zone_init(ngx_conf_t *cf,
    ngx_auth_limit_zone_t *zone, ngx_str_t *name, size_t size, void *tag);

/* Looks the key up, and with take moves its arrival time on if the request is
 * admitted. */
void ngx_auth_limit_zone_take(ngx_auth_limit_zone_t *zone,
    const ngx_auth_gcra_t *gcra, const ngx_str_t *key, int64_t now,
    ngx_uint_t take, ngx_auth_limit_state_t *state);

/* gives back what a request took */
void ngx_auth_limit_zone_give(ngx_auth_limit_zone_t *zone,
    const ngx_auth_gcra_t *gcra, const ngx_str_t *key);


#endif /* _NGX_AUTH_LIMIT_ZONE_H_INCLUDED_ */
