
/*
 * The order in which the servers of a connection string are tried.  libpq takes
 * them as they stand there, and waits for each that is silent: one that has
 * just been silent comes last the next time.
 */


#ifndef _SKEP_PG_ORDER_H_INCLUDED_
#define _SKEP_PG_ORDER_H_INCLUDED_


#include <libpq-fe.h>


/* the parameters of libpq that are lists, an element for each server */
#define SKEP_PG_ORDER_LISTS  3

#define SKEP_PG_ORDER_LEN    512       /* with a longer list all stay */


/* zeroed: the order of the connection string */
typedef struct {
    char  lists[SKEP_PG_ORDER_LISTS][SKEP_PG_ORDER_LEN];  /* "": libpq's */
} skep_pg_order_t;


extern const char *const  skep_pg_order_names[SKEP_PG_ORDER_LISTS];


/* the server after that of this connection comes first */
void skep_pg_order_after(skep_pg_order_t *order, PGconn *conn);


#endif /* _SKEP_PG_ORDER_H_INCLUDED_ */
