
#include "ngx_auth_cache.h"


#define NGX_AUTH_CACHE_WAYS  8

/* takes every token of ours; the longest "sub" of others is too long for it */
#define NGX_AUTH_CACHE_TEXT  110


typedef struct {
    u_char                   key[NGX_AUTH_CACHE_KEY];
    uint64_t                 used;       /* the table's clock; 0: empty */
    int64_t                  expires;
    uint16_t                 issuer;
    u_char                   text[NGX_AUTH_CACHE_TEXT];
                                         /* user, session and role, each with
                                            its NUL */
} ngx_auth_cache_entry_t;


typedef struct {
    ngx_auth_cache_entry_t   entries[NGX_AUTH_CACHE_WAYS];
} ngx_auth_cache_set_t;


struct ngx_auth_cache_table_s {
    uint64_t                 clock;      /* look-ups so far */
    ngx_uint_t               nsets;
    ngx_auth_cache_set_t     sets[1];
};


static ngx_int_t ngx_auth_cache_init_zone(ngx_shm_zone_t *zone, void *data);
static ngx_int_t ngx_auth_cache_pack(ngx_auth_cache_entry_t *entry,
    const ngx_auth_jwt_claims_t *claims);
static void ngx_auth_cache_unpack(const ngx_auth_cache_entry_t *entry,
    ngx_auth_jwt_claims_t *claims);
static ngx_auth_cache_set_t *ngx_auth_cache_find_set(
    ngx_auth_cache_table_t *table, const u_char *key);
static ngx_auth_cache_entry_t *ngx_auth_cache_find(ngx_auth_cache_set_t *set,
    const u_char *key);
static ngx_auth_cache_entry_t *ngx_auth_cache_victim(ngx_auth_cache_set_t *set,
    time_t now);


ngx_auth_cache_t *
ngx_auth_cache_add(ngx_conf_t *cf, size_t size, void *tag)
{
    ngx_str_t          name;
    ngx_shm_zone_t    *zone;
    ngx_auth_cache_t  *cache;

    cache = ngx_pcalloc(cf->pool, sizeof(ngx_auth_cache_t));
    if (cache == NULL) {
        return NULL;
    }

    ngx_str_set(&name, "auth_token_cache");

    zone = ngx_shared_memory_add(cf, &name, size, tag);
    if (zone == NULL) {
        return NULL;
    }

    zone->init = ngx_auth_cache_init_zone;
    zone->data = cache;

    return cache;
}


static ngx_int_t
ngx_auth_cache_init_zone(ngx_shm_zone_t *zone, void *data)
{
    ngx_auth_cache_t *old = data;

    size_t             size;
    ngx_auth_cache_t  *cache;

    cache = zone->data;

    if (old) {
        cache->table = old->table;
        cache->shpool = old->shpool;
        return NGX_OK;
    }

    cache->shpool = (ngx_slab_pool_t *) zone->shm.addr;

    /*
     * One piece, of all the pages that the slab allocator has.  A new mapping
     * is zero already; to write to it would only make all of it resident.
     */

    size = cache->shpool->pfree * ngx_pagesize;

    cache->table = ngx_slab_alloc(cache->shpool, size);
    if (cache->table == NULL) {
        return NGX_ERROR;
    }

#if (NGX_DEBUG_MALLOC)
    ngx_memzero(cache->table, size);
#endif

    cache->table->nsets = (size - offsetof(ngx_auth_cache_table_t, sets))
                          / sizeof(ngx_auth_cache_set_t);

    cache->shpool->data = cache->table;

    return NGX_OK;
}


ngx_int_t
ngx_auth_cache_get(ngx_auth_cache_t *cache,
    const u_char key[NGX_AUTH_CACHE_KEY], time_t now,
    ngx_auth_jwt_claims_t *claims)
{
    ngx_int_t                rc;
    ngx_auth_cache_set_t    *set;
    ngx_auth_cache_entry_t  *entry;

    rc = NGX_DECLINED;

    set = ngx_auth_cache_find_set(cache->table, key);

    ngx_shmtx_lock(&cache->shpool->mutex);

    entry = ngx_auth_cache_find(set, key);

    if (entry && entry->expires > now) {
        entry->used = ++cache->table->clock;
        ngx_auth_cache_unpack(entry, claims);
        rc = NGX_OK;
    }

    ngx_shmtx_unlock(&cache->shpool->mutex);

    return rc;
}


