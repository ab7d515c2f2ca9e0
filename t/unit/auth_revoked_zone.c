
/*
 * The set of revoked sessions: what is found and until when, what is freed, and
 * what happens when it is full or a writer died.  The zone is plain memory
 * here; its lock is counted.
 */


#include "ngx_unit.h"
#include "ngx_auth_revoked_zone.h"


#define NOW   1800000000
#define SIZE  8192


static ngx_auth_revoked_zone_t  zone;


static int
setup(void **state)
{
    (void) state;

    zone.shpool = &unit_shm.pool;
    zone.table = ngx_auth_revoked_table_init(calloc(1, SIZE), SIZE);
    unit_shm.locks = 0;

    return zone.table == NULL;
}


static int
teardown(void **state)
{
    (void) state;

    free(zone.table);

    return 0;
}


/* session n; those of the same n & 0xff share a bucket */

static const u_char *
session(uint32_t n, ngx_uint_t collide)
{
    static u_char  id[NGX_AUTH_REVOKED_SESSION];

    memset(id, 0, sizeof(id));
    memcpy(id, &n, sizeof(uint32_t));

    if (!collide) {
        memcpy(id + 12, &n, sizeof(uint32_t));
    }

    return id;
}


static ngx_int_t
add(uint32_t n, time_t expires, time_t now)
{
    return ngx_auth_revoked_zone_add_session(&zone, session(n, 0), expires,
                                             now);
}


static ngx_uint_t
find(uint32_t n, time_t now)
{
    return ngx_auth_revoked_zone_find(&zone, session(n, 0), now);
}


/* how many there is room for */

static uint32_t
fill(time_t expires, time_t now)
{
    uint32_t  n;

    for (n = 0; add(n, expires, now) == NGX_OK; n++) { /* void */ }

    return n;
}


static void
test_find(void **state)
{
    (void) state;

    assert_int_equal(find(1, NOW), 0);
    assert_int_equal(add(1, NOW + 10, NOW), NGX_OK);
    assert_int_equal(find(1, NOW), 1);
    assert_int_equal(find(1, NOW + 9), 1);
    assert_int_equal(find(1, NOW + 10), 0);
    assert_int_equal(find(2, NOW), 0);

    /* readers take no lock */
    assert_int_equal(unit_shm.locks, 1);
}


static void
test_again(void **state)
{
    (void) state;

    assert_int_equal(add(1, NOW + 10, NOW), NGX_OK);
    assert_int_equal(add(1, NOW + 10, NOW), NGX_DECLINED);
    assert_int_equal(add(1, NOW + 5, NOW), NGX_DECLINED);
    assert_int_equal(find(1, NOW + 9), 1);
    assert_int_equal(add(1, NOW + 20, NOW), NGX_OK);
    assert_int_equal(find(1, NOW + 19), 1);

    /* what is over is not taken in */
    assert_int_equal(add(2, NOW, NOW), NGX_DECLINED);
    assert_int_equal(add(2, NOW - 1, NOW), NGX_DECLINED);
    assert_int_equal(find(2, NOW - 2), 0);
}


static void
test_full(void **state)
{
    uint32_t  n, i;

    (void) state;

    n = fill(NOW + 10, NOW);

    assert_true(n > 150 && n < SIZE / 32);

    for (i = 0; i < n; i++) {
        assert_int_equal(find(i, NOW), 1);
    }

    assert_int_equal(find(n, NOW), 0);
    assert_int_equal(add(n, NOW + 20, NOW + 9), NGX_ERROR);

    /* one that is there can be kept longer */
    assert_int_equal(add(0, NOW + 20, NOW), NGX_OK);

    /* their time over, there is room for others; not for the one that stays */
    assert_int_equal(fill(NOW + 20, NOW + 10), 0);

    for (i = 1; i < n; i++) {
        assert_int_equal(add(1000 + i, NOW + 20, NOW + 10), NGX_OK);
    }

    assert_int_equal(add(2000, NOW + 20, NOW + 10), NGX_ERROR);
    assert_int_equal(find(0, NOW + 10), 1);

    for (i = 1; i < n; i++) {
        assert_int_equal(find(1000 + i, NOW + 10), 1);
        assert_int_equal(find(i, NOW), 0);
    }
}


