
/*
 * The sender: one thread, one libcurl multi loop.  It sends what is due in
 * PostgreSQL and goes out by a protocol that libcurl speaks.
 *
 * What is sent, how, and what becomes of the answer is a channel's business.
 * A turn of the loop:
 *
 *     record  the channel writes the outcomes it keeps, in one statement
 *     claim   the channel takes due rows by a lease and, for each, starts a
 *             transfer; it is asked when somebody woke the sender, when one of
 *             its transfers has ended, and at least once a second
 *     done    a transfer has ended: the channel keeps the outcome, and frees
 *             the transfer
 *
 * What was sent and could not be recorded is due again when its lease runs
 * out.  So everything is sent at least once.
 *
 * All functions of a channel are called in the sender's thread.  They may wait
 * for PostgreSQL and for nothing else.
 */


#ifndef _SKEP_SENDER_H_INCLUDED_
#define _SKEP_SENDER_H_INCLUDED_


#include "skep_conf.h"
#include "skep_pg.h"

#include <curl/curl.h>


typedef struct skep_channel_s  skep_channel_t;
typedef struct skep_send_s     skep_send_t;


/*
 * One transfer.  A channel makes it, as the first member of a structure of its
 * own, and sets up the easy handle but for CURLOPT_PRIVATE, CURLOPT_NOSIGNAL,
 * CURLOPT_OPENSOCKETDATA (the transfer), CURLOPT_QUICK_EXIT and
 * CURLOPT_ERRORBUFFER, which are the sender's.
 */
struct skep_send_s {
    CURL             *easy;
    skep_channel_t   *channel;
    skep_send_t      *prev;            /* of those in flight */
    skep_send_t      *next;
    unsigned          starved:1;       /* there was no socket for it */
    char              error[CURL_ERROR_SIZE];
};


struct skep_channel_s {
    const char       *name;            /* for the log */
    unsigned          most;            /* transfers in flight at once */

    /* the sender's */
    unsigned          inflight;
    unsigned          due:1;           /* ask it for rows */
    unsigned          kept:1;          /* outcomes could not be recorded */

    /*
     * Claims at most room rows, and calls skep_sender_start() for each.
     * Returns 0; 1 to be asked again at once; or -1 if PostgreSQL failed.
     */
    int             (*claim)(skep_channel_t *channel, skep_pg_t *pg,
                             const skep_conf_t *conf, unsigned room);

    /*
     * The transfer has ended with this code.  Its easy handle is out of the
     * multi handle; the channel destroys it and the structure.  With
     * CURLE_ABORTED_BY_CALLBACK nothing was wrong with whom it was for: the
     * sender is to end, or had no socket for it, and said so.  Nothing is to be
     * recorded, the row comes back by its lease.
     */
    void            (*done)(skep_channel_t *channel, skep_send_t *send,
                            CURLcode code);

    /*
     * Writes the outcomes that done() kept, if any, and forgets them.
     * Returns 0, or -1 if some are left because PostgreSQL failed: the sender
     * comes again, and claims nothing for this channel before.
     */
    int             (*record)(skep_channel_t *channel, skep_pg_t *pg,
                              const skep_conf_t *conf);

    /*
     * The connections that were kept are about to be closed: libcurl must not
     * wait for anybody then.  NULL: it does not.
     */
    void            (*leave)(skep_channel_t *channel);

    /* frees the channel; none of its transfers is in flight then */
    void            (*destroy)(skep_channel_t *channel);
};


/* before any thread runs; -1 if there is no memory or no descriptor */
int skep_sender_init(void);

/* puts a channel, which is the sender's from now on, into it; before it runs */
void skep_sender_add(skep_channel_t *channel);

/*
 * The thread.  When it is to stop, it claims nothing any more, and returns as
 * soon as what is in flight has ended and was recorded.
 */
void skep_sender_run(void *data);

/* there may be rows that are due: after a commit; by any thread */
void skep_sender_wake(void);

/*
 * The next look for what is due is to be in so many ms, if it is not sooner
 * anyway; of a channel's functions only.
 */
void skep_sender_look(int64_t ms);

/*
 * Starts a transfer; of a channel's claim() only.  Returns 0, or -1 if libcurl
 * refused: then done() was called already.
 */
int skep_sender_start(skep_channel_t *channel, skep_send_t *send);

/*
 * A socket for a transfer: what its CURLOPT_OPENSOCKETFUNCTION returns.  That
 * there was none, for want of descriptors or memory, is no fault of its.
 */
curl_socket_t skep_sender_socket(skep_send_t *send,
    const struct curl_sockaddr *address);

/* after the thread has returned */
void skep_sender_free(void);


#endif /* _SKEP_SENDER_H_INCLUDED_ */
