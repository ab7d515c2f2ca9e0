
/*
 * One delivery of a webhook on its way: the request, and what came of it.
 */


#ifndef _SKEP_WEBHOOK_SEND_H_INCLUDED_
#define _SKEP_WEBHOOK_SEND_H_INCLUDED_


#include "skep_address.h"
#include "skep_sender.h"
#include "skep_trace.h"


#define SKEP_WEBHOOK_ANSWER  1024              /* bytes kept of an answer */
#define SKEP_WEBHOOK_READ    (64 * 1024)       /* bytes read of it */
#define SKEP_WEBHOOK_UUID    37
#define SKEP_WEBHOOK_LEASE   40


/* where requests may go; it outlives them */

typedef struct {
    skep_range_t         *allowed;             /* though not public */
    size_t                nallowed;
} skep_webhook_reach_t;


typedef struct skep_webhook_send_s  skep_webhook_send_t;

struct skep_webhook_send_s {
    skep_send_t                  send;         /* the first */
    skep_webhook_send_t         *next;         /* for the channel */
    skep_webhook_send_t         *prev;

    /* as it was claimed */
    char                         id[SKEP_WEBHOOK_UUID];
    char                         webhook[SKEP_WEBHOOK_UUID];
    char                         lease[SKEP_WEBHOOK_LEASE];
    char                         request_id[SKEP_REQUEST_ID];
    unsigned                     attempt;      /* 1, 2, .. */
    unsigned                     failing:1;

    /* under way */
    unsigned                     denied:1;     /* an address was */
    unsigned                     headed:1;     /* its head has come wholly */
    unsigned                     cut:1;        /* the answer was */
    const skep_webhook_reach_t  *reach;
    struct curl_slist           *headers;
    size_t                       received;

    /* how it ended */
    unsigned                     delivered:1;
    unsigned                     gone:1;
    long                         status;       /* 0: no answer */
    int64_t                      duration;     /* ms */
    int64_t                      asked;        /* Retry-After, ms */
    const char                  *error;        /* static, or NULL */
    size_t                       answer_len;
    char                         answer[SKEP_WEBHOOK_ANSWER];
};


/* what is to be sent */

typedef struct {
    const char                  *url;
    const char                  *event_id;
    const char                  *body;
    size_t                       body_len;
    const char                  *trace;        /* "": none */
    struct {
        const unsigned char     *bytes;
        size_t                   len;
    } secrets[2];                              /* bytes NULL: none */
} skep_webhook_request_t;


/*
 * Sets up a request: signs it, and makes the easy handle.  Nothing of request
 * or conf is kept.  Returns 0, or -1 if there is no memory.
 */
int skep_webhook_send_init(skep_webhook_send_t *s, const skep_conf_t *conf,
    const skep_webhook_reach_t *reach, const skep_webhook_request_t *request);

/*
 * The transfer has ended: sets how, and frees the easy handle and what else
 * belongs to the request.
 */
void skep_webhook_send_done(skep_webhook_send_t *s, CURLcode code);

/* frees what belongs to the request; idempotent */
void skep_webhook_send_free(skep_webhook_send_t *s);


#endif /* _SKEP_WEBHOOK_SEND_H_INCLUDED_ */