/* a steady stream: what is over makes room without anybody searching for it */

static void
test_stream(void **state)
{
    uint32_t  n, i;

    (void) state;

    n = fill(NOW + 1, NOW) / 2;

    for (i = 0; i < 100 * n; i++) {
        assert_int_equal(add(1000 + i, NOW + 11 + i / n, NOW + 10 + i / n),
                         NGX_OK);
        assert_int_equal(find(1000 + i, NOW + 10 + i / n), 1);
    }
}


static void
test_collisions(void **state)
{
    uint32_t  i;

    (void) state;

    /* more in one bucket than a reader follows without the lock */

    for (i = 0; i < 100; i++) {
        assert_int_equal(ngx_auth_revoked_zone_add_session(
                             &zone, session(i, 1), NOW + 10 + i, NOW), NGX_OK);
    }

    for (i = 0; i < 100; i++) {
        assert_int_equal(ngx_auth_revoked_zone_find(&zone, session(i, 1),
                                                    NOW), 1);
    }

    assert_int_equal(ngx_auth_revoked_zone_find(&zone, session(100, 1), NOW),
                     0);

    /* from the middle of the list */

    for (i = 0; i < 50; i++) {
        assert_int_equal(add(1000 + i, NOW + 1000, NOW + 60), NGX_OK);
    }

    for (i = 0; i < 100; i++) {
        assert_int_equal(ngx_auth_revoked_zone_find(&zone, session(i, 1),
                                                    NOW + 60), i > 50);
    }
}


static void
test_cutoff(void **state)
{
    (void) state;

    assert_int_equal(ngx_auth_revoked_zone_cutoff(&zone), 0);
    assert_int_equal(ngx_auth_revoked_zone_set_cutoff(&zone, NOW), 0);
    assert_int_equal(ngx_auth_revoked_zone_set_cutoff(&zone, NOW - 1), NOW);
    assert_int_equal(ngx_auth_revoked_zone_cutoff(&zone), NOW);
    assert_int_equal(ngx_auth_revoked_zone_set_cutoff(&zone, NOW + 1), NOW);
    assert_int_equal(ngx_auth_revoked_zone_cutoff(&zone), NOW + 1);
}


/* a worker that is killed while it writes leaves an odd count, which is the
 * first thing in the table */

static void
test_killed(void **state)
{
    ngx_atomic_uint_t  *changes;

    (void) state;

    changes = (ngx_atomic_uint_t *) zone.table;

    assert_int_equal(add(1, NOW + 10, NOW), NGX_OK);
    assert_int_equal(*changes & 1, 0);

    *changes |= 1;
    unit_shm.locks = 0;

    assert_int_equal(find(1, NOW), 1);
    assert_int_equal(find(2, NOW), 0);
    assert_int_equal(unit_shm.locks, 2);

    assert_int_equal(add(2, NOW + 10, NOW), NGX_OK);
    assert_int_equal(*changes & 1, 0);
    unit_shm.locks = 0;

    assert_int_equal(find(2, NOW), 1);
    assert_int_equal(unit_shm.locks, 0);
}


static void
test_small(void **state)
{
    u_char  p[64];

    (void) state;

    assert_null(ngx_auth_revoked_table_init(p, 0));
    assert_null(ngx_auth_revoked_table_init(p, sizeof(p)));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_find, setup, teardown),
        cmocka_unit_test_setup_teardown(test_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_full, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stream, setup, teardown),
        cmocka_unit_test_setup_teardown(test_collisions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cutoff, setup, teardown),
        cmocka_unit_test_setup_teardown(test_killed, setup, teardown),
        cmocka_unit_test(test_small),
    };

    return unit_run(tests);
}
