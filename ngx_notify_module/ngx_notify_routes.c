
/*
 * The calls of notifications and webhooks.
 */


#include "ngx_notify.h"


const ngx_api_route_t  ngx_notify_routes[] = {

    { NGX_HTTP_GET, ngx_string("/v1/notifications/stream"),
      ngx_notify_stream_open, NULL, ngx_notify_stream_args, 0 },

    { 0, ngx_null_string, NULL, NULL, NULL, 0 }
};
