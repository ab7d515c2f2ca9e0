
#include "skep_conf_keys.h"
#include "skep_address.h"
#include "skep_log.h"
#include "skep_mail_conf.h"
#include "skep_schedule.h"

#include <errno.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


#define SECOND  INT64_C(1000)
#define HOUR    (3600 * SECOND)
#define YEARS   (20 * 366 * 24 * HOUR)


/* rows: a text, a secret, a list, a number, a time, a switch */

#define TEXT(name, preset, check)                                             \
    { #name, SKEP_CONF_TEXT, offsetof(skep_conf_t, name), preset, 0, 0, 0,    \
      check }
#define REQUIRED(name, check)                                                 \
    { #name, SKEP_CONF_TEXT, offsetof(skep_conf_t, name), NULL, 0, 0, 1,      \
      check }
#define SECRET(name)                                                          \
    { #name "_file", SKEP_CONF_SECRET_FILE, offsetof(skep_conf_t, name),      \
      NULL, 0, 0, 0, NULL }
#define LIST(name, check)                                                     \
    { #name, SKEP_CONF_LIST, offsetof(skep_conf_t, name), NULL, 0, 0, 0,      \
      check }
#define NUMBER(name, preset, least, most)                                     \
    { #name, SKEP_CONF_NUMBER, offsetof(skep_conf_t, name), preset, least,    \
      most, 0, NULL }
#define TIME(name, preset, least, most)                                       \
    { #name, SKEP_CONF_TIME, offsetof(skep_conf_t, name), preset, least,      \
      most, 0, NULL }
#define SWITCH(name, preset)                                                  \
    { #name, SKEP_CONF_SWITCH, offsetof(skep_conf_t, name), preset, 0, 1, 0,  \
      NULL }


static const char *skep_conf_is_pg(const char *value);
static const char *skep_conf_is_redis(const char *value);
static const char *skep_conf_is_stream(const char *value);
static const char *skep_conf_is_name(const char *value);
static const char *skep_conf_is_tls(const char *value);
static const char *skep_conf_is_http(const char *value);
static const char *skep_conf_is_level(const char *value);
static const char *skep_conf_is_readable(const char *value);
static const char *skep_conf_is_schedule(const char *value);
static const char *skep_conf_is_range(const char *value);


const skep_conf_key_t  skep_conf_keys[] = {

    REQUIRED(pg, skep_conf_is_pg),
    SECRET(pg_password),
    TIME(pg_timeout, "30s", 100, HOUR),
    TIME(pg_connect_timeout, "5s", 2 * SECOND, HOUR),

    TEXT(redis, "127.0.0.1:6379", skep_conf_is_redis),
    TEXT(redis_sentinel, NULL, NULL),
    SECRET(redis_sentinel_password),
    TEXT(redis_user, NULL, NULL),
    SECRET(redis_password),
    NUMBER(redis_db, "0", 0, 1000000),
    TIME(redis_timeout, "2s", SECOND, HOUR),

    TEXT(stream, "skep", skep_conf_is_stream),
    TEXT(name, NULL, skep_conf_is_name),
    NUMBER(batch, "500", 1, 10000),
    NUMBER(event_tries, "5", 1, 1000),
    TIME(claim_idle, "30s", 100, HOUR),
    TIME(sweep_interval, "1s", 10, HOUR),
    TIME(sweep_after, "2s", 0, HOUR),
    NUMBER(dead_max, "10000", 1, 100000000),

    TEXT(webhook_schedule, "5s 5m 30m 2h 5h 10h 10h",
         skep_conf_is_schedule),
    TIME(webhook_timeout, "15s", 100, HOUR),
    TIME(webhook_connect_timeout, "5s", 100, HOUR),
    TIME(webhook_lease, "60s", SECOND, 24 * HOUR),
    NUMBER(webhook_per_endpoint, "5", 1, 1000),
    NUMBER(webhook_concurrency, "256", 1, 10000),
    TIME(webhook_disable_after, "5d", 0, YEARS),
    SWITCH(webhook_allow_http, "off"),
    LIST(webhook_allow_address, skep_conf_is_range),
    TEXT(webhook_ca_file, NULL, skep_conf_is_readable),

    TIME(purge_interval, "10m", 100, YEARS),
    NUMBER(purge_batch, "1000", 1, 100000),
    TIME(purge_sessions, "7d", 0, YEARS),
    TIME(purge_idempotency_keys, "24h", 0, YEARS),
    TIME(purge_tombstones, "90d", 0, YEARS),
    TIME(purge_inbox_read, "90d", 0, YEARS),
    TIME(purge_inbox_deleted, "1d", 0, YEARS),
    TIME(purge_inbox, "365d", 0, YEARS),
    TIME(purge_deliveries, "30d", 0, YEARS),
    TIME(purge_mails, "7d", 0, YEARS),
    TIME(purge_dead, "90d", 0, YEARS),

    TEXT(smtp_url, NULL, NULL),
    TEXT(smtp_tls, "required", skep_conf_is_tls),
    TEXT(smtp_ca_file, NULL, skep_conf_is_readable),
    TEXT(smtp_user, NULL, NULL),
    SECRET(smtp_password),
    TEXT(smtp_helo, NULL, NULL),
    NUMBER(smtp_connections, "4", 1, 100),
    TIME(smtp_connect_timeout, "10s", 100, HOUR),
    TIME(smtp_timeout, "60s", 100, HOUR),
    TEXT(smtp_schedule, "1m 5m 30m 2h 5h 10h", NULL),
    TEXT(mail_from, NULL, NULL),
    TEXT(mail_templates, "/etc/skep/mail", NULL),
    TEXT(mail_base_url, NULL, NULL),
    TEXT(mail_verify_url, NULL, NULL),
    TEXT(mail_reset_url, NULL, NULL),
    TEXT(mail_task_url, NULL, NULL),
    TEXT(mail_project_url, NULL, NULL),
    TEXT(mail_settings_url, NULL, NULL),

    TEXT(http, "127.0.0.1:9464", skep_conf_is_http),
    TEXT(log, "stderr", NULL),
    TEXT(log_level, "notice", skep_conf_is_level),
    TIME(shutdown_timeout, "30s", 0, HOUR),

    { NULL, SKEP_CONF_TEXT, 0, NULL, 0, 0, 0, NULL }
};


