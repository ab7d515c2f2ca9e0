
#include "skep_sender.h"
#include "skep_log.h"
#include "skep_metrics.h"
#include "skep_run.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/socket.h>


#define SKEP_SENDER_CHANNELS  4
#define SKEP_SENDER_CONNECTS  256      /* connections kept for later */
#define SKEP_SENDER_POLL      1000     /* ms between looks for what is due */
#define SKEP_SENDER_AGAIN     100      /* ms after PostgreSQL refused */
#define SKEP_SENDER_MARGIN    200      /* ms kept before the deadline */
#define SKEP_SENDER_KEEP      15000    /* ms that connections stay, unused */

/* descriptors: of all else, and at most of a transfer, with what its name
 * server takes and a connection that is kept */
#define SKEP_SENDER_OTHERS    64
#define SKEP_SENDER_EACH      4
#define SKEP_SENDER_MOST      100000
#define SKEP_SENDER_TELL      60000    /* ms between warnings of it */


typedef struct {
    CURLM            *multi;           /* is replaced under the mutex */
    pthread_mutex_t   mutex;
    skep_pg_t         pg;

    skep_channel_t   *channels[SKEP_SENDER_CHANNELS];
    unsigned          nchannels;
    skep_send_t       sends;           /* in flight: a ring */

    int64_t           poll_at;         /* ms */
    int64_t           told_at;         /* ms: that descriptors lack */
    int64_t           used_at;         /* ms, of the last transfer; or 0 */
    atomic_int        woken;
} skep_sender_t;


static CURLM *skep_sender_multi(void);
static int64_t skep_sender_turn(void);
static void skep_sender_renew(int64_t now);
static void skep_sender_leave(void);
static int64_t skep_sender_left(int64_t now);
static int skep_sender_idle(void);
static int64_t skep_sender_query(void);
static int skep_sender_record(const skep_conf_t *conf);
static int skep_sender_claim(const skep_conf_t *conf);
static unsigned skep_sender_room(void);
static unsigned skep_sender_done(void);
static void skep_sender_end(skep_send_t *send, CURLcode code);
static void skep_sender_stop(void *data);


static skep_sender_t  skep_sender = {
    .mutex = PTHREAD_MUTEX_INITIALIZER
};


int
skep_sender_init(void)
{
    skep_sender.multi = skep_sender_multi();

    if (skep_sender.multi == NULL) {
        skep_log(SKEP_LOG_ERROR, "libcurl can't be set up");
        return -1;
    }

    skep_sender.sends.prev = &skep_sender.sends;
    skep_sender.sends.next = &skep_sender.sends;

    skep_sender.pg.up = skep_metric(UP_PG_SENDER);
    skep_sender.pg.async = 1;

    skep_on_stop(skep_sender_stop, NULL);

    return 0;
}


static CURLM *
skep_sender_multi(void)
{
    CURLM     *multi;
    unsigned   room;

    multi = curl_multi_init();

    if (multi != NULL) {
        room = skep_sender_room();
        (void) curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS,
                                 room < SKEP_SENDER_CONNECTS
                                 ? (long) room + 1
                                 : (long) SKEP_SENDER_CONNECTS);
    }

    return multi;
}


void
skep_sender_add(skep_channel_t *channel)
{
    skep_sender.channels[skep_sender.nchannels++] = channel;
}


void
skep_sender_run(void *data)
{
    int64_t  wait;

    (void) data;

    for ( ;; ) {
        wait = skep_sender_turn();

        if (skep_stopping()
            && (skep_sender_idle() || skep_sender_left(skep_now()) <= 0))
        {
            break;
        }

        (void) curl_multi_poll(skep_sender.multi, NULL, 0, (int) wait, NULL);
    }

    while (skep_sender.sends.next != &skep_sender.sends) {
        skep_sender_end(skep_sender.sends.next, CURLE_ABORTED_BY_CALLBACK);
    }

    skep_pg_close(&skep_sender.pg);
}


/* the ms to wait for the next */

static int64_t
skep_sender_turn(void)
{
    int       running;
    int64_t   now, wait, left;
    unsigned  i;

    now = skep_now();
    skep_sender_renew(now);

    if (atomic_exchange(&skep_sender.woken, 0) || now >= skep_sender.poll_at) {

        for (i = 0; i < skep_sender.nchannels; i++) {
            skep_sender.channels[i]->due = 1;
        }

        skep_sender.poll_at = now + SKEP_SENDER_POLL;
    }

    wait = skep_sender_query();

    (void) curl_multi_perform(skep_sender.multi, &running);

    if (skep_sender_done() && wait == SKEP_SENDER_POLL) {
        return 0;
    }

    left = skep_sender.poll_at - skep_now();
    wait = (left < wait) ? left : wait;

    if (skep_stopping()) {
        left = skep_sender_left(skep_now());
        wait = (left < wait) ? left : wait;
    }

    return (wait < 0) ? 0 : wait;
}


