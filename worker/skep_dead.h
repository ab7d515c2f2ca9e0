
/*
 * Dead letters: what can't be worked off, in a stream of its own, for the
 * operator.
 */


#ifndef _SKEP_DEAD_H_INCLUDED_
#define _SKEP_DEAD_H_INCLUDED_


#include "skep_redis.h"


/* The texts in it are the caller's until it was sent. */

typedef struct {
    char                  stream[256];
    char                  most[24];
    skep_redis_command_t  command;
} skep_dead_t;


void skep_dead_begin(skep_dead_t *dead, const skep_conf_t *conf);

/* adds a field; those that are too many are left out */
void skep_dead_field(skep_dead_t *dead, const char *name, size_t name_len,
    const char *value, size_t value_len);

/*
 * Sends it, with its reason, and the id of the entry of the stream that it was;
 * NULL if it was none.  No answer may be unread.  0, or -1, logged.
 */
int skep_dead_send(skep_dead_t *dead, skep_redis_t *redis,
    const char *reason, const char *entry);


#endif /* _SKEP_DEAD_H_INCLUDED_ */
