
#include "ngx_auth_revoked_zone.h"


/* a reader who follows more entries than that has met a writer, or very bad
 * luck: it takes the lock */
#define NGX_AUTH_REVOKED_CHAIN_MAX  64

/* entries looked at for each one that is taken in, to free those expired */
#define NGX_AUTH_REVOKED_SWEEP      8


/* entries are told by their number, from 1 on; 0 is none */

typedef struct {
    u_char                     session[NGX_AUTH_REVOKED_SESSION];
    int64_t                    expires;      /* 0: free */
    uint32_t                   next;         /* in the bucket or free list */
} ngx_auth_revoked_entry_t;


struct ngx_auth_revoked_table_s {
    volatile ngx_atomic_uint_t changes;      /* odd: one is being made */
    volatile time_t            cutoff;

    ngx_auth_revoked_pulls_t   pulls;

    time_t                     searched;     /* when all was swept in vain */
    uint32_t                   n;            /* entries, and buckets */
    uint32_t                   used;         /* entries ever used: those after
                                                it are free, too */
    uint32_t                   free;         /* list */
    uint32_t                   hand;         /* where to sweep on */

    volatile uint32_t         *buckets;
    ngx_auth_revoked_entry_t  *entries;
};


static ngx_int_t ngx_auth_revoked_zone_init(ngx_shm_zone_t *zone, void *data);
static volatile uint32_t *ngx_auth_revoked_bucket(
    ngx_auth_revoked_table_t *table, const u_char *session);
static ngx_auth_revoked_entry_t *ngx_auth_revoked_look(
    ngx_auth_revoked_table_t *table, const u_char *session, ngx_uint_t *left);
static uint32_t ngx_auth_revoked_alloc(ngx_auth_revoked_table_t *table,
    time_t now);
static void ngx_auth_revoked_sweep(ngx_auth_revoked_table_t *table,
    ngx_uint_t n, time_t now);
static void ngx_auth_revoked_remove(ngx_auth_revoked_table_t *table,
    uint32_t i);


ngx_auth_revoked_zone_t *
ngx_auth_revoked_zone_add(ngx_conf_t *cf, size_t size, void *tag)
{
    ngx_str_t                 name;
    ngx_shm_zone_t           *shm_zone;
    ngx_auth_revoked_zone_t  *zone;

    zone = ngx_pcalloc(cf->pool, sizeof(ngx_auth_revoked_zone_t));
    if (zone == NULL) {
        return NULL;
    }

    ngx_str_set(&name, "auth_revocations");

    shm_zone = ngx_shared_memory_add(cf, &name, size, tag);
    if (shm_zone == NULL) {
        return NULL;
    }

    shm_zone->init = ngx_auth_revoked_zone_init;
    shm_zone->data = zone;

    return zone;
}


static ngx_int_t
ngx_auth_revoked_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_auth_revoked_zone_t *old = data;

    void                     *p;
    size_t                    size;
    ngx_auth_revoked_zone_t  *zone;

    zone = shm_zone->data;

    if (old) {
        zone->table = old->table;
        zone->shpool = old->shpool;
        return NGX_OK;
    }

    zone->shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    /* one piece, of all the pages that the slab allocator has; a new mapping
     * is zero already */

    size = zone->shpool->pfree * ngx_pagesize;

    p = ngx_slab_alloc(zone->shpool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

#if (NGX_DEBUG_MALLOC)
    ngx_memzero(p, size);
#endif

    zone->table = ngx_auth_revoked_table_init(p, size);
    if (zone->table == NULL) {
        return NGX_ERROR;
    }

    zone->shpool->data = zone->table;

    return NGX_OK;
}


ngx_auth_revoked_table_t *
ngx_auth_revoked_table_init(void *p, size_t size)
{
    size_t                     n;
    ngx_auth_revoked_table_t  *table;

    table = p;

    if (size < sizeof(ngx_auth_revoked_table_t)) {
        return NULL;
    }

    n = (size - sizeof(ngx_auth_revoked_table_t))
        / (sizeof(ngx_auth_revoked_entry_t) + sizeof(uint32_t));

    n = ngx_min(n, 0x7fffffff);

    if (n == 0) {
        return NULL;
    }

    table->n = (uint32_t) n;
    table->entries = (ngx_auth_revoked_entry_t *) (table + 1);
    table->buckets = (uint32_t *) (table->entries + n);

    return table;
}


ngx_int_t
ngx_auth_revoked_zone_add_session(ngx_auth_revoked_zone_t *zone,
    const u_char session[NGX_AUTH_REVOKED_SESSION], time_t expires, time_t now)
{
    uint32_t                   i;
    ngx_int_t                  rc;
    ngx_uint_t                 left;
    volatile uint32_t         *bucket;
    ngx_auth_revoked_entry_t  *entry;
    ngx_auth_revoked_table_t  *table;

    if (expires <= now) {
        return NGX_DECLINED;
    }

    table = zone->table;

    left = NGX_MAX_UINT32_VALUE;

    ngx_shmtx_lock(&zone->shpool->mutex);

    entry = ngx_auth_revoked_look(table, session, &left);

    if (entry && entry->expires >= expires) {
        ngx_shmtx_unlock(&zone->shpool->mutex);
        return NGX_DECLINED;
    }

    /*
     * The steps come in such an order that a worker killed between two of them
     * loses an entry at most.  What it left odd is even after the next change;
     * until then readers take the lock.
     */

    table->changes |= 1;
    ngx_memory_barrier();

    if (entry) {
        entry->expires = expires;
        rc = NGX_OK;
        goto done;
    }

    i = ngx_auth_revoked_alloc(table, now);

    if (i == 0) {
        rc = NGX_ERROR;
        goto done;
    }

    bucket = ngx_auth_revoked_bucket(table, session);
    entry = &table->entries[i - 1];

    ngx_memcpy(entry->session, session, NGX_AUTH_REVOKED_SESSION);
    entry->expires = expires;
    entry->next = *bucket;

    ngx_memory_barrier();
    *bucket = i;

    rc = NGX_OK;

done:

    ngx_memory_barrier();
    table->changes++;

    ngx_shmtx_unlock(&zone->shpool->mutex);

    return rc;
}


