
/*
 * What the unit tests share: the few functions of nginx's core that pure code
 * calls, over malloc(), so that the sanitizers see each allocation; a switch
 * that makes one of them fail; and what stands for shared memory.
 */


#ifndef _NGX_UNIT_H_INCLUDED_
#define _NGX_UNIT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>


#define unit_run(tests)                                                       \
    (cmocka_set_message_output(CM_OUTPUT_TAP),                                \
     cmocka_run_group_tests(tests, NULL, NULL))


/* of texts that nginx has as bytes */
#define assert_text_equal(a, b)                                               \
    assert_string_equal((const char *) (a), (const char *) (b))


/* a pool whose every allocation is malloc()ed; ngx_destroy_pool() frees all */
ngx_pool_t *unit_pool(void);

/* the n-th allocation from here on returns NULL; 0: none does */
void unit_fail_at(ngx_uint_t n);

/* whether it came to that */
ngx_uint_t unit_failed(void);

/* a copy of exactly len bytes in the pool, no NUL: reading on is seen */
u_char *unit_copy(ngx_pool_t *pool, const void *text, size_t len);

/* the text of a chain, with a NUL, in the pool; *len may be NULL */
char *unit_chain(ngx_pool_t *pool, ngx_chain_t *cl, size_t *len);

/*
 * A zone of shared memory: plain memory, whose pieces are of exactly the size
 * that was asked for and hold what somebody left there.  Its lock is counted;
 * who takes it twice, or gives back what he does not hold, fails.
 */

typedef struct {
    ngx_slab_pool_t   pool;
    ngx_shm_zone_t    zone;         /* what ngx_shared_memory_add() returns */
    ngx_int_t         room;         /* pieces left, -1: there is no end */
    size_t            size;         /* of the last piece */
    ngx_int_t         locked;
    ngx_uint_t        locks;        /* how often it was locked */
} unit_shm_t;

extern unit_shm_t  unit_shm;

/* as it was at first: the pieces are freed */
void unit_shm_reset(void);

/* pseudo-random numbers, the same in every run */
uint64_t unit_random(void);


#endif /* _NGX_UNIT_H_INCLUDED_ */