void
ngx_auth_cache_set(ngx_auth_cache_t *cache,
    const u_char key[NGX_AUTH_CACHE_KEY], time_t now,
    const ngx_auth_jwt_claims_t *claims)
{
    ngx_auth_cache_set_t    *set;
    ngx_auth_cache_entry_t  *entry, packed;

    if (ngx_auth_cache_pack(&packed, claims) != NGX_OK) {
        return;
    }

    set = ngx_auth_cache_find_set(cache->table, key);

    ngx_memcpy(packed.key, key, NGX_AUTH_CACHE_KEY);

    ngx_shmtx_lock(&cache->shpool->mutex);

    /* another worker may have been first */

    entry = ngx_auth_cache_find(set, key);

    if (entry == NULL) {
        entry = ngx_auth_cache_victim(set, now);
    }

    /* a worker killed half-way leaves an empty entry, not a wrong one */

    entry->used = 0;
    ngx_memory_barrier();

    packed.used = 0;
    *entry = packed;

    ngx_memory_barrier();
    entry->used = ++cache->table->clock;

    ngx_shmtx_unlock(&cache->shpool->mutex);
}


/* NGX_DECLINED if the texts are too long to be kept */

static ngx_int_t
ngx_auth_cache_pack(ngx_auth_cache_entry_t *entry,
    const ngx_auth_jwt_claims_t *claims)
{
    u_char  *p;
    size_t   user, session, role;

    user = ngx_strlen(claims->user) + 1;
    session = ngx_strlen(claims->session) + 1;
    role = ngx_strlen(claims->role) + 1;

    if (user + session + role > NGX_AUTH_CACHE_TEXT) {
        return NGX_DECLINED;
    }

    ngx_memzero(entry, sizeof(ngx_auth_cache_entry_t));

    entry->expires = claims->expires;
    entry->issuer = (uint16_t) claims->issuer;

    p = ngx_cpymem(entry->text, claims->user, user);
    p = ngx_cpymem(p, claims->session, session);
    ngx_memcpy(p, claims->role, role);

    return NGX_OK;
}


static void
ngx_auth_cache_unpack(const ngx_auth_cache_entry_t *entry,
    ngx_auth_jwt_claims_t *claims)
{
    size_t         n;
    const u_char  *p;

    claims->expires = entry->expires;
    claims->issuer = entry->issuer;

    p = entry->text;

    n = ngx_strlen(p) + 1;
    ngx_memcpy(claims->user, p, n);
    p += n;

    n = ngx_strlen(p) + 1;
    ngx_memcpy(claims->session, p, n);
    p += n;

    ngx_memcpy(claims->role, p, ngx_strlen(p) + 1);
}


static ngx_auth_cache_set_t *
ngx_auth_cache_find_set(ngx_auth_cache_table_t *table, const u_char *key)
{
    uint64_t  n;

    ngx_memcpy(&n, key, sizeof(uint64_t));

    return &table->sets[n % table->nsets];
}


static ngx_auth_cache_entry_t *
ngx_auth_cache_find(ngx_auth_cache_set_t *set, const u_char *key)
{
    ngx_uint_t               i;
    ngx_auth_cache_entry_t  *entry;

    for (i = 0; i < NGX_AUTH_CACHE_WAYS; i++) {
        entry = &set->entries[i];

        if (entry->used
            && ngx_memcmp(entry->key, key, NGX_AUTH_CACHE_KEY) == 0)
        {
            return entry;
        }
    }

    return NULL;
}


/* an empty entry, else an expired one, else the one used longest ago */

static ngx_auth_cache_entry_t *
ngx_auth_cache_victim(ngx_auth_cache_set_t *set, time_t now)
{
    ngx_uint_t               i;
    ngx_auth_cache_entry_t  *entry, *oldest;

    oldest = &set->entries[0];

    for (i = 0; i < NGX_AUTH_CACHE_WAYS; i++) {
        entry = &set->entries[i];

        if (entry->used == 0 || entry->expires <= now) {
            return entry;
        }

        if (entry->used < oldest->used) {
            oldest = entry;
        }
    }

    return oldest;
}
