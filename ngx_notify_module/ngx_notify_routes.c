
/*
 * The calls of notifications and webhooks.
 */


#include "ngx_notify.h"


const ngx_api_route_t  ngx_notify_routes[] = {

    { 0, ngx_null_string, NULL, NULL, NULL, 0 }
};
