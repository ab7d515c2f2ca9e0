
/*
 * skep-worker: options, threads, signals.
 */


#include "skep_conf.h"
#include "skep_log.h"
#include "skep_metrics.h"
#include "skep_run.h"
#include "skep_threads.h"
#include "skep_version.h"
#include "skep_webhook_sign.h"

#include <curl/curl.h>
#include <getopt.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>


#define SKEP_MAIN_CONF  "/etc/skep/skep-worker.conf"

/* more descriptors than it ever needs */
#define SKEP_MAIN_DESCRIPTORS  65536


static int skep_main_options(int argc, char **argv, const char **file,
    int *check);
static void skep_main_usage(FILE *out);
static void skep_main_version(void);
static int skep_main_run(const char *file, skep_conf_t *conf);
static void skep_main_descriptors(void);
static int skep_main_threads(const skep_conf_t *conf);
static void skep_main_signals(const char *file, const sigset_t *set);
static void skep_main_reload(const char *file);
static int skep_main_log(const skep_conf_t *conf);


int
main(int argc, char **argv)
{
    int           rc, check;
    char          fault[SKEP_CONF_FAULT];
    const char   *file;
    skep_conf_t  *conf;

    file = SKEP_MAIN_CONF;
    check = 0;
    rc = skep_main_options(argc, argv, &file, &check);

    if (rc >= 0) {
        return rc;
    }

    curl_global_init(CURL_GLOBAL_DEFAULT);

    conf = skep_conf_read(file, fault);

    if (conf == NULL) {
        fprintf(stderr, "skep-worker: %s\n", fault);
        rc = EXIT_FAILURE;

    } else if (check) {
        fprintf(stderr, "skep-worker: %s is good\n", file);
        skep_conf_drop(conf);
        rc = EXIT_SUCCESS;

    } else {
        rc = skep_main_run(file, conf);
    }

    curl_global_cleanup();

    return rc;
}


/* what to exit with, or -1 to go on */

static int
skep_main_options(int argc, char **argv, const char **file, int *check)
{
    int  option;

    static const struct option  options[] = {
        { "config",  required_argument, NULL, 'c' },
        { "check",   no_argument,       NULL, 't' },
        { "help",    no_argument,       NULL, 'h' },
        { "version", no_argument,       NULL, 'V' },
        { NULL,      0,                 NULL, 0 }
    };

    for ( ;; ) {
        option = getopt_long(argc, argv, "c:thV", options, NULL);

        switch (option) {

        case 'c':
            *file = optarg;
            break;

        case 't':
            *check = 1;
            break;

        case 'h':
            skep_main_usage(stdout);
            return EXIT_SUCCESS;

        case 'V':
            skep_main_version();
            return EXIT_SUCCESS;

        case -1:
            if (optind == argc) {
                return -1;
            }

            fprintf(stderr, "%s: what is \"%s\"?\n", argv[0], argv[optind]);
            /* fall through */

        default:
            skep_main_usage(stderr);
            return 2;
        }
    }
}


static void
skep_main_usage(FILE *out)
{
    fputs("usage: skep-worker [-c FILE] [--check]\n"
          "\n"
          "  -c, --config FILE  the configuration; " SKEP_MAIN_CONF "\n"
          "  -t, --check        only check the configuration\n"
          "  -h, --help         this\n"
          "  -V, --version      the version, and those of its libraries\n"
          "\n"
          "It stays in the foreground.  SIGTERM ends it when what it has in\n"
          "hand is done, SIGHUP makes it read its configuration again,\n"
          "SIGUSR1 open its log again.\n", out);
}


static void
skep_main_version(void)
{
    int  pq;

    pq = PQlibVersion();

    printf("skep-worker " SKEP_VERSION "\nlibpq %d.%d, %s\n", pq / 10000,
           pq % 10000, curl_version());
}


