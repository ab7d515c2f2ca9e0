
/*
 * What /readyz says: written by the threads that know, read by the one that
 * answers.
 */


#ifndef _SKEP_HEALTH_H_INCLUDED_
#define _SKEP_HEALTH_H_INCLUDED_


#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>


typedef enum {
    SKEP_HEALTH_UNKNOWN = 0,           /* nobody could ask */
    SKEP_HEALTH_DEPLOYED,              /* SKEP_SCHEMA is */
    SKEP_HEALTH_OUTDATED               /* it is not */
} skep_health_schema_t;


/* the threads whose connections matter: since when each has waited for an
 * answer of PostgreSQL, as skep_now() has it; 0: it does not */
typedef enum {
    SKEP_HEALTH_CONSUMER = 0,
    SKEP_HEALTH_SWEEPER,
    SKEP_HEALTH_THREADS
} skep_health_thread_t;

extern _Atomic int64_t  skep_health_waits[SKEP_HEALTH_THREADS];


/* what the last look at the schema found */
void skep_health_schema(skep_health_schema_t schema);

/*
 * The answer as JSON, which is the caller's to free(); NULL: no memory.
 * *ready: 0 if it is to be a 503.
 */
char *skep_health_text(size_t *len, int *ready);


#endif /* _SKEP_HEALTH_H_INCLUDED_ */
