
/*
 * What the platform's outbound connections share.
 */


#include "ngx_api_event.h"


#define NGX_API_EVENT_DELAY_MIN  20
#define NGX_API_EVENT_DELAY_MAX  1000


ngx_int_t
ngx_api_event_watch(ngx_connection_t *c, ngx_uint_t read, ngx_uint_t write)
{
    ngx_event_t  *rev, *wev;

    rev = c->read;
    wev = c->write;

    if (read && !rev->active) {
        if (ngx_add_event(rev, NGX_READ_EVENT, NGX_LEVEL_EVENT) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (write && !wev->active) {
        if (ngx_add_event(wev, NGX_WRITE_EVENT, NGX_LEVEL_EVENT) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (!read && rev->active) {
        if (ngx_del_event(rev, NGX_READ_EVENT, 0) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (!write && wev->active) {
        if (ngx_del_event(wev, NGX_WRITE_EVENT, 0) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_msec_t
ngx_api_event_backoff(ngx_msec_t *delay)
{
    ngx_msec_t  wait;

    wait = *delay ? *delay : NGX_API_EVENT_DELAY_MIN;
    *delay = ngx_min(wait * 2, NGX_API_EVENT_DELAY_MAX);

    return wait / 2 + (ngx_msec_t) ngx_random() % (wait / 2 + 1);
}
