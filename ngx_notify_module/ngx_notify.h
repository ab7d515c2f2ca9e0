
/*
 * ngx_notify_module: events to Redis, notifications, webhooks.
 */


#ifndef _NGX_NOTIFY_H_INCLUDED_
#define _NGX_NOTIFY_H_INCLUDED_


#include "ngx_api.h"
#include "ngx_notify_sql.h"
#include "skep_wire.h"


/* what a cursor has for the list that it is of */
#define NGX_NOTIFY_CURSOR_INBOX  1


typedef struct {
    ngx_str_t    stream;            /* no data: not set; empty: off */
    ngx_str_t    maxlen;            /* of the stream, a number */
    ngx_uint_t   api;               /* notify_api is on somewhere */

    /* of webhooks */
    ngx_flag_t   webhook_http;
    ngx_int_t    webhook_max;       /* of a user */
    u_char       webhook_max_text[NGX_INT_T_LEN + 1];
    ngx_array_t  webhook_ranges;    /* of skep_range_t: allowed addresses */
} ngx_notify_main_conf_t;


typedef struct {
    ngx_msec_t  stream_heartbeat;
    size_t      stream_buffer;
    ngx_uint_t  stream_max;     /* of one user, in a worker */
} ngx_notify_loc_conf_t;


extern ngx_module_t             ngx_notify_module;

extern const ngx_api_route_t    ngx_notify_routes[];

extern const ngx_api_field_t    ngx_notify_inbox_args[];
extern const ngx_api_field_t    ngx_notify_settings_fields[];
extern const ngx_api_field_t    ngx_notify_stream_args[];


/* Handlers: see ngx_api_route.h. */
void ngx_notify_inbox_list(ngx_http_request_t *r);
void ngx_notify_inbox_get(ngx_http_request_t *r);
void ngx_notify_inbox_read(ngx_http_request_t *r);
void ngx_notify_inbox_read_all(ngx_http_request_t *r);
void ngx_notify_inbox_delete(ngx_http_request_t *r);

void ngx_notify_settings_get(ngx_http_request_t *r);
void ngx_notify_settings_patch(ngx_http_request_t *r);

void ngx_notify_stream_open(ngx_http_request_t *r);

/* at configuration time, when all is read: what is counted; NGX_OK or
 * NGX_ERROR */
ngx_int_t ngx_notify_metrics_add(ngx_conf_t *cf,
    const ngx_notify_main_conf_t *nmcf);

extern ngx_api_metric_t         ngx_notify_stream_clients;
extern ngx_api_metric_t         ngx_notify_published;
extern ngx_api_metric_t         ngx_notify_lost;

/* for init_process: from now on there may be streams; NGX_OK or NGX_ERROR */
ngx_int_t ngx_notify_stream_init(ngx_cycle_t *cycle,
    const ngx_notify_main_conf_t *nmcf);


/* for init_process: from now on what is committed is added to this stream,
 * which stays in place; an empty name: nothing is */
void ngx_notify_publish_init(const ngx_str_t *stream, const ngx_str_t *maxlen);


#endif /* _NGX_NOTIFY_H_INCLUDED_ */
