
/*
 * A set of sessions in shared memory, each until its time is over.  All of it
 * is laid out at the start: nothing is allocated later.
 *
 * Looked at by every request with a token, and written to rarely: readers take
 * no lock as long as nobody writes.
 */


#ifndef _NGX_AUTH_REVOKED_ZONE_H_INCLUDED_
#define _NGX_AUTH_REVOKED_ZONE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_AUTH_REVOKED_SESSION  16     /* bytes of an id */


typedef struct ngx_auth_revoked_table_s  ngx_auth_revoked_table_t;


typedef struct {
    ngx_auth_revoked_table_t  *table;    /* in shared memory */
    ngx_slab_pool_t           *shpool;
} ngx_auth_revoked_zone_t;


/* what the workers of an instance tell each other about reading PostgreSQL;
 * times are those of ngx_current_msec */
typedef struct {
    ngx_msec_t                 claimed;  /* when somebody last began */
    ngx_msec_t                 pulled;   /* all that was committed before this
                                            time is in the set */
    ngx_msec_t                 whole;    /* when all was last read, not only
                                            what was new */
    ngx_uint_t                 filled;   /* it was, once */
    ngx_uint_t                 failed;   /* it was not, but was tried */
} ngx_auth_revoked_pulls_t;


/* At configuration time: a zone of the module tag.  NULL on an error. */
ngx_auth_revoked_zone_t *ngx_auth_revoked_zone_add(ngx_conf_t *cf, size_t size,
    void *tag);

/* lays a table out in memory of so many bytes, all zero; NULL: too little */
ngx_auth_revoked_table_t *ngx_auth_revoked_table_init(void *p, size_t size);

/*
 * Takes a session in until expires; times are in seconds.  NGX_OK, or
 * NGX_DECLINED if it was there already for as long, or NGX_ERROR if there is
 * no room.
 */
ngx_int_t ngx_auth_revoked_zone_add_session(ngx_auth_revoked_zone_t *zone,
    const u_char session[NGX_AUTH_REVOKED_SESSION], time_t expires,
    time_t now);

/* whether a session is there at now */
ngx_uint_t ngx_auth_revoked_zone_find(ngx_auth_revoked_zone_t *zone,
    const u_char session[NGX_AUTH_REVOKED_SESSION], time_t now);

/*
 * What a session that found no room is replaced by: tokens that expire up to
 * this time are refused all.  It only grows.  Returns what it was before.
 */
time_t ngx_auth_revoked_zone_set_cutoff(ngx_auth_revoked_zone_t *zone,
    time_t cutoff);
time_t ngx_auth_revoked_zone_cutoff(ngx_auth_revoked_zone_t *zone);

/* under the lock of the zone: its shpool->mutex */
ngx_auth_revoked_pulls_t *ngx_auth_revoked_zone_pulls(
    ngx_auth_revoked_zone_t *zone);


#endif /* _NGX_AUTH_REVOKED_ZONE_H_INCLUDED_ */
