
/*
 * Memory for a library that does not bear to get none.
 */


#include "ngx_api_reserve.h"

#define NGX_API_RESERVE_ALIGNMENT  16


static u_char      ngx_api_reserve[NGX_API_RESERVE_SIZE]
                       __attribute__((aligned(NGX_API_RESERVE_ALIGNMENT)));
static size_t      ngx_api_reserve_used;
static ngx_uint_t  ngx_api_reserve_blocks;
static ngx_uint_t  ngx_api_reserve_failed;


static ngx_uint_t
ngx_api_reserve_has(const void *p)
{
    return (uintptr_t) p >= (uintptr_t) ngx_api_reserve
           && (uintptr_t) p < (uintptr_t) ngx_api_reserve
                              + NGX_API_RESERVE_SIZE;
}


static void *
ngx_api_reserve_take(size_t size)
{
    u_char  *p;

    if (ngx_max(size, 1) > NGX_API_RESERVE_SIZE - ngx_api_reserve_used) {
        ngx_api_reserve_failed++;
        return NULL;
    }

    /* the size of the whole is aligned: what is left holds that */

    p = ngx_api_reserve + ngx_api_reserve_used;

    ngx_api_reserve_used += ngx_align(ngx_max(size, 1),
                                      NGX_API_RESERVE_ALIGNMENT);
    ngx_api_reserve_blocks++;

    return p;
}


void *
ngx_api_reserve_malloc(size_t size)
{
    void  *p;

    p = malloc(size);

    if (p == NULL) {
        p = ngx_api_reserve_take(size);
    }

    return p;
}


void
ngx_api_reserve_free(void *p)
{
    if (!ngx_api_reserve_has(p)) {
        free(p);
        return;
    }

    if (--ngx_api_reserve_blocks == 0) {

        /* there were secrets in it, perhaps */

        ngx_explicit_memzero(ngx_api_reserve, ngx_api_reserve_used);
        ngx_api_reserve_used = 0;
    }
}


ngx_uint_t
ngx_api_reserve_failures(void)
{
    return ngx_api_reserve_failed;
}
