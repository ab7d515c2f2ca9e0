
/*
 * Webhooks and their deliveries: what the routes need.
 */


#ifndef _NGX_NOTIFY_WEBHOOK_H_INCLUDED_
#define _NGX_NOTIFY_WEBHOOK_H_INCLUDED_


#include "ngx_notify.h"
#include "ngx_notify_webhook_fields.h"


/* the numbers in cursors (ngx_api_page_start()): the first, for the first
 * order */
#define NGX_NOTIFY_CURSOR_WEBHOOKS    192
#define NGX_NOTIFY_CURSOR_DELIVERIES  208


extern const ngx_api_field_t    ngx_notify_webhook_args[];
extern const ngx_api_field_t    ngx_notify_delivery_args[];

/* outcomes of statements: too_many_webhooks, webhook_disabled */
extern const ngx_api_problem_t  ngx_notify_too_many_webhooks;
extern const ngx_api_problem_t  ngx_notify_webhook_disabled;


/* at configuration time: what is not set yet, the defaults, a directive */
ngx_int_t ngx_notify_webhook_conf_create(ngx_conf_t *cf,
    ngx_notify_main_conf_t *nmcf);
void ngx_notify_webhook_conf_init(ngx_notify_main_conf_t *nmcf);
char *ngx_notify_webhook_allow_address(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


/* Handlers: see ngx_api_route.h. */
void ngx_notify_webhook_list(ngx_http_request_t *r);
void ngx_notify_webhook_create(ngx_http_request_t *r);
void ngx_notify_webhook_get(ngx_http_request_t *r);
void ngx_notify_webhook_replace(ngx_http_request_t *r);
void ngx_notify_webhook_patch(ngx_http_request_t *r);
void ngx_notify_webhook_delete(ngx_http_request_t *r);
void ngx_notify_webhook_rotate(ngx_http_request_t *r);
void ngx_notify_webhook_test(ngx_http_request_t *r);

void ngx_notify_delivery_list(ngx_http_request_t *r);
void ngx_notify_delivery_retry(ngx_http_request_t *r);


#endif /* _NGX_NOTIFY_WEBHOOK_H_INCLUDED_ */
