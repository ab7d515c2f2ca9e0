
/*
 * The threads of the worker.  A part that needs one adds its row to the table
 * in skep_threads.c; one that shares something with others makes it in
 * skep_threads_init().
 */


#ifndef _SKEP_THREADS_H_INCLUDED_
#define _SKEP_THREADS_H_INCLUDED_


#include "skep_conf.h"


typedef struct {
    const char  *name;
    void       (*run)(void *data);
    void        *data;
} skep_thread_t;


/* ends with a row without a name */
extern skep_thread_t  skep_threads[];


/* before any thread runs; -1, logged, if there is something missing */
int skep_threads_init(const skep_conf_t *conf);

/* after all have returned */
void skep_threads_free(void);


#endif /* _SKEP_THREADS_H_INCLUDED_ */
