
/*
 * One connection to Redis in the event loop.  The socket is nginx's; hiredis
 * writes and reads the protocol on it.  Private to the platform: features use
 * ngx_api_redis.h.
 */


#ifndef _NGX_API_REDIS_CONN_H_INCLUDED_
#define _NGX_API_REDIS_CONN_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "ngx_api_redis.h"


/* const after the configuration was read */
typedef struct {
    ngx_addr_t                 *addrs;    /* tried in turn */
    ngx_uint_t                  naddrs;   /* 0: no api_redis */
    ngx_str_t                   sentinel; /* what the addresses, then those of
                                           * Sentinels, know Redis by; or "" */
    ngx_str_t                   sentinel_password;
    ngx_str_t                   password; /* empty: none */
    ngx_uint_t                  db;
    ngx_msec_t                  timeout;
    ngx_msec_t                  connect_timeout;
} ngx_api_redis_conf_t;


typedef enum {
    NGX_API_REDIS_CLOSED = 0,
    NGX_API_REDIS_CONNECTING,
    NGX_API_REDIS_GREETING,     /* ngx_api_redis_conn_greet() */
    NGX_API_REDIS_READY
} ngx_api_redis_state_e;


typedef struct ngx_api_redis_conn_s  ngx_api_redis_conn_t;


struct ngx_api_redis_conn_s {
    /* the owner's: set before it is opened */
    const ngx_api_redis_conf_t *conf;

    /* commands can be sent */
    void                      (*ready)(ngx_api_redis_conn_t *conn);

    /* the reply is freed afterwards; NGX_ERROR: the connection is of no use */
    ngx_int_t                 (*reply)(ngx_api_redis_conn_t *conn,
                                       const redisReply *reply);

    /* it was ready and is closed: nothing more will be answered */
    void                      (*lost)(ngx_api_redis_conn_t *conn);

    /* the connection's */
    ngx_api_redis_state_e       state;
    ngx_connection_t           *connection;
    redisReader                *reader;

    u_char                     *out;      /* what is still to be sent: */
    size_t                      out_pos;  /* from here .. */
    size_t                      out_len;  /* .. to here */
    size_t                      out_size;

    ngx_event_t                 timer;    /* of connecting */
    ngx_event_t                 reconnect;
    ngx_event_t                 flush;    /* posted: the end of this turn */
    ngx_msec_t                  delay;    /* of the next reconnect */
    ngx_uint_t                  tries;
    ngx_uint_t                  greetings;   /* replies to come */

    ngx_addr_t                  master;   /* as a Sentinel said */
    ngx_sockaddr_t              sockaddr; /* of it */

    unsigned                    asking:1; /* this one is to a Sentinel */
    unsigned                    found:1;  /* the next one is to the master */
    unsigned                    demoted:1;  /* Redis takes no writes any more */
    unsigned                    refused:1;  /* it took no subscription */
    unsigned                    failed:1; /* the last attempt failed */
};


/* opens; from now on it reconnects by itself */
void ngx_api_redis_conn_open(ngx_api_redis_conn_t *conn);

/* when it is ready: takes a command to be sent at the end of this turn.
 * NGX_OK, or NGX_ERROR if too much waits to be sent already */
ngx_int_t ngx_api_redis_conn_send(ngx_api_redis_conn_t *conn, int argc,
    const char **argv, const size_t *argvlen);

/* ends a connection that is of no use any more, from outside its own
 * handlers, and opens another later; what: why, for the log */
void ngx_api_redis_conn_fail(ngx_api_redis_conn_t *conn, ngx_err_t err,
    const char *what);

/*
 * The last command of greeting, which asks a Sentinel where Redis is, and Redis
 * whether it is a master: the words, room for three of them, and how many there
 * are.
 */
int ngx_api_redis_sentinel(const ngx_api_redis_conn_t *conn,
    const char **args, size_t *lens);

/*
 * Reads the answer: notes where the master is, or that this is it.  NULL, or
 * why the connection is of no use.
 */
const char *ngx_api_redis_sentinel_answer(ngx_api_redis_conn_t *conn,
    const redisReply *reply);

/* for good; may be called again, and for one that was never opened */
void ngx_api_redis_conn_close(ngx_api_redis_conn_t *conn);


#endif /* _NGX_API_REDIS_CONN_H_INCLUDED_ */
