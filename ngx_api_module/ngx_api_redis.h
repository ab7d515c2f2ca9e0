
/*
 * Redis in the event loop: hiredis, one connection for commands and one for
 * subscriptions in each worker (api_redis).  Nothing waits for Redis: a command
 * that can't be sent fails at once, one without an answer after
 * api_redis_timeout.
 */


#ifndef _NGX_API_REDIS_H_INCLUDED_
#define _NGX_API_REDIS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <hiredis/hiredis.h>


/* reply is hiredis's and valid during the call; NULL: no answer (not sent,
 * timed out, connection lost).  An error of Redis is a reply of type
 * REDIS_REPLY_ERROR. */
typedef void (*ngx_api_redis_handler_pt)(void *data, const redisReply *reply);

typedef struct ngx_api_redis_op_s  ngx_api_redis_op_t;


/* whether api_redis is configured: known once all is read */
ngx_uint_t ngx_api_redis_configured(ngx_conf_t *cf);

/*
 * Sends a command; those of one turn of the event loop go out together.  The
 * arguments are copied.  handler may be NULL.  Returns the operation, or NULL
 * if Redis is away (handler is not called then).
 */
ngx_api_redis_op_t *ngx_api_redis_command(int argc, const char **argv,
    const size_t *argvlen, ngx_api_redis_handler_pt handler, void *data);

/* whose operation it is, for the log, when nobody waits for the answer; op may
 * be NULL */
void ngx_api_redis_whose(ngx_api_redis_op_t *op, ngx_http_request_t *r);

/* forgets an operation: its handler is not called any more */
void ngx_api_redis_detach(ngx_api_redis_op_t *op);


/*
 * Subscribes this worker to a channel, in init_process, for good: over every
 * reconnect.  message is called for each message; connected each time the
 * subscription stands (messages before it may have been missed: read what you
 * missed elsewhere); lost, which may be NULL, when it stands no more.  Without
 * api_redis it does nothing.  The structure stays in place; NGX_OK, or
 * NGX_ERROR if there are too many.
 */
typedef struct {
    ngx_str_t    channel;
    void       (*message)(void *data, const ngx_str_t *text);
    void       (*connected)(void *data);
    void       (*lost)(void *data);
    void        *data;
} ngx_api_redis_subscription_t;

ngx_int_t ngx_api_redis_subscribe(
    const ngx_api_redis_subscription_t *subscription);


#endif /* _NGX_API_REDIS_H_INCLUDED_ */
