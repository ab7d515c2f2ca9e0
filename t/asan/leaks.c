
/*
 * LeakSanitizer in nginx: linked into the build of ./dev test asan.
 *
 * "nginx -t" and "nginx -s" end without destroying the pool of the
 * configuration, which nothing points to then.  A master and a worker destroy
 * theirs, and so what is left is lost.
 */


#include <stdint.h>


#define NGX_PROCESS_SIGNALLER  2


int __lsan_is_turned_off(void);

/* nginx's; configure's trial programs have none */
extern uintptr_t  ngx_test_config __attribute__((weak));
extern uintptr_t  ngx_process __attribute__((weak));


int
__lsan_is_turned_off(void)
{
    return (&ngx_test_config && ngx_test_config)
           || (&ngx_process && ngx_process == NGX_PROCESS_SIGNALLER);
}
