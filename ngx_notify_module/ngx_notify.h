
/*
 * ngx_notify_module: events to Redis, notifications, webhooks.
 */


#ifndef _NGX_NOTIFY_H_INCLUDED_
#define _NGX_NOTIFY_H_INCLUDED_


#include "ngx_api.h"
#include "ngx_notify_sql.h"
#include "skep_wire.h"


typedef struct {
    ngx_str_t   stream;         /* no data: not set; empty: off */
} ngx_notify_main_conf_t;


extern ngx_module_t             ngx_notify_module;

extern const ngx_api_route_t    ngx_notify_routes[];


/* for init_process: from now on what is committed is added to this stream,
 * which stays in place; an empty name: nothing is */
void ngx_notify_publish_init(const ngx_str_t *stream);


#endif /* _NGX_NOTIFY_H_INCLUDED_ */
