
/*
 * What the platform's outbound connections share.  Private.
 */


#ifndef _NGX_API_EVENT_H_INCLUDED_
#define _NGX_API_EVENT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>


/* registers a connection, level-triggered, for exactly these events; NGX_OK or
 * NGX_ERROR */
ngx_int_t ngx_api_event_watch(ngx_connection_t *c, ngx_uint_t read,
    ngx_uint_t write);

/*
 * How long to wait before the next attempt to connect, ms: *delay, which then
 * is doubled, up to a second; 0 begins with 20 ms.  Half of it is random, so
 * that workers do not come in step.
 */
ngx_msec_t ngx_api_event_backoff(ngx_msec_t *delay);


#endif /* _NGX_API_EVENT_H_INCLUDED_ */
