
/*
 * What the worker publishes on the channel of notifications: a run of events
 * and, of each, whom it is for and the notification as it is sent.  The form is
 * told in worker/skep_wire.h.  Pure.
 */


#ifndef _NGX_NOTIFY_WIRE_H_INCLUDED_
#define _NGX_NOTIFY_WIRE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


typedef struct {
    int64_t     first;
    int64_t     last;
    int64_t     n;            /* of the event before; first - 1 at first */
    u_char     *pos;          /* what was not read yet */
    u_char     *end;
    unsigned    empty:1;      /* only tells that there are first .. last */
} ngx_notify_wire_t;


/* points into the message */
typedef struct {
    int64_t     n;
    ngx_str_t   type;
    ngx_str_t   id;           /* UUID text */
    ngx_str_t   json;         /* empty if there are no users */
    u_char     *users;        /* see ngx_notify_wire_user() */
    ngx_uint_t  nusers;
} ngx_notify_wire_event_t;


/* reads the first line; text stays in place.  NGX_OK, or NGX_ERROR if it is no
 * such message. */
ngx_int_t ngx_notify_wire_open(ngx_notify_wire_t *wire, const ngx_str_t *text);

/* the next event: NGX_OK, NGX_DONE after the last one, or NGX_ERROR if what
 * follows is malformed: then no further call.  Of an empty message none. */
ngx_int_t ngx_notify_wire_next(ngx_notify_wire_t *wire,
    ngx_notify_wire_event_t *event);

/* the i-th user of an event, 16 bytes; NGX_OK, or NGX_ERROR if it is no UUID */
ngx_int_t ngx_notify_wire_user(const ngx_notify_wire_event_t *event,
    ngx_uint_t i, u_char id[16]);


#endif /* _NGX_NOTIFY_WIRE_H_INCLUDED_ */
