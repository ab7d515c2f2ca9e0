
/*
 * Redis's Sentinels, which know where the master is.
 */


#ifndef _SKEP_SENTINEL_H_INCLUDED_
#define _SKEP_SENTINEL_H_INCLUDED_


#include "skep_redis.h"


/*
 * Asks the Sentinel that is connected where the master of this name is: the
 * address, as skep_conf_address() reads it.  0, or -1 and why in fault.
 */
int skep_sentinel_ask(skep_redis_t *redis, const char *name, char *address,
    size_t address_size, char *fault, size_t size);


#endif /* _SKEP_SENTINEL_H_INCLUDED_ */
