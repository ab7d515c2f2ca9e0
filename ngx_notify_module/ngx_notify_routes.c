
/*
 * The calls of notifications and webhooks.
 */


#include "ngx_notify.h"
#include "ngx_notify_webhook.h"


const ngx_api_route_t  ngx_notify_routes[] = {

    { NGX_HTTP_GET, ngx_string("/v1/notifications"), ngx_notify_inbox_list,
      NULL, ngx_notify_inbox_args, 0 },

    { NGX_HTTP_POST, ngx_string("/v1/notifications/read-all"),
      ngx_notify_inbox_read_all, NULL, NULL, 0 },

    { NGX_HTTP_GET, ngx_string("/v1/notifications/{id}"),
      ngx_notify_inbox_get, NULL, NULL, 0 },

    { NGX_HTTP_DELETE, ngx_string("/v1/notifications/{id}"),
      ngx_notify_inbox_delete, NULL, NULL, 0 },

    { NGX_HTTP_POST, ngx_string("/v1/notifications/{id}/read"),
      ngx_notify_inbox_read, NULL, NULL, 0 },

    { NGX_HTTP_GET, ngx_string("/v1/me/notification-settings"),
      ngx_notify_settings_get, NULL, NULL, 0 },

    { NGX_HTTP_PATCH, ngx_string("/v1/me/notification-settings"),
      ngx_notify_settings_patch, ngx_notify_settings_fields, NULL,
      NGX_API_ROUTE_PARTIAL },

    { NGX_HTTP_GET, ngx_string("/v1/notifications/stream"),
      ngx_notify_stream_open, NULL, ngx_notify_stream_args, 0 },

    { NGX_HTTP_GET, ngx_string("/v1/webhooks"), ngx_notify_webhook_list,
      NULL, ngx_notify_webhook_args, 0 },

    { NGX_HTTP_POST, ngx_string("/v1/webhooks"), ngx_notify_webhook_create,
      ngx_notify_webhook_fields, NULL, NGX_API_ROUTE_KEYED },

    { NGX_HTTP_GET, ngx_string("/v1/webhooks/{id}"), ngx_notify_webhook_get,
      NULL, NULL, 0 },

    { NGX_HTTP_PUT, ngx_string("/v1/webhooks/{id}"),
      ngx_notify_webhook_replace, ngx_notify_webhook_fields, NULL, 0 },

    { NGX_HTTP_PATCH, ngx_string("/v1/webhooks/{id}"),
      ngx_notify_webhook_patch, ngx_notify_webhook_fields, NULL,
      NGX_API_ROUTE_PARTIAL },

    { NGX_HTTP_DELETE, ngx_string("/v1/webhooks/{id}"),
      ngx_notify_webhook_delete, NULL, NULL, 0 },

    { NGX_HTTP_POST, ngx_string("/v1/webhooks/{id}/rotate-secret"),
      ngx_notify_webhook_rotate, NULL, NULL, NGX_API_ROUTE_KEYED },

    { NGX_HTTP_POST, ngx_string("/v1/webhooks/{id}/test"),
      ngx_notify_webhook_test, NULL, NULL, NGX_API_ROUTE_KEYED },

    { NGX_HTTP_GET, ngx_string("/v1/webhooks/{id}/deliveries"),
      ngx_notify_delivery_list, NULL, ngx_notify_delivery_args, 0 },

    { NGX_HTTP_POST,
      ngx_string("/v1/webhooks/{id}/deliveries/{delivery_id}/retry"),
      ngx_notify_delivery_retry, NULL, NULL, 0 },

    { 0, ngx_null_string, NULL, NULL, NULL, 0 }
};
