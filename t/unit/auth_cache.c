
/*
 * The cache of verified tokens: what is found, when it is not any more, and
 * what gives way.  The zone is plain memory here; its lock is counted.
 */


#include "ngx_unit.h"
#include "ngx_auth_cache.h"


#define NOW    1800000000
#define PAGES  10

#define assert_missing(cache, key, now)                                       \
    assert_int_equal(get(cache, key, now), -1)


static ngx_auth_cache_t *
create(ngx_pool_t *pool, void *old)
{
    ngx_conf_t         cf;
    ngx_auth_cache_t  *cache;

    memset(&cf, 0, sizeof(ngx_conf_t));
    cf.pool = pool;

    unit_shm.pool.pfree = PAGES;

    cache = ngx_auth_cache_add(&cf, 65536, NULL);
    assert_non_null(cache);
    assert_ptr_equal(unit_shm.zone.data, cache);
    assert_int_equal(unit_shm.zone.init(&unit_shm.zone, old), NGX_OK);
    assert_int_equal(unit_shm.size, PAGES * ngx_pagesize);

    return cache;
}


/* keys of one set: they begin alike */

static void
key_of(u_char *key, uint64_t set, uint64_t n)
{
    memset(key, 0, NGX_AUTH_CACHE_KEY);
    memcpy(key, &set, sizeof(set));
    memcpy(key + NGX_AUTH_CACHE_KEY - sizeof(n), &n, sizeof(n));
}


static void
set(ngx_auth_cache_t *cache, uint64_t n, time_t now, int64_t expires)
{
    u_char                 key[NGX_AUTH_CACHE_KEY];
    ngx_auth_jwt_claims_t  claims;

    memset(&claims, 0, sizeof(claims));
    snprintf((char *) claims.user, sizeof(claims.user), "%d", (int) n);
    claims.expires = expires;

    key_of(key, n >> 32, n);
    ngx_auth_cache_set(cache, key, now, &claims);

    assert_int_equal(unit_shm.locked, 0);
}


/* what was stored under the key, or -1 */

static int
get(ngx_auth_cache_t *cache, uint64_t n, time_t now)
{
    u_char                 key[NGX_AUTH_CACHE_KEY];
    ngx_int_t              rc;
    ngx_auth_jwt_claims_t  claims;

    memset(&claims, 0xee, sizeof(claims));

    key_of(key, n >> 32, n);
    rc = ngx_auth_cache_get(cache, key, now, &claims);

    assert_int_equal(unit_shm.locked, 0);

    if (rc == NGX_DECLINED) {
        return -1;
    }

    assert_int_equal(rc, NGX_OK);

    return atoi((char *) claims.user);
}


static void
test_found(void **state)
{
    ngx_pool_t        *pool;
    ngx_auth_cache_t  *cache;

    (void) state;

    pool = unit_pool();
    cache = create(pool, NULL);

    assert_missing(cache, 1, NOW);

    set(cache, 1, NOW, NOW + 10);

    assert_int_equal(get(cache, 1, NOW), 1);
    assert_int_equal(get(cache, 1, NOW + 9), 1);
    assert_missing(cache, 1, NOW + 10);

    /* a key that differs in its last byte only, or in its first */

    assert_missing(cache, 0x0100000000000001, NOW);
    assert_missing(cache, 2, NOW);

    /* an empty entry is not the key of zeros */

    assert_missing(cache, 0, NOW);

    /* once more, by another worker: no second entry, the later time */

    set(cache, 1, NOW, NOW + 20);
    assert_int_equal(get(cache, 1, NOW + 15), 1);

    unit_shm_reset();
    ngx_destroy_pool(pool);
}


static void
test_eviction(void **state)
{
    ngx_uint_t         i;
    ngx_pool_t        *pool;
    ngx_auth_cache_t  *cache;

    (void) state;

    pool = unit_pool();
    cache = create(pool, NULL);

    for (i = 1; i <= 8; i++) {
        set(cache, i, NOW, NOW + 100 + i);
    }

    for (i = 1; i <= 8; i++) {
        assert_int_equal(get(cache, i, NOW), i);
    }

    /* 1 was used last: 2 gives way, then 3 */

    assert_int_equal(get(cache, 1, NOW), 1);

    set(cache, 9, NOW, NOW + 200);
    set(cache, 10, NOW, NOW + 200);

    assert_missing(cache, 2, NOW);
    assert_missing(cache, 3, NOW);

    for (i = 4; i <= 10; i++) {
        assert_int_equal(get(cache, i, NOW), i);
    }

    assert_int_equal(get(cache, 1, NOW), 1);

    /* what has expired goes before what was used long ago: 5, not 4 */

    set(cache, 5, NOW, NOW + 1);
    set(cache, 11, NOW + 1, NOW + 200);

    assert_missing(cache, 5, NOW);
    assert_int_equal(get(cache, 4, NOW), 4);
    assert_int_equal(get(cache, 11, NOW), 11);

    unit_shm_reset();
    ngx_destroy_pool(pool);
}


