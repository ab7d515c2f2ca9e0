
/*
 * The sender: one thread, one libcurl multi loop.  It sends what is due in
 * PostgreSQL and goes out by a protocol that libcurl speaks.
 *
 * What is sent, how, and what becomes of the answer is a channel's business.
 * A turn of the loop:
 *
 *     claim   the channel takes due rows by a lease and, for each, starts a
 *             transfer; it is asked when somebody woke the sender, once a
 *             second, and, if it left some, when a transfer has ended
 *     done    a transfer has ended: the channel keeps the outcome, and frees
 *             the transfer
 *     record  the channel writes the outcomes it keeps, in one statement
 *
 * Claim and record may be called any number of times: what was sent and could
 * not be recorded is due again when its lease runs out.  So everything is sent
 * at least once.
 *
 * All functions of a channel are called in the sender's thread.  They may wait
 * for PostgreSQL and for nothing else.
 */


#ifndef _SKEP_SENDER_H_INCLUDED_
#define _SKEP_SENDER_H_INCLUDED_


#include <curl/curl.h>
#include <libpq-fe.h>


typedef struct skep_sender_s   skep_sender_t;
typedef struct skep_channel_s  skep_channel_t;
typedef struct skep_send_s     skep_send_t;


/*
 * One transfer.  A channel makes it, as the first member of a structure of its
 * own, and sets up the easy handle but for CURLOPT_PRIVATE, CURLOPT_NOSIGNAL,
 * CURLOPT_QUICK_EXIT and CURLOPT_ERRORBUFFER, which are the sender's.
 */
struct skep_send_s {
    CURL             *easy;
    skep_channel_t   *channel;
    skep_send_t      *prev;            /* of those in flight */
    skep_send_t      *next;
    char              error[CURL_ERROR_SIZE];
};


struct skep_channel_s {
    const char       *name;            /* for the log */
    unsigned          most;            /* transfers in flight at once */

    skep_sender_t    *sender;          /* set by skep_sender_add() */
    unsigned          inflight;
    unsigned          due:1;           /* ask it for rows */
    unsigned          left:1;          /* the last claim left some */

    /*
     * Claims at most room rows, and calls skep_sender_start() for each.
     * Returns 0 if all that was due was taken, 1 if some may be left, or -1 if
     * PostgreSQL failed.
     */
    int             (*claim)(skep_channel_t *channel, PGconn *pg,
                             unsigned room);

    /*
     * The transfer has ended with this code.  Its easy handle is out of the
     * multi handle; the channel destroys it and the structure.  With
     * CURLE_ABORTED_BY_CALLBACK the sender gives up because it is to end:
     * nothing is to be recorded, the row comes back by its lease.
     */
    void            (*done)(skep_channel_t *channel, skep_send_t *send,
                            CURLcode code);

    /*
     * Writes the outcomes that done() kept, if any, and forgets them.
     * Returns 0, or -1 if some are left because PostgreSQL failed: the sender
     * comes again, and claims nothing for this channel before.
     */
    int             (*record)(skep_channel_t *channel, PGconn *pg);

    /* frees the channel; none of its transfers is in flight then */
    void            (*destroy)(skep_channel_t *channel);
};


/* puts a channel, which is the sender's from now on, into it; before it runs */
void skep_sender_add(skep_sender_t *sender, skep_channel_t *channel);

/*
 * Starts a transfer; of a channel's claim() only.  Returns 0, or -1 if libcurl
 * refused: then done() was called already.
 */
int skep_sender_start(skep_channel_t *channel, skep_send_t *send);

/* there may be rows that are due: after a commit; by any thread */
void skep_sender_wake(skep_sender_t *sender);


#endif /* _SKEP_SENDER_H_INCLUDED_ */
