
/*
 * Memory for a library that does not bear to get none: what is taken from the
 * reserve while malloc() fails, and given back.
 */


#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ngx_unit.h"
#include "ngx_api_reserve.h"


static ngx_uint_t  fail;


void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);


void *
__wrap_malloc(size_t size)
{
    return fail ? NULL : __real_malloc(size);
}


static void
test_taken(void **state)
{
    u_char  *a, *b, *c;

    (void) state;

    a = ngx_api_reserve_malloc(100);
    assert_non_null(a);

    fail = 1;
    b = ngx_api_reserve_malloc(100);
    c = ngx_api_reserve_malloc(1);
    fail = 0;

    assert_non_null(b);
    assert_non_null(c);
    assert_int_equal((uintptr_t) b % 16, 0);
    assert_true(c >= b + 100);

    ngx_memset(b, 'x', 100);
    ngx_memset(c, 'y', 1);

    ngx_api_reserve_free(a);
    ngx_api_reserve_free(b);
    assert_int_equal(*c, 'y');
    ngx_api_reserve_free(c);
    ngx_api_reserve_free(NULL);
}


static void
test_used_up(void **state)
{
    void        *p[NGX_API_RESERVE_SIZE / 4096 + 1];
    ngx_uint_t   i, n, failures;

    (void) state;

    fail = 1;
    failures = ngx_api_reserve_failures();

    /* again and again: all of it comes back */

    for (i = 0; i < 3; i++) {

        for (n = 0; (p[n] = ngx_api_reserve_malloc(4096)) != NULL; n++) {
            /* void */
        }

        assert_int_equal(n, NGX_API_RESERVE_SIZE / 4096);
        assert_int_equal(ngx_api_reserve_failures(), failures + i + 1);

        while (n) {
            ngx_api_reserve_free(p[--n]);
        }
    }

    assert_null(ngx_api_reserve_malloc(NGX_API_RESERVE_SIZE + 1));
    assert_null(ngx_api_reserve_malloc((size_t) -1));

    fail = 0;
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_taken),
        cmocka_unit_test(test_used_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
