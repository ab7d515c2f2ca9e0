
/*
 * The configuration: a file of lines "name = value", "#" begins a comment.
 * Secrets stand in files of their own, which it names.
 *
 * Once read it never changes.  Threads share it: skep_conf_take() lends the
 * one in force, skep_conf_drop() gives it back; the last one frees it.
 */


#ifndef _SKEP_CONF_H_INCLUDED_
#define _SKEP_CONF_H_INCLUDED_


#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>


/* the room for a message about a fault */
#define SKEP_CONF_FAULT  512


/* a list of texts: a key that may be given more than once */
typedef struct {
    char    **items;
    size_t    n;
} skep_conf_list_t;


/* of mails, made of the keys below; see skep_mail_conf.h */
typedef struct skep_mail_conf_s  skep_mail_conf_t;


/* Times are ms.  Texts that are not set are NULL. */

typedef struct {
    atomic_uint       users;
    uint64_t          generation;      /* 1, 2, ..: counts those in force */

    /* PostgreSQL */
    char             *pg;
    char             *pg_password;     /* what is in pg_password_file */
    int64_t           pg_timeout;
    int64_t           pg_connect_timeout;

    /* Redis */
    char             *redis;           /* HOST, HOST:PORT, unix:PATH, off */
    char             *redis_sentinel;  /* what Sentinels call it: then "redis"
                                        * has theirs, with blanks between */
    char             *redis_sentinel_password;
    char             *redis_user;
    char             *redis_password;
    int64_t           redis_db;
    int64_t           redis_timeout;

    /* events */
    char             *stream;
    char             *name;            /* of this consumer */
    int64_t           batch;
    int64_t           event_tries;
    int64_t           claim_idle;
    int64_t           sweep_interval;
    int64_t           sweep_after;
    int64_t           dead_max;

    /* webhooks */
    char             *webhook_schedule;
    int64_t           webhook_timeout;
    int64_t           webhook_connect_timeout;
    int64_t           webhook_lease;
    int64_t           webhook_per_endpoint;
    int64_t           webhook_concurrency;
    int64_t           webhook_disable_after;
    int64_t           webhook_allow_http;
    skep_conf_list_t  webhook_allow_address;
    char             *webhook_ca_file;

    /* what is old; 0: kept */
    int64_t           purge_interval;
    int64_t           purge_batch;
    int64_t           purge_sessions;
    int64_t           purge_idempotency_keys;
    int64_t           purge_tombstones;
    int64_t           purge_inbox_read;
    int64_t           purge_inbox_deleted;
    int64_t           purge_inbox;
    int64_t           purge_deliveries;
    int64_t           purge_mails;
    int64_t           purge_dead;

    /* e-mail; none without smtp_url */
    char             *smtp_url;
    char             *smtp_tls;        /* required, off */
    char             *smtp_ca_file;
    char             *smtp_user;
    char             *smtp_password;
    char             *smtp_helo;
    int64_t           smtp_connections;
    int64_t           smtp_connect_timeout;
    int64_t           smtp_timeout;
    char             *smtp_schedule;
    char             *mail_from;
    char             *mail_templates;  /* a directory */
    char             *mail_base_url;
    char             *mail_verify_url;
    char             *mail_reset_url;
    char             *mail_task_url;
    char             *mail_project_url;
    char             *mail_settings_url;
    skep_mail_conf_t *mail;            /* NULL without smtp_url */

    /* the process */
    char             *http;            /* ADDRESS:PORT, off */
    char             *log;
    char             *log_level;
    int64_t           shutdown_timeout;
} skep_conf_t;


/*
 * Reads a file.  NULL, and a message in fault ("FILE:LINE: what is wrong"), if
 * it can't be used.  The caller has the one use of it.
 */
skep_conf_t *skep_conf_read(const char *file, char fault[SKEP_CONF_FAULT]);

/* the same of a text of len bytes; file is for messages */
skep_conf_t *skep_conf_parse(const char *text, size_t len, const char *file,
    char fault[SKEP_CONF_FAULT]);

/*
 * Puts a configuration in force, in place of the one before.  The caller's use
 * of it passes over.  NULL, at the end: none.
 */
void skep_conf_enforce(skep_conf_t *conf);

/* the one in force, until it is given back; never NULL in a thread */
const skep_conf_t *skep_conf_take(void);

/* NULL is fine */
void skep_conf_drop(const skep_conf_t *conf);

/*
 * A time in ms: "250ms", "15s", "5m", "2h", "30d", or a number of seconds.
 * Returns -1 if it is none.
 */
int64_t skep_conf_time(const char *text);

/*
 * One of a list of addresses with blanks between, by its number, which goes
 * round.  How many there are, or -1 if the one does not fit.
 */
int skep_conf_pick(const char *list, unsigned number, char *address,
    size_t size);

/* HOST, HOST:PORT or [ADDRESS]:PORT, taken apart; 0, or -1 if it is neither */
int skep_conf_address(const char *text, int default_port, char *host,
    size_t size, int *port);


#endif /* _SKEP_CONF_H_INCLUDED_ */