static int
skep_main_run(const char *file, skep_conf_t *conf)
{
    char      signature[SKEP_WEBHOOK_SIGNATURE];
    sigset_t  set;
    unsigned  left;

    /* of threads only this one sees signals, and asks for them */

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);

    if (skep_main_log(conf) != 0) {
        fprintf(stderr, "skep-worker: %s: %m\n", conf->log);
        skep_conf_drop(conf);
        return EXIT_FAILURE;
    }

    /* OpenSSL makes itself ready now, or never: what it finds no memory for at
     * its first call, it is without ever after */

    if (skep_webhook_sign(signature, (const unsigned char *) "", 0, "", 0, "",
                          0)
        != 0)
    {
        skep_log(SKEP_LOG_ERROR, "OpenSSL computes no HMAC");
        skep_conf_drop(conf);
        return EXIT_FAILURE;
    }

    if (skep_run_init() != 0) {
        skep_log(SKEP_LOG_ERROR, "eventfd: %m");
        skep_conf_drop(conf);
        return EXIT_FAILURE;
    }

    skep_main_descriptors();
    skep_conf_enforce(conf);
    skep_log(SKEP_LOG_NOTICE, "skep-worker " SKEP_VERSION " starts as \"%s\"",
             conf->name);

    if (skep_main_threads(conf) != 0) {
        skep_run_stop(0);
        (void) skep_run_wait();
        return EXIT_FAILURE;
    }

    skep_main_signals(file, &set);

    left = skep_run_wait();

    /* what is cut off is done again by whoever comes next */

    skep_log(SKEP_LOG_NOTICE, "skep-worker ends");

    if (left) {
        _exit(EXIT_SUCCESS);
    }

    skep_threads_free();
    skep_conf_enforce(NULL);

    return EXIT_SUCCESS;
}


/* the soft limit is there for those who use select() */

static void
skep_main_descriptors(void)
{
    struct rlimit  limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == -1
        || limit.rlim_cur >= SKEP_MAIN_DESCRIPTORS)
    {
        return;
    }

    limit.rlim_cur = limit.rlim_max < SKEP_MAIN_DESCRIPTORS
                     ? limit.rlim_max : SKEP_MAIN_DESCRIPTORS;

    if (setrlimit(RLIMIT_NOFILE, &limit) == -1) {
        skep_log(SKEP_LOG_WARN, "RLIMIT_NOFILE stays as it is: %m");
    }
}


static int
skep_main_threads(const skep_conf_t *conf)
{
    int     rc;
    size_t  i;

    if (skep_threads_init(conf) != 0) {
        return -1;
    }

    for (i = 0; skep_threads[i].name; i++) {
        rc = skep_run_start(skep_threads[i].name, skep_threads[i].run,
                            skep_threads[i].data);

        if (rc != 0) {
            skep_log(SKEP_LOG_ERROR, "no thread: %s", strerror(rc));
            return -1;
        }
    }

    return 0;
}


/* serves signals until it is time to go; then all threads know */

static void
skep_main_signals(const char *file, const sigset_t *set)
{
    int                 number;
    const skep_conf_t  *conf;

    for ( ;; ) {
        if (sigwait(set, &number) != 0) {
            continue;
        }

        switch (number) {

        case SIGHUP:
            skep_main_reload(file);
            break;

        case SIGUSR1:
            if (skep_log_reopen() != 0) {
                skep_log(SKEP_LOG_ERROR, "the log can't be reopened: %m");
            }
            break;

        default: /* SIGTERM, SIGINT */
            skep_log(SKEP_LOG_NOTICE, "signal %d: finishing", number);

            conf = skep_conf_take();
            skep_run_stop(conf->shutdown_timeout);
            skep_conf_drop(conf);
            return;
        }
    }
}


static void
skep_main_reload(const char *file)
{
    char          fault[SKEP_CONF_FAULT];
    skep_conf_t  *conf;

    conf = skep_conf_read(file, fault);

    if (conf && skep_main_log(conf) != 0) {
        snprintf(fault, sizeof(fault), "%s: %m", conf->log);
        skep_conf_drop(conf);
        conf = NULL;
    }

    if (conf == NULL) {
        skep_count(RELOADS_REFUSED, 1);
        skep_log(SKEP_LOG_ERROR, "%s; the configuration stays as it was",
                 fault);
        return;
    }

    skep_count(RELOADS, 1);
    skep_log(SKEP_LOG_NOTICE, "%s was read again", file);
    skep_conf_enforce(conf);
}


static int
skep_main_log(const skep_conf_t *conf)
{
    if (skep_log_open(conf->log) != 0) {
        return -1;
    }

    skep_log_level((skep_log_level_t) skep_log_level_by_name(conf->log_level));

    return 0;
}
