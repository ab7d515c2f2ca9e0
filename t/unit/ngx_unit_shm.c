
#include "ngx_unit.h"


/* nginx's own variable: the size of a page of memory */
ngx_uint_t  ngx_pagesize = 4096;

unit_shm_t  unit_shm = { .room = -1 };


static void        *unit_pieces[4096];
static ngx_uint_t   unit_npieces;


void
unit_shm_reset(void)
{
    while (unit_npieces) {
        free(unit_pieces[--unit_npieces]);
    }

    ngx_memzero(&unit_shm, sizeof(unit_shm_t));
    unit_shm.room = -1;
}


/* nginx's core from here on */


ngx_shm_zone_t *
ngx_shared_memory_add(ngx_conf_t *cf, ngx_str_t *name, size_t size, void *tag)
{
    (void) cf;
    (void) name;
    (void) size;
    (void) tag;

    unit_shm.zone.shm.addr = (u_char *) &unit_shm.pool;

    return &unit_shm.zone;
}


void *
ngx_slab_alloc_locked(ngx_slab_pool_t *pool, size_t size)
{
    void  *p;

    assert_ptr_equal(pool, &unit_shm.pool);

    if (unit_shm.room == 0) {
        return NULL;
    }

    unit_shm.room--;
    unit_shm.size = size;

    p = malloc(size);
    assert_non_null(p);

    /* a piece that was used before */
    memset(p, 0xa5, size);

    assert_true(unit_npieces < sizeof(unit_pieces) / sizeof(unit_pieces[0]));
    unit_pieces[unit_npieces++] = p;

    return p;
}


void *
ngx_slab_alloc(ngx_slab_pool_t *pool, size_t size)
{
    assert_int_equal(unit_shm.locked, 0);

    return ngx_slab_alloc_locked(pool, size);
}


void *
ngx_slab_calloc(ngx_slab_pool_t *pool, size_t size)
{
    void  *p;

    p = ngx_slab_alloc(pool, size);

    if (p) {
        ngx_memzero(p, size);
    }

    return p;
}


void
ngx_shmtx_lock(ngx_shmtx_t *mtx)
{
    assert_ptr_equal(mtx, &unit_shm.pool.mutex);
    assert_int_equal(unit_shm.locked, 0);

    unit_shm.locked = 1;
    unit_shm.locks++;
}


void
ngx_shmtx_unlock(ngx_shmtx_t *mtx)
{
    assert_ptr_equal(mtx, &unit_shm.pool.mutex);
    assert_int_equal(unit_shm.locked, 1);

    unit_shm.locked = 0;
}
