
/*
 * Deletes what is old, in slices: a turn takes a slice of each table that may
 * have more, until its time is over.
 */


#ifndef _SKEP_PURGE_H_INCLUDED_
#define _SKEP_PURGE_H_INCLUDED_


#include "skep_pg.h"


/* zeroed at first; the rest is skep_purge()'s */

typedef struct {
    uint64_t  generation;              /* of the configuration */
    int64_t   next;                    /* when it begins anew, monotonic ms */
    size_t    row;                     /* the table it is at */
    char      cursor[2][40];           /* the last one looked at, by its key */
} skep_purge_t;


/* a turn of it, with a connection that is ready */
void skep_purge(skep_purge_t *purge, skep_pg_t *pg, const skep_conf_t *conf);


#endif /* _SKEP_PURGE_H_INCLUDED_ */
