
#include "skep_run.h"
#include "skep_log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>


#define SKEP_RUN_THREADS  16
#define SKEP_RUN_WAKES    8


typedef struct {
    const char  *name;
    void       (*run)(void *data);
    void        *data;
    pthread_t    thread;
    int          done;
} skep_run_thread_t;


typedef struct {
    void       (*wake)(void *data);
    void        *data;
} skep_run_wake_t;


static void *skep_run_main(void *data);


static atomic_int         skep_run_stopping;
static _Atomic int64_t    skep_run_deadline = INT64_MAX;
static int                skep_run_fd = -1;

static skep_run_thread_t  skep_run_threads[SKEP_RUN_THREADS];
static unsigned           skep_run_nthreads;
static skep_run_wake_t    skep_run_wakes[SKEP_RUN_WAKES];
static unsigned           skep_run_nwakes;

/* guards done and the wakes */
static pthread_mutex_t    skep_run_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t     skep_run_returned;


int
skep_stopping(void)
{
    return atomic_load(&skep_run_stopping);
}


int64_t
skep_deadline(void)
{
    return atomic_load(&skep_run_deadline);
}


void
skep_on_stop(void (*wake)(void *data), void *data)
{
    pthread_mutex_lock(&skep_run_lock);

    if (skep_run_nwakes == SKEP_RUN_WAKES) {
        skep_log(SKEP_LOG_ALERT, "too many are to be woken");
        abort();
    }

    skep_run_wakes[skep_run_nwakes].wake = wake;
    skep_run_wakes[skep_run_nwakes].data = data;
    skep_run_nwakes++;

    pthread_mutex_unlock(&skep_run_lock);
}


int
skep_pause(int64_t ms)
{
    int64_t        until, left;
    struct pollfd  pfd;

    pfd.fd = skep_run_fd;
    pfd.events = POLLIN;
    until = skep_now() + ms;

    while (!skep_stopping()) {
        left = until - skep_now();

        if (left <= 0) {
            break;
        }

        (void) poll(&pfd, 1, left > 60000 ? 60000 : (int) left);
    }

    return skep_stopping();
}


int64_t
skep_now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


uint32_t
skep_random(void)
{
    struct timespec  ts;

    static _Thread_local uint32_t  x;

    if (x == 0) {
        clock_gettime(CLOCK_MONOTONIC, &ts);
        x = (uint32_t) ts.tv_nsec ^ (uint32_t) getpid() * 2654435761u ^ 1;
    }

    /* xorshift */

    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;

    return x;
}


int
skep_run_init(void)
{
    pthread_condattr_t  attr;

    skep_run_fd = eventfd(0, EFD_CLOEXEC|EFD_NONBLOCK);
    if (skep_run_fd == -1) {
        return -1;
    }

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&skep_run_returned, &attr);
    pthread_condattr_destroy(&attr);

    return 0;
}


int
skep_run_start(const char *name, void (*run)(void *data), void *data)
{
    int                 rc;
    skep_run_thread_t  *thread;

    if (skep_run_nthreads == SKEP_RUN_THREADS) {
        return EAGAIN;
    }

    thread = &skep_run_threads[skep_run_nthreads];

    thread->name = name;
    thread->run = run;
    thread->data = data;

    rc = pthread_create(&thread->thread, NULL, skep_run_main, thread);

    if (rc == 0) {
        skep_run_nthreads++;
    }

    return rc;
}


static void *
skep_run_main(void *data)
{
    skep_run_thread_t  *thread = data;

    skep_log_thread(thread->name);
    thread->run(thread->data);

    pthread_mutex_lock(&skep_run_lock);

    thread->done = 1;
    pthread_cond_signal(&skep_run_returned);

    pthread_mutex_unlock(&skep_run_lock);

    return NULL;
}


void
skep_run_stop(int64_t ms)
{
    unsigned  i;
    uint64_t  one = 1;

    atomic_store(&skep_run_deadline, skep_now() + ms);
    atomic_store(&skep_run_stopping, 1);

    if (write(skep_run_fd, &one, sizeof(one)) == -1) {
        skep_log(SKEP_LOG_ALERT, "eventfd: %m");
    }

    pthread_mutex_lock(&skep_run_lock);

    for (i = 0; i < skep_run_nwakes; i++) {
        skep_run_wakes[i].wake(skep_run_wakes[i].data);
    }

    pthread_mutex_unlock(&skep_run_lock);
}


unsigned
skep_run_wait(void)
{
    int              rc;
    int64_t          deadline;
    unsigned         i, left;
    struct timespec  until;

    deadline = skep_deadline();

    until.tv_sec = (time_t) (deadline / 1000);
    until.tv_nsec = (long) (deadline % 1000) * 1000000;

    pthread_mutex_lock(&skep_run_lock);

    do {
        left = 0;
        rc = 0;

        for (i = 0; i < skep_run_nthreads; i++) {
            left += skep_run_threads[i].done ? 0 : 1;
        }

        if (left) {
            rc = pthread_cond_timedwait(&skep_run_returned, &skep_run_lock,
                                        &until);
        }

    } while (left && rc == 0);

    for (i = 0; i < skep_run_nthreads; i++) {
        if (skep_run_threads[i].done) {
            continue;
        }

        skep_log(SKEP_LOG_WARN, "%s has not finished in time",
                 skep_run_threads[i].name);
    }

    pthread_mutex_unlock(&skep_run_lock);

    if (left == 0) {
        for (i = 0; i < skep_run_nthreads; i++) {
            pthread_join(skep_run_threads[i].thread, NULL);
        }
    }

    return left;
}
