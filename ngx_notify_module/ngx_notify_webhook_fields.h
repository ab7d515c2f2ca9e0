
/*
 * The fields of a webhook and of a delivery, declared once: see
 * ngx_api_fields.h.  A webhook's secret is none: it is shown when it is made.
 */


#ifndef _NGX_NOTIFY_WEBHOOK_FIELDS_H_INCLUDED_
#define _NGX_NOTIFY_WEBHOOK_FIELDS_H_INCLUDED_


#include "ngx_api_fields.h"


#define NGX_NOTIFY_WEBHOOK_FIELDS(W, R)                                       \
    R(id, uuid, UUID, NOT_NULL, NO, NO)                                       \
    W(project_id, uuid, UUID, NULLABLE, NO, NO)                               \
    W(url, text, CHECKED(ngx_notify_webhook_url, 1, 2048), REQUIRED, NO, NO)  \
    W(events, text[], NAMES(ngx_notify_webhook_events, 1, 9), REQUIRED, NO,   \
      NO)                                                                     \
    W(enabled, boolean, BOOLEAN, PRESET("t"), NO, NO)                         \
    R(disabled_reason, text, STRING(1, 20), NULLABLE, NO, NO)                 \
    R(created_at, timestamptz, TIMESTAMP, NOT_NULL, NO, SORT_ID)              \
    R(updated_at, timestamptz, TIMESTAMP, NOT_NULL, NO, NO)                   \
    R(version, bigint, INTEGER(1, 9223372036854775807), NOT_NULL, NO, NO)


#define NGX_NOTIFY_DELIVERY_FIELDS(W, R)                                      \
    R(id, uuid, UUID, NOT_NULL, NO, NO)                                       \
    R(event_id, uuid, UUID, NOT_NULL, NO, NO)                                 \
    R(type, text, STRING(1, 40), NOT_NULL, NO, NO)                            \
    R(status, text, ENUM(ngx_notify_delivery_statuses), NOT_NULL,             \
      FILTER(status), NO)                                                     \
    R(attempts, integer, INTEGER(0, 2147483647), NOT_NULL, NO, NO)            \
    R(next_attempt_at, timestamptz, TIMESTAMP, NULLABLE, NO, NO)              \
    R(last_attempt_at, timestamptz, TIMESTAMP, NULLABLE, NO, NO)              \
    R(response_status, integer, INTEGER(100, 999), NULLABLE, NO, NO)          \
    R(response_body, text, STRING(0, 1024), NULLABLE, NO, NO)                 \
    R(duration_ms, integer, INTEGER(0, 2147483647), NULLABLE, NO, NO)         \
    R(error, text, STRING(1, 1000), NULLABLE, NO, NO)                         \
    R(created_at, timestamptz, TIMESTAMP, NOT_NULL, NO, NO)


/* those of a webhook that a client may set */
enum {
    NGX_NOTIFY_WEBHOOK_FIELDS_N = 0
        NGX_NOTIFY_WEBHOOK_FIELDS(ngx_api_field_count, ngx_api_field_skip)
};


extern const ngx_str_t        ngx_notify_webhook_events[];
extern const ngx_str_t        ngx_notify_delivery_statuses[];

/* what a body may hold: all for POST and PUT; PATCH is partial */
extern const ngx_api_field_t  ngx_notify_webhook_fields[];


#endif /* _NGX_NOTIFY_WEBHOOK_FIELDS_H_INCLUDED_ */
