
/*
 * The servers of a connection string, and the orders in which libpq is to try
 * them: one for each server, which comes first, the others follow.  libpq goes
 * on to the next one when it is refused, but waits for one that is silent; who
 * has waited long enough begins with another the next time.
 */


#ifndef _NGX_API_PG_PLACE_H_INCLUDED_
#define _NGX_API_PG_PLACE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <libpq-fe.h>


/* the parameters of libpq that are lists, an element for each server */
typedef enum {
    NGX_API_PG_PLACE_HOST = 0,
    NGX_API_PG_PLACE_HOSTADDR,
    NGX_API_PG_PLACE_PORT,

    NGX_API_PG_PLACE_LISTS
} ngx_api_pg_place_list_e;


typedef struct {
    ngx_str_t    own[NGX_API_PG_PLACE_LISTS];    /* empty: libpq's default */
    const char  *lists[NGX_API_PG_PLACE_LISTS];  /* of all, this one first */
} ngx_api_pg_place_t;


extern const char  *ngx_api_pg_place_keywords[NGX_API_PG_PLACE_LISTS];


/*
 * Makes ngx_api_pg_place_t, one at least, of libpq's lists, each of which may
 * be NULL.  All of it is in the pool.  NGX_ERROR: out of memory.
 */
ngx_int_t ngx_api_pg_places(ngx_pool_t *pool, ngx_array_t *places,
    const char *const lists[NGX_API_PG_PLACE_LISTS]);

/*
 * The place after that of the server which a connection is made to, or tries;
 * after the given one, if libpq does not tell.
 */
ngx_uint_t ngx_api_pg_place_after(const ngx_array_t *places, const PGconn *pg,
    ngx_uint_t place);


#endif /* _NGX_API_PG_PLACE_H_INCLUDED_ */
