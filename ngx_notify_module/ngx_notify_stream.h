
/*
 * The live stream of notifications: what its files share.  All of it is of one
 * worker.
 *
 *   ngx_notify_stream.c   the call; looks after streams and ends them
 *   ngx_notify_client.c   clients, by user, and what is sent to them
 *   ngx_notify_feed.c     what is new: from Redis, or from PostgreSQL
 *   ngx_notify_resume.c   what a client missed: from PostgreSQL
 *
 * Notifications have numbers (notify.events.n), which are without gaps and
 * become visible in their order.  So a client's place is one number, and so is
 * how far the feed has come.  A client is live when its place is not before
 * the feed's: then it gets what the feed brings.  Until then, and when it reads
 * too slowly for a while, it reads the inbox, page by page.
 */


#ifndef _NGX_NOTIFY_STREAM_H_INCLUDED_
#define _NGX_NOTIFY_STREAM_H_INCLUDED_


#include "ngx_notify.h"


typedef struct ngx_notify_text_s    ngx_notify_text_t;
typedef struct ngx_notify_user_s    ngx_notify_user_t;
typedef struct ngx_notify_client_s  ngx_notify_client_t;


/* what is sent; shared by all whom it is sent to, freed with its last use */
struct ngx_notify_text_s {
    ngx_uint_t                      refs;
    size_t                          len;
    u_char                         *data;
};


struct ngx_notify_user_s {
    ngx_rbtree_node_t               node;
    u_char                          id[16];
    ngx_queue_t                     clients;
    ngx_uint_t                      n;        /* of them */
};


/* in the request's pool */
struct ngx_notify_client_s {
    ngx_http_request_t             *request;
    const ngx_notify_loc_conf_t    *conf;
    ngx_notify_user_t              *user;     /* NULL: not, or no longer, among
                                                 the clients */
    int64_t                         n;        /* its place */

    ngx_queue_t                     of_user;
    ngx_queue_t                     ring;     /* of all, in turn */
    ngx_queue_t                     line;     /* of those who want to read, or
                                                 to be live */
    ngx_queue_t                     dirty;    /* of those who have "out" */

    ngx_api_pg_op_t                *op;       /* the page that is being read */
    int64_t                         from;     /* the feed's n when it was asked
                                                 for */
    u_char                          number[NGX_INT64_LEN + 1];

    ngx_chain_t                    *out;      /* not given to nginx yet */
    ngx_chain_t                   **last;
    ngx_chain_t                    *busy;     /* given, not sent */
    ngx_chain_t                    *free;
    size_t                          unsent;   /* bytes of both */

    ngx_msec_t                      heartbeat;  /* when */

    unsigned                        live:1;
    unsigned                        in_line:1;
    unsigned                        is_dirty:1;
    unsigned                        blocked:1;  /* nginx could not send all */
    unsigned                        slow:1;     /* .. and too much waits */
    unsigned                        ends:1;
};


/* ngx_notify_client.c */

void ngx_notify_clients_init(void);

extern ngx_uint_t  ngx_notify_nclients;

/* of a user, 16 bytes; NULL: the user has none */
ngx_notify_user_t *ngx_notify_user_find(const u_char id[16]);

/* the ids of all users with clients as a literal of uuid[], of ngx_alloc();
 * NULL: out of memory */
char *ngx_notify_users_array(void);

/* made for a request, not among the clients; NULL: out of memory */
ngx_notify_client_t *ngx_notify_client_create(ngx_http_request_t *r);

/* NGX_OK, NGX_DECLINED if the user has as many as there may be, or NGX_ERROR;
 * the second only looks */
ngx_int_t ngx_notify_client_attach(ngx_notify_client_t *client,
    const u_char user[16]);
ngx_int_t ngx_notify_client_admit(ngx_notify_client_t *client,
    const u_char user[16]);

/* the client whose turn it is to be looked at; the next one is another; NULL:
 * there is none */
ngx_notify_client_t *ngx_notify_client_turn(void);

/* places after n become n */
void ngx_notify_clients_back(int64_t n);

/* room for a text of so many bytes; NULL: out of memory */
ngx_notify_text_t *ngx_notify_text_create(size_t len);
void ngx_notify_text_release(ngx_notify_text_t *text);

/* a live event of a user: to those clients whose place is before n */
void ngx_notify_user_put(ngx_notify_user_t *user, int64_t n,
    ngx_notify_text_t *text);

/* will be sent by ngx_notify_clients_flush(); NGX_OK or NGX_ERROR */
ngx_int_t ngx_notify_client_put(ngx_notify_client_t *client,
    ngx_notify_text_t *text);

/* sends what was put.  Not within a client's own handler: it may end clients */
void ngx_notify_clients_flush(void);

/* sends what was put.  NGX_OK; NGX_AGAIN: the rest goes out later; NGX_ERROR:
 * the request is to be ended */
ngx_int_t ngx_notify_client_flush(ngx_notify_client_t *client);

/* ends a stream, with a last text; not within its own handler */
void ngx_notify_client_finish(ngx_notify_client_t *client,
    ngx_notify_text_t *text);


/* ngx_notify_feed.c */

ngx_int_t ngx_notify_feed_init(ngx_cycle_t *cycle,
    const ngx_notify_main_conf_t *nmcf);

/* how far it is */
int64_t ngx_notify_feed_n(void);

/* whether PostgreSQL is being read for those who were clients at that time */
ngx_uint_t ngx_notify_feed_reads(void);

/* there is a client, for whom PostgreSQL said that "most" is the last n */
void ngx_notify_feed_enter(int64_t most);

/* what PostgreSQL said is the last n, asked when the feed was at "from" */
void ngx_notify_feed_seen(int64_t most, int64_t from);

/* the text of a row, whose columns are those of a notification; NULL: out of
 * memory */
ngx_notify_text_t *ngx_notify_feed_text(const PGresult *res, int row);


/* ngx_notify_resume.c */

void ngx_notify_resume_init(void);

/* what a client that is not live does next, if it does nothing */
void ngx_notify_resume(ngx_notify_client_t *client);

/* the feed has read PostgreSQL: who waited for that goes on */
void ngx_notify_resume_join(void);

/* those go on whose turn it is; what failed is tried again */
void ngx_notify_resume_run(void);

/* a client goes away */
void ngx_notify_resume_cancel(ngx_notify_client_t *client);


#endif /* _NGX_NOTIFY_STREAM_H_INCLUDED_ */
