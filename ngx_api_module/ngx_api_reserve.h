
/*
 * Memory for a library that does not bear to get none.
 *
 * jansson tells a lack of memory as bad input.  So what malloc() refuses it
 * comes from a reserve, small and static: enough to finish what was begun.
 * All of it is free again when nothing of it is in use.  It is of one thread.
 */


#ifndef _NGX_API_RESERVE_H_INCLUDED_
#define _NGX_API_RESERVE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_API_RESERVE_SIZE  (256 * 1024)


/* as malloc() and free(); NULL when the reserve is used up, too */
void *ngx_api_reserve_malloc(size_t size);
void ngx_api_reserve_free(void *p);

/* how often it was used up, to see whether it was meanwhile */
ngx_uint_t ngx_api_reserve_failures(void);


#endif /* _NGX_API_RESERVE_H_INCLUDED_ */