/*
 * Ends the connections that were kept, once nothing was sent for a while.
 * libcurl looks at them only when it makes another one: of a burst, all would
 * stay until the next, although the receivers have long closed theirs.
 *
 * Whoever wakes this thread may still have woken the old handle; that is seen
 * by "woken", which is set before, and looked at after this.
 */

static void
skep_sender_renew(int64_t now)
{
    CURLM  *multi, *old;

    if (skep_sender.sends.next != &skep_sender.sends
        || skep_sender.used_at == 0
        || now - skep_sender.used_at < SKEP_SENDER_KEEP)
    {
        return;
    }

    multi = skep_sender_multi();

    if (multi == NULL) {
        return;
    }

    (void) pthread_mutex_lock(&skep_sender.mutex);

    old = skep_sender.multi;
    skep_sender.multi = multi;

    (void) pthread_mutex_unlock(&skep_sender.mutex);

    skep_sender_leave();
    (void) curl_multi_cleanup(old);
    skep_sender.used_at = 0;
}


static void
skep_sender_leave(void)
{
    unsigned         i;
    skep_channel_t  *channel;

    for (i = 0; i < skep_sender.nchannels; i++) {
        channel = skep_sender.channels[i];

        if (channel->leave) {
            channel->leave(channel);
        }
    }
}


static int64_t
skep_sender_left(int64_t now)
{
    return skep_deadline() - SKEP_SENDER_MARGIN - now;
}


/* nothing is in flight, and nothing is to be recorded */

static int
skep_sender_idle(void)
{
    unsigned  i;

    for (i = 0; i < skep_sender.nchannels; i++) {

        if (skep_sender.channels[i]->inflight
            || skep_sender.channels[i]->kept)
        {
            return 0;
        }
    }

    return 1;
}


/* what PostgreSQL is wanted for; the ms to wait before it is wanted again */

static int64_t
skep_sender_query(void)
{
    int                 rc;
    int64_t             wait;
    const skep_conf_t  *conf;

    conf = skep_conf_take();
    wait = skep_pg_ready(&skep_sender.pg, conf);

    if (wait == 0) {
        rc = skep_sender_record(conf);

        if (rc == 0 && !skep_stopping()) {
            rc = skep_sender_claim(conf);
        }

        wait = (rc == -1) ? SKEP_SENDER_AGAIN
                          : (rc == 1) ? 0 : SKEP_SENDER_POLL;
    }

    skep_conf_drop(conf);

    return wait;
}


static int
skep_sender_record(const skep_conf_t *conf)
{
    int              rc;
    unsigned         i;
    skep_channel_t  *channel;

    rc = 0;

    for (i = 0; i < skep_sender.nchannels; i++) {
        channel = skep_sender.channels[i];

        if (channel->kept) {
            channel->kept = 0;

            if (channel->record(channel, &skep_sender.pg, conf) != 0) {
                channel->kept = 1;
                rc = -1;
            }
        }
    }

    return rc;
}


static int
skep_sender_claim(const skep_conf_t *conf)
{
    int              rc, all;
    unsigned         i, room, left;
    skep_channel_t  *channel;

    all = 0;

    for (i = 0; i < skep_sender.nchannels; i++) {
        channel = skep_sender.channels[i];

        if (!channel->due || channel->inflight >= channel->most) {
            continue;
        }

        left = skep_sender_room();

        if (left == 0) {
            break;
        }

        room = channel->most - channel->inflight;
        rc = channel->claim(channel, &skep_sender.pg, conf,
                            room < left ? room : left);

        channel->due = (rc != 0);

        if (rc == -1) {
            return -1;
        }

        all |= rc;
    }

    return all;
}


/*
 * How many more transfers there are descriptors for.  What can't be sent for
 * want of them is better left to another worker than counted as a failure.
 */