int
skep_conf_check(skep_conf_t *conf, char fault[SKEP_CONF_FAULT],
    const char *file)
{
    int   rc;
    char  host[64], name[96], why[SKEP_MAIL_CONF_FAULT];

    /* another process, another name: what it left is claimed by age */

    if (conf->name == NULL) {
        if (gethostname(host, sizeof(host)) == -1) {
            host[0] = '\0';
        }

        host[sizeof(host) - 1] = '\0';
        snprintf(name, sizeof(name), "%s-%d", host, (int) getpid());
        conf->name = strdup(name);
    }

    rc = conf->name ? 0 : -1;

    if (rc != 0) {
        snprintf(fault, SKEP_CONF_FAULT, "%s: no memory", file);
        return rc;
    }

    if (conf->redis_sentinel == NULL && strpbrk(conf->redis, " \t")) {
        snprintf(fault, SKEP_CONF_FAULT, "%s: several addresses in \"redis\""
                 " are those of Sentinels: \"redis_sentinel\" is missing",
                 file);
        return -1;
    }

    /* else it would log in as somebody else, without a word */

    if (conf->redis_user && conf->redis_password == NULL) {
        snprintf(fault, SKEP_CONF_FAULT, "%s: \"redis_user\" needs"
                 " \"redis_password_file\"", file);
        return -1;
    }

    /* else it is sent again while it is still under way */

    if (conf->webhook_lease < conf->webhook_timeout + SECOND) {
        snprintf(fault, SKEP_CONF_FAULT, "%s: \"webhook_lease\" must be a"
                 " second longer than \"webhook_timeout\"", file);
        return -1;
    }

    if (conf->smtp_url) {
        conf->mail = skep_mail_conf_make(conf, why);

        if (conf->mail == NULL) {
            snprintf(fault, SKEP_CONF_FAULT, "%s: %s", file, why);
            return -1;
        }
    }

    return 0;
}


static const char *
skep_conf_is_pg(const char *value)
{
    char              *error;
    const char        *why;
    PQconninfoOption  *options, *option;

    static _Thread_local char  text[256];

    options = PQconninfoParse(value, &error);

    if (options == NULL) {
        snprintf(text, sizeof(text), "%s", error ? error : "no memory");
        text[strcspn(text, "\n")] = '\0';
        PQfreemem(error);
        return text;
    }

    why = NULL;

    for (option = options; option->keyword; option++) {
        if (option->val && strcmp(option->keyword, "password") == 0) {
            why = "a password belongs into \"pg_password_file\"";
        }
    }

    PQconninfoFree(options);

    return why;
}


static const char *
skep_conf_is_redis(const char *value)
{
    int       n, port;
    char      address[256], host[256];
    unsigned  i;

    if (strcmp(value, "off") == 0) {
        return NULL;
    }

    n = 1;

    for (i = 0; i < (unsigned) n; i++) {
        n = skep_conf_pick(value, i, address, sizeof(address));

        if (n == -1) {
            return "an address is too long";
        }

        if (strncmp(address, "unix:/", 6) == 0 && address[6] != '\0') {
            continue;
        }

        if (strncmp(address, "unix:", 5) == 0
            || skep_conf_address(address, 6379, host, sizeof(host), &port)
               != 0)
        {
            return "the form is HOST, HOST:PORT, unix:/PATH or off";
        }
    }

    return NULL;
}


static const char *
skep_conf_is_stream(const char *value)
{
    return strlen(value) > 200 || strpbrk(value, " \t")
           ? "a name has at most 200 characters and no blank" : NULL;
}


static const char *
skep_conf_is_name(const char *value)
{
    return strlen(value) > 90 || strpbrk(value, " \t")
           ? "a name has at most 90 characters and no blank" : NULL;
}


static const char *
skep_conf_is_tls(const char *value)
{
    return strcmp(value, "required") != 0 && strcmp(value, "off") != 0
           ? "it is \"required\" or \"off\"" : NULL;
}


static const char *
skep_conf_is_http(const char *value)
{
    int   port;
    char  host[64];

    if (strcmp(value, "off") == 0) {
        return NULL;
    }

    return skep_conf_address(value, 0, host, sizeof(host), &port) != 0
           ? "the form is ADDRESS:PORT or off" : NULL;
}


static const char *
skep_conf_is_level(const char *value)
{
    return skep_log_level_by_name(value) == -1
           ? "a level is error, warn, notice, info or debug" : NULL;
}


static const char *
skep_conf_is_readable(const char *value)
{
    return access(value, R_OK) == -1 ? strerror(errno) : NULL;
}


static const char *
skep_conf_is_schedule(const char *value)
{
    skep_schedule_t  schedule;

    return skep_schedule_parse(value, &schedule) != 0
           ? "the form is \"5s 5m 2h\": at most 32 pauses of at most 30 days"
           : NULL;
}


static const char *
skep_conf_is_range(const char *value)
{
    skep_range_t  range;

    return skep_range_parse(value, &range) != 0
           ? "the form is ADDRESS or ADDRESS/BITS, without bits after those"
           : NULL;
}