/* every set lies in the table, and each keeps its own */

static void
test_sets(void **state)
{
    uint64_t           i, n;
    ngx_pool_t        *pool;
    ngx_auth_cache_t  *cache;

    (void) state;

    pool = unit_pool();
    cache = create(pool, NULL);

    for (i = 0; i < 1000; i++) {
        set(cache, i << 32 | i, NOW, NOW + 100);
    }

    n = 0;

    for (i = 0; i < 1000; i++) {
        if (get(cache, i << 32 | i, NOW) == (int) i) {
            n++;
        }
    }

    /* bounded by its size, and full */

    assert_true(n > 8 && n < 1000);
    assert_true(n * 128 < PAGES * ngx_pagesize);

    for (i = 1000 - n; i < 1000; i++) {
        assert_int_equal(get(cache, i << 32 | i, NOW), i);
    }

    unit_shm_reset();
    ngx_destroy_pool(pool);
}


/* an entry holds all of a token of ours; what it can't hold is not kept */

static void
test_texts(void **state)
{
    u_char                 key[NGX_AUTH_CACHE_KEY];
    ngx_pool_t            *pool;
    ngx_auth_cache_t      *cache;
    ngx_auth_jwt_claims_t  claims, found;

    (void) state;

    pool = unit_pool();
    cache = create(pool, NULL);

    memset(&claims, 0, sizeof(claims));
    memset(claims.user, 'u', NGX_AUTH_JWT_UUID_LEN);
    memset(claims.session, 's', NGX_AUTH_JWT_UUID_LEN);
    memset(claims.role, 'r', NGX_AUTH_JWT_ROLE_MAX);
    claims.issuer = 3;
    claims.expires = NOW + 10;

    key_of(key, 0, 1);
    ngx_auth_cache_set(cache, key, NOW, &claims);

    memset(&found, 0xee, sizeof(found));
    assert_int_equal(ngx_auth_cache_get(cache, key, NOW, &found), NGX_OK);
    assert_text_equal(found.user, claims.user);
    assert_text_equal(found.session, claims.session);
    assert_text_equal(found.role, claims.role);
    assert_int_equal(found.issuer, 3);
    assert_true(found.expires == NOW + 10);

    /* the longest that fits, and one byte more */

    claims.session[0] = '\0';
    claims.role[0] = '\0';

    memset(claims.user, 'x', 107);
    key_of(key, 0, 2);
    ngx_auth_cache_set(cache, key, NOW, &claims);
    assert_int_equal(ngx_auth_cache_get(cache, key, NOW, &found), NGX_OK);
    assert_text_equal(found.user, claims.user);

    memset(claims.user, 'x', NGX_AUTH_JWT_SUB_MAX);
    key_of(key, 0, 3);
    ngx_auth_cache_set(cache, key, NOW, &claims);
    assert_int_equal(ngx_auth_cache_get(cache, key, NOW, &found),
                     NGX_DECLINED);

    claims.user[108] = '\0';
    ngx_auth_cache_set(cache, key, NOW, &claims);
    assert_int_equal(ngx_auth_cache_get(cache, key, NOW, &found),
                     NGX_DECLINED);

    unit_shm_reset();
    ngx_destroy_pool(pool);
}


static void
test_reload(void **state)
{
    ngx_pool_t        *pool;
    ngx_auth_cache_t  *old, *cache;

    (void) state;

    pool = unit_pool();

    old = create(pool, NULL);
    set(old, 7, NOW, NOW + 10);

    cache = create(pool, old);
    assert_ptr_not_equal(cache, old);
    assert_int_equal(get(cache, 7, NOW), 7);

    unit_shm_reset();
    ngx_destroy_pool(pool);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_found),
        cmocka_unit_test(test_eviction),
        cmocka_unit_test(test_sets),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_reload)
    };

    return unit_run(tests);
}