ngx_uint_t
ngx_auth_revoked_zone_find(ngx_auth_revoked_zone_t *zone,
    const u_char session[NGX_AUTH_REVOKED_SESSION], time_t now)
{
    ngx_uint_t                 found, left;
    ngx_atomic_uint_t          changes;
    ngx_auth_revoked_entry_t  *entry;
    ngx_auth_revoked_table_t  *table;

    table = zone->table;

    changes = table->changes;

    if ((changes & 1) == 0) {
        ngx_memory_barrier();

        left = NGX_AUTH_REVOKED_CHAIN_MAX;
        entry = ngx_auth_revoked_look(table, session, &left);
        found = (entry && entry->expires > now);

        ngx_memory_barrier();

        if (left && table->changes == changes) {
            return found;
        }
    }

    left = NGX_MAX_UINT32_VALUE;

    ngx_shmtx_lock(&zone->shpool->mutex);

    entry = ngx_auth_revoked_look(table, session, &left);
    found = (entry && entry->expires > now);

    ngx_shmtx_unlock(&zone->shpool->mutex);

    return found;
}


time_t
ngx_auth_revoked_zone_set_cutoff(ngx_auth_revoked_zone_t *zone, time_t cutoff)
{
    time_t  old;

    ngx_shmtx_lock(&zone->shpool->mutex);

    old = zone->table->cutoff;

    if (cutoff > old) {
        zone->table->cutoff = cutoff;
    }

    ngx_shmtx_unlock(&zone->shpool->mutex);

    return old;
}


time_t
ngx_auth_revoked_zone_cutoff(ngx_auth_revoked_zone_t *zone)
{
    return zone->table->cutoff;
}


ngx_auth_revoked_pulls_t *
ngx_auth_revoked_zone_pulls(ngx_auth_revoked_zone_t *zone)
{
    return &zone->table->pulls;
}


/* an id is a UUID of version 7: its last bytes are random */

static volatile uint32_t *
ngx_auth_revoked_bucket(ngx_auth_revoked_table_t *table, const u_char *session)
{
    uint32_t  hash;

    ngx_memcpy(&hash, session + NGX_AUTH_REVOKED_SESSION - sizeof(uint32_t),
               sizeof(uint32_t));

    return &table->buckets[hash % table->n];
}


static ngx_auth_revoked_entry_t *
ngx_auth_revoked_look(ngx_auth_revoked_table_t *table, const u_char *session,
    ngx_uint_t *left)
{
    uint32_t                   i;
    ngx_auth_revoked_entry_t  *entry;

    for (i = *ngx_auth_revoked_bucket(table, session);
         i && *left;
         i = entry->next, (*left)--)
    {
        entry = &table->entries[i - 1];

        if (ngx_memcmp(entry->session, session, NGX_AUTH_REVOKED_SESSION)
            == 0)
        {
            return entry;
        }
    }

    return NULL;
}


/* a free entry's number; 0: there is none */

static uint32_t
ngx_auth_revoked_alloc(ngx_auth_revoked_table_t *table, time_t now)
{
    uint32_t  i;

    ngx_auth_revoked_sweep(table, NGX_AUTH_REVOKED_SWEEP, now);

    if (table->free == 0 && table->used == table->n
        && table->searched != now)
    {
        /* the whole table, but not more than once a second */

        table->searched = now;
        ngx_auth_revoked_sweep(table, table->n, now);
    }

    i = table->free;

    if (i) {
        table->free = table->entries[i - 1].next;
        return i;
    }

    if (table->used < table->n) {
        return ++table->used;
    }

    return 0;
}


static void
ngx_auth_revoked_sweep(ngx_auth_revoked_table_t *table, ngx_uint_t n,
    time_t now)
{
    ngx_auth_revoked_entry_t  *entry;

    n = ngx_min(n, table->used);

    while (n--) {

        if (table->hand >= table->used) {
            table->hand = 0;
        }

        entry = &table->entries[table->hand++];

        if (entry->expires && entry->expires <= now) {
            ngx_auth_revoked_remove(table, table->hand);
        }
    }
}


static void
ngx_auth_revoked_remove(ngx_auth_revoked_table_t *table, uint32_t i)
{
    volatile uint32_t         *p;
    ngx_auth_revoked_entry_t  *entry;

    entry = &table->entries[i - 1];

    for (p = ngx_auth_revoked_bucket(table, entry->session);
         *p && *p != i;
         p = &table->entries[*p - 1].next)
    {
        /* void */
    }

    if (*p) {
        *p = entry->next;
    }

    ngx_memory_barrier();
    entry->expires = 0;

    entry->next = table->free;
    ngx_memory_barrier();
    table->free = i;
}
