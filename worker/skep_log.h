
/*
 * The log: a line for each message, to stderr or to a file.
 *
 *     2026/11/21 12:00:00 [warn] 4711 consumer: Redis: Connection refused
 *
 * No secret, no e-mail address and no text of a user's belongs there.
 */


#ifndef _SKEP_LOG_H_INCLUDED_
#define _SKEP_LOG_H_INCLUDED_


typedef enum {
    SKEP_LOG_ALERT,                    /* what can't be */
    SKEP_LOG_ERROR,
    SKEP_LOG_WARN,
    SKEP_LOG_NOTICE,
    SKEP_LOG_INFO,
    SKEP_LOG_DEBUG
} skep_log_level_t;


/* the name of the calling thread in the log; kept, not copied */
void skep_log_thread(const char *name);

/*
 * Opens the file for appending, NULL or "stderr" for stderr, in place of the
 * one before.  Returns 0, or -1 with errno set: then all is as before.
 */
int skep_log_open(const char *file);

/* opens the file anew by its name; 0, or -1 as above */
int skep_log_reopen(void);

/* what is less important is not written; SKEP_LOG_NOTICE at first */
void skep_log_level(skep_log_level_t level);

/*
 * The level of a name ("error" .. "debug"), or -1; and whether messages of a
 * level are written.
 */
int skep_log_level_by_name(const char *name);
int skep_log_wanted(skep_log_level_t level);

/*
 * Writes a line; of any thread.  What is no printable text becomes "?", what
 * is too long is cut.
 */
void skep_log(skep_log_level_t level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));


#endif /* _SKEP_LOG_H_INCLUDED_ */
