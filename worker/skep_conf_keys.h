
/*
 * The keys of the configuration, a row for each.  A part of the worker that
 * has keys of its own adds its rows to the table, and its fields to
 * skep_conf_t.
 */


#ifndef _SKEP_CONF_KEYS_H_INCLUDED_
#define _SKEP_CONF_KEYS_H_INCLUDED_


#include "skep_conf.h"


/* more than there are */
#define SKEP_CONF_KEYS_MOST  128


typedef enum {
    SKEP_CONF_TEXT,                    /* char * */
    SKEP_CONF_SECRET_FILE,             /* char *: what is in the file */
    SKEP_CONF_LIST,                    /* skep_conf_list_t; may be repeated */
    SKEP_CONF_NUMBER,                  /* int64_t */
    SKEP_CONF_TIME,                    /* int64_t, ms */
    SKEP_CONF_SWITCH                   /* int64_t: on 1, off 0 */
} skep_conf_type_t;


typedef struct {
    const char        *name;
    skep_conf_type_t   type;
    size_t             offset;         /* in skep_conf_t */
    const char        *preset;         /* as it would stand in the file */
    int64_t            least;          /* of numbers and times, in ms */
    int64_t            most;
    unsigned           required:1;

    /* NULL if the value is good, else what is wrong with it */
    const char      *(*check)(const char *value);
} skep_conf_key_t;


/* ends with a row without a name */
extern const skep_conf_key_t  skep_conf_keys[];

/* what depends on more than one key; 0, or -1 with the fault */
int skep_conf_check(skep_conf_t *conf, char fault[SKEP_CONF_FAULT],
    const char *file);


#endif /* _SKEP_CONF_KEYS_H_INCLUDED_ */
