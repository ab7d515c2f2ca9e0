
/*
 * Notifications: list, read, mark as read, delete.
 */


#include "ngx_notify.h"


typedef enum {
    NGX_NOTIFY_INBOX_UNREAD = 0,
    NGX_NOTIFY_INBOX_LIMIT,
    NGX_NOTIFY_INBOX_CURSOR
} ngx_notify_inbox_arg_e;


/* before the first of a list; there is no such number */
#define NGX_NOTIFY_N_MAX      "9223372036854775807"

/* how many one statement marks, so that none holds a connection for long */
#define NGX_NOTIFY_READ       1000
#define NGX_NOTIFY_READ_TEXT  "1000"


static void ngx_notify_inbox_send(ngx_http_request_t *r, const PGresult *res);
static void ngx_notify_inbox_send_page(ngx_http_request_t *r,
    const PGresult *res);
static void ngx_notify_inbox_read_upto(ngx_http_request_t *r,
    const char *last);
static void ngx_notify_inbox_read_some(ngx_http_request_t *r,
    const PGresult *res);


const ngx_api_field_t  ngx_notify_inbox_args[] = {

    { ngx_string("unread"), NGX_API_BOOLEAN, 0, 0, 0, 0, NULL, "f" },

    { ngx_string("limit"), NGX_API_INTEGER, 0, 1, 100, 0, NULL, "20" },

    { ngx_string("cursor"), NGX_API_CURSOR, 0, 0, 0, 0, NULL, NULL },

    ngx_api_null_field
};


void
ngx_notify_inbox_list(ngx_http_request_t *r)
{
    ngx_int_t               rc;
    const char             *values[3], *page[3];
    const ngx_api_value_t  *args;

    args = ngx_api_args(r);

    page[1] = NGX_NOTIFY_N_MAX;

    rc = ngx_api_page_values(r, &args[NGX_NOTIFY_INBOX_LIMIT],
                             &args[NGX_NOTIFY_INBOX_CURSOR],
                             NGX_NOTIFY_CURSOR_INBOX, page);

    if (rc != NGX_OK) {
        ngx_api_finish(r, rc);
        return;
    }

    values[0] = (char *) ngx_api_identity(r)->user.data;
    values[1] = page[0];
    values[2] = page[1];

    ngx_api_pg_exec(r, args[NGX_NOTIFY_INBOX_UNREAD].integer
                       ? NGX_NOTIFY_SQL_INBOX_LIST_UNREAD
                       : NGX_NOTIFY_SQL_INBOX_LIST,
                    values, ngx_notify_inbox_send_page);
}


void
ngx_notify_inbox_get(ngx_http_request_t *r)
{
    const char  *values[2];

    values[0] = (char *) ngx_api_identity(r)->user.data;
    values[1] = ngx_api_path_id(r, 0);

    ngx_api_pg_exec(r, NGX_NOTIFY_SQL_INBOX_GET, values,
                    ngx_notify_inbox_send);
}


void
ngx_notify_inbox_read(ngx_http_request_t *r)
{
    const char  *values[2];

    values[0] = (char *) ngx_api_identity(r)->user.data;
    values[1] = ngx_api_path_id(r, 0);

    ngx_api_pg_exec(r, NGX_NOTIFY_SQL_INBOX_READ, values,
                    ngx_notify_inbox_send);
}


/*
 * Those that are there when the request comes, by some at a time; what comes
 * meanwhile stays unread.
 */

void
ngx_notify_inbox_read_all(ngx_http_request_t *r)
{
    ngx_notify_inbox_read_upto(r, NULL);
}


static void
ngx_notify_inbox_read_upto(ngx_http_request_t *r, const char *last)
{
    const char  *values[3];

    values[0] = (char *) ngx_api_identity(r)->user.data;
    values[1] = last;
    values[2] = NGX_NOTIFY_READ_TEXT;

    ngx_api_pg_exec(r, NGX_NOTIFY_SQL_INBOX_READ_ALL, values,
                    ngx_notify_inbox_read_some);
}


static void
ngx_notify_inbox_read_some(ngx_http_request_t *r, const PGresult *res)
{
    u_char  *last;

    if (ngx_api_pg_integer(res, 0, 1) < NGX_NOTIFY_READ) {
        ngx_api_finish(r, NGX_HTTP_NO_CONTENT);
        return;
    }

    last = ngx_pnalloc(r->pool, NGX_INT64_LEN + 1);
    if (last == NULL) {
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    *ngx_sprintf(last, "%L", ngx_api_pg_integer(res, 0, 0)) = '\0';

    ngx_notify_inbox_read_upto(r, (char *) last);
}


void
ngx_notify_inbox_delete(ngx_http_request_t *r)
{
    ngx_uint_t   present;
    const char  *values[3];

    if (ngx_api_if_match(r, &values[2], &present) != NGX_OK) {
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    values[0] = (char *) ngx_api_identity(r)->user.data;
    values[1] = ngx_api_path_id(r, 0);

    ngx_api_pg_exec(r, NGX_NOTIFY_SQL_INBOX_DELETE, values,
                    ngx_api_send_done);
}


static void
ngx_notify_inbox_send(ngx_http_request_t *r, const PGresult *res)
{
    ngx_api_send_row(r, NGX_HTTP_OK, res, NULL);
}


static void
ngx_notify_inbox_send_page(ngx_http_request_t *r, const PGresult *res)
{
    const ngx_api_value_t  *args;

    args = ngx_api_args(r);

    ngx_api_send_page(r, res,
                      (ngx_uint_t) args[NGX_NOTIFY_INBOX_LIMIT].integer,
                      NGX_NOTIFY_CURSOR_INBOX);
}