static unsigned
skep_sender_room(void)
{
    unsigned       i, busy;
    struct rlimit  limit;
    rlim_t         most;

    if (getrlimit(RLIMIT_NOFILE, &limit) == -1
        || limit.rlim_cur == RLIM_INFINITY)
    {
        return SKEP_SENDER_MOST;
    }

    most = limit.rlim_cur > SKEP_SENDER_OTHERS
           ? (limit.rlim_cur - SKEP_SENDER_OTHERS) / SKEP_SENDER_EACH : 0;
    busy = 0;

    for (i = 0; i < skep_sender.nchannels; i++) {
        busy += skep_sender.channels[i]->inflight;
    }

    if (busy < most) {
        return most - busy > SKEP_SENDER_MOST ? SKEP_SENDER_MOST
                                              : (unsigned) (most - busy);
    }

    if (skep_sender.told_at == 0
        || skep_now() - skep_sender.told_at > SKEP_SENDER_TELL)
    {
        skep_sender.told_at = skep_now();
        skep_log(SKEP_LOG_WARN, "%u are being sent, and there are descriptors"
                 " for no more: RLIMIT_NOFILE is %llu", busy,
                 (unsigned long long) limit.rlim_cur);
    }

    return 0;
}


/* how many transfers have ended */

static unsigned
skep_sender_done(void)
{
    int           left;
    char         *send;
    CURLMsg      *msg;
    unsigned      n;

    n = 0;

    while ((msg = curl_multi_info_read(skep_sender.multi, &left)) != NULL) {

        if (msg->msg != CURLMSG_DONE) {
            continue;
        }

        send = NULL;
        (void) curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &send);

        skep_sender_end((skep_send_t *) (void *) send, msg->data.result);
        n++;
    }

    return n;
}


int
skep_sender_start(skep_channel_t *channel, skep_send_t *send)
{
    CURLMcode  rc;

    send->channel = channel;
    send->starved = 0;
    send->error[0] = '\0';

    (void) curl_easy_setopt(send->easy, CURLOPT_PRIVATE, send);
    (void) curl_easy_setopt(send->easy, CURLOPT_OPENSOCKETDATA, send);
    (void) curl_easy_setopt(send->easy, CURLOPT_NOSIGNAL, 1L);
    (void) curl_easy_setopt(send->easy, CURLOPT_ERRORBUFFER, send->error);

    /* with a name server that hangs, the thread that asks it is left alone */
    (void) curl_easy_setopt(send->easy, CURLOPT_QUICK_EXIT, 1L);

    send->prev = skep_sender.sends.prev;
    send->next = &skep_sender.sends;
    send->prev->next = send;
    send->next->prev = send;
    channel->inflight++;

    rc = curl_multi_add_handle(skep_sender.multi, send->easy);

    if (rc != CURLM_OK) {
        skep_log(SKEP_LOG_ERROR, "%s: %s", channel->name,
                 curl_multi_strerror(rc));
        skep_sender_end(send, CURLE_FAILED_INIT);
        return -1;
    }

    return 0;
}


curl_socket_t
skep_sender_socket(skep_send_t *send, const struct curl_sockaddr *address)
{
    int  fd;

    fd = socket(address->family, address->socktype|SOCK_CLOEXEC,
                address->protocol);

    /* of several addresses the last one counts */

    send->starved = (fd == -1 && (errno == EMFILE || errno == ENFILE
                                  || errno == ENOBUFS || errno == ENOMEM));

    return fd == -1 ? CURL_SOCKET_BAD : fd;
}


static void
skep_sender_end(skep_send_t *send, CURLcode code)
{
    skep_channel_t  *channel;

    channel = send->channel;

    (void) curl_multi_remove_handle(skep_sender.multi, send->easy);

    send->prev->next = send->next;
    send->next->prev = send->prev;

    skep_sender.used_at = skep_now();

    channel->inflight--;
    channel->due = 1;
    channel->kept = 1;

    if (send->starved && code != CURLE_OK) {
        skep_log(SKEP_LOG_WARN, "%s: no descriptor, or no memory, for a"
                 " connection", channel->name);
        code = CURLE_ABORTED_BY_CALLBACK;
    }

    channel->done(channel, send, code);
}


void
skep_sender_wake(void)
{
    atomic_store(&skep_sender.woken, 1);

    (void) pthread_mutex_lock(&skep_sender.mutex);
    (void) curl_multi_wakeup(skep_sender.multi);
    (void) pthread_mutex_unlock(&skep_sender.mutex);
}


void
skep_sender_look(int64_t ms)
{
    int64_t  at;

    at = skep_now() + ms;

    if (at < skep_sender.poll_at) {
        skep_sender.poll_at = at;
    }
}


static void
skep_sender_stop(void *data)
{
    (void) data;

    skep_sender_wake();
}


void
skep_sender_free(void)
{
    unsigned  i;

    skep_sender_leave();

    for (i = 0; i < skep_sender.nchannels; i++) {
        skep_sender.channels[i]->destroy(skep_sender.channels[i]);
    }

    (void) curl_multi_cleanup(skep_sender.multi);
}
