
/*
 * Deliveries of a webhook: the list, a test, another attempt.
 */


#include "ngx_notify_webhook.h"


typedef enum {
    NGX_NOTIFY_DELIVERY_LIMIT = 0,
    NGX_NOTIFY_DELIVERY_CURSOR,
    NGX_NOTIFY_DELIVERY_FILTERS
} ngx_notify_delivery_arg_e;


static void ngx_notify_delivery_send(ngx_http_request_t *r,
    const PGresult *res);
static void ngx_notify_delivery_send_page(ngx_http_request_t *r,
    const PGresult *res);


const ngx_api_problem_t  ngx_notify_webhook_disabled = {
    409, ngx_string("webhook_disabled"),
    ngx_string("The webhook is disabled"),
    ngx_string("Enable it first: nothing is sent to it now."), 0
};


const ngx_str_t  ngx_notify_delivery_statuses[] = {
    ngx_string("pending"),
    ngx_string("delivered"),
    ngx_string("failed"),
    ngx_null_string
};


const ngx_api_field_t  ngx_notify_delivery_args[] = {

    { ngx_string("limit"), NGX_API_INTEGER, 0, 1, 100, 0, NULL, "20" },

    { ngx_string("cursor"), NGX_API_CURSOR, 0, 0, 0, 0, NULL, NULL },

    NGX_NOTIFY_DELIVERY_FIELDS(ngx_api_field_args, ngx_api_field_args)

    ngx_api_null_field
};


void
ngx_notify_delivery_list(ngx_http_request_t *r)
{
    ngx_int_t               rc;
    const char             *values[5], *page[3];
    const ngx_api_value_t  *args;

    args = ngx_api_args(r);
    page[2] = NULL;

    rc = ngx_api_page_values(r, &args[NGX_NOTIFY_DELIVERY_LIMIT],
                             &args[NGX_NOTIFY_DELIVERY_CURSOR],
                             NGX_NOTIFY_CURSOR_DELIVERIES, page);
    if (rc != NGX_OK) {
        ngx_api_finish(r, rc);
        return;
    }

    values[0] = (char *) ngx_api_identity(r)->user.data;
    values[1] = ngx_api_path_id(r, 0);
    values[2] = page[0];
    values[3] = page[2];
    values[4] = args[NGX_NOTIFY_DELIVERY_FILTERS].text;

    ngx_api_pg_exec(r, NGX_NOTIFY_SQL_DELIVERY_LIST, values,
                    ngx_notify_delivery_send_page);
}


void
ngx_notify_webhook_test(ngx_http_request_t *r)
{
    ngx_int_t       rc;
    const char     *values[6];
    ngx_api_ids_t  *ids;

    ids = ngx_api_ids(r);
    rc = ngx_api_idempotency(r, &values[4], &values[5]);

    if (ids == NULL || rc == NGX_ERROR) {
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    values[0] = (char *) ngx_api_identity(r)->user.data;
    values[1] = ngx_api_path_id(r, 0);
    values[2] = ids->id;
    values[3] = ids->event_id;

    ngx_api_pg_exec(r, rc == NGX_OK ? NGX_NOTIFY_SQL_WEBHOOK_TEST_KEYED
                                    : NGX_NOTIFY_SQL_WEBHOOK_TEST,
                    values, ngx_notify_delivery_send);
}


void
ngx_notify_delivery_retry(ngx_http_request_t *r)
{
    const char  *values[3];

    values[0] = (char *) ngx_api_identity(r)->user.data;
    values[1] = ngx_api_path_id(r, 0);
    values[2] = ngx_api_path_id(r, 1);

    ngx_api_pg_exec(r, NGX_NOTIFY_SQL_DELIVERY_RETRY, values,
                    ngx_notify_delivery_send);
}


static void
ngx_notify_delivery_send(ngx_http_request_t *r, const PGresult *res)
{
    if (ngx_api_refused(r, res, &ngx_notify_webhook_disabled)) {
        return;
    }

    ngx_api_send_row(r, NGX_HTTP_ACCEPTED, res, NULL);
}


static void
ngx_notify_delivery_send_page(ngx_http_request_t *r, const PGresult *res)
{
    const ngx_api_value_t  *args;

    args = ngx_api_args(r);

    ngx_api_send_page(r, res,
                      (ngx_uint_t) args[NGX_NOTIFY_DELIVERY_LIMIT].integer,
                      NGX_NOTIFY_CURSOR_DELIVERIES);
}
