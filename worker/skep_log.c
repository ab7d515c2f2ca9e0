
#include "skep_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>


#define SKEP_LOG_LINE  2048


static const char *const  skep_log_names[] = {
    "alert", "error", "warn", "notice", "info", "debug"
};

static atomic_int                 skep_log_most = SKEP_LOG_NOTICE;
static atomic_int                 skep_log_fd = STDERR_FILENO;
static char                      *skep_log_file;
static _Thread_local const char  *skep_log_name = "main";


void
skep_log_thread(const char *name)
{
    skep_log_name = name;
}


int
skep_log_open(const char *file)
{
    int    fd, old;
    char  *name;

    if (file == NULL || strcmp(file, "stderr") == 0) {
        fd = STDERR_FILENO;
        name = NULL;

    } else {
        fd = open(file, O_WRONLY|O_APPEND|O_CREAT|O_CLOEXEC, 0640);
        if (fd == -1) {
            return -1;
        }

        name = strdup(file);
        if (name == NULL) {
            close(fd);
            return -1;
        }
    }

    /* the number stays the same: another thread may be about to write to it */

    old = atomic_load(&skep_log_fd);

    if (old != STDERR_FILENO && fd != STDERR_FILENO) {
        if (dup3(fd, old, O_CLOEXEC) == -1) {
            close(fd);
            free(name);
            return -1;
        }

        close(fd);

    } else {
        /* a file is left open when stderr takes its place, once in a life */
        atomic_store(&skep_log_fd, fd);
    }

    free(skep_log_file);
    skep_log_file = name;

    return 0;
}


int
skep_log_reopen(void)
{
    int    rc;
    char  *name;

    if (skep_log_file == NULL) {
        return 0;
    }

    name = strdup(skep_log_file);
    if (name == NULL) {
        return -1;
    }

    rc = skep_log_open(name);
    free(name);

    return rc;
}


void
skep_log_level(skep_log_level_t level)
{
    atomic_store(&skep_log_most, (int) level);
}


int
skep_log_level_by_name(const char *name)
{
    int  i;

    for (i = SKEP_LOG_ERROR; i <= SKEP_LOG_DEBUG; i++) {
        if (strcmp(name, skep_log_names[i]) == 0) {
            return i;
        }
    }

    return -1;
}


int
skep_log_wanted(skep_log_level_t level)
{
    return (int) level <= atomic_load(&skep_log_most);
}


void
skep_log(skep_log_level_t level, const char *format, ...)
{
    int              n, saved;
    char             line[SKEP_LOG_LINE], when[32];
    size_t           len, i;
    time_t           now;
    va_list          args;
    struct tm        tm;

    if (!skep_log_wanted(level)) {
        return;
    }

    saved = errno;

    now = time(NULL);
    localtime_r(&now, &tm);
    strftime(when, sizeof(when), "%Y/%m/%d %H:%M:%S", &tm);

    len = (size_t) snprintf(line, sizeof(line) - 1, "%s [%s] %d %.32s: ", when,
                            skep_log_names[level], (int) getpid(),
                            skep_log_name);

    va_start(args, format);
    errno = saved;                     /* for %m */
    n = vsnprintf(line + len, sizeof(line) - 1 - len, format, args);
    va_end(args);

    i = len;
    len += n < 0 ? 0 : (size_t) n;

    if (len > sizeof(line) - 2) {
        len = sizeof(line) - 2;
    }

    /* messages of libraries end with a newline, and have more of them */

    while (len > i && line[len - 1] == '\n') {
        len--;
    }

    for ( /* void */ ; i < len; i++) {
        if (line[i] == '\n') {
            line[i] = ' ';

        } else if ((unsigned char) line[i] < 0x20 || line[i] == 0x7f) {
            line[i] = '?';
        }
    }

    line[len++] = '\n';

    /* nobody is left to be told of a failure */
    if (write(atomic_load(&skep_log_fd), line, len) < 0) {
        errno = saved;
    }

    errno = saved;
}
