
/*
 * LeakSanitizer in nginx: linked into the build of ./dev test asan.
 *
 * A master and a worker destroy the pool of the configuration before they end,
 * and so does nginx when it refuses a configuration: what is left then is lost.
 * "nginx -t" of one that is good and "nginx -s" leave it, and nothing points to
 * it any more.
 */


#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>


/* of nginx's process cycle */
#define NGX_PROCESS_SINGLE     0
#define NGX_PROCESS_SIGNALLER  2


int __lsan_is_turned_off(void);
void __lsan_ignore_object(const void *p) __attribute__((weak));


/* nginx's; configure's trial programs have none of these */
extern uintptr_t  ngx_test_config __attribute__((weak));
extern uintptr_t  ngx_process __attribute__((weak));

/* as ngx_cycle_t begins */
extern struct {
    void  *conf_ctx;
    void  *pool;
} *ngx_cycle __attribute__((weak));

static int  leaks_status;


/* the cycle that main() begins with, and which it leaves when there is no
 * other one */
static void
leaks_exit(int status, void *arg)
{
    leaks_status = status;

    if (status != 0 && &ngx_process && ngx_process == NGX_PROCESS_SINGLE
        && ngx_cycle != NULL && __lsan_ignore_object)
    {
        __lsan_ignore_object(ngx_cycle->pool);
    }

    (void) arg;
}


__attribute__((constructor))
static void
leaks_begin(void)
{
    on_exit(leaks_exit, NULL);
}


int
__lsan_is_turned_off(void)
{
    return (&ngx_test_config && ngx_test_config && leaks_status == 0)
           || (&ngx_process && ngx_process == NGX_PROCESS_SIGNALLER);
}
