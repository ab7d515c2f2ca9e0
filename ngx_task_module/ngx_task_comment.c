
/*
 * Comments on a task: list, create, read, patch, delete.
 */


#include "ngx_task.h"


typedef enum {
    NGX_TASK_COMMENT_LIMIT = 0,
    NGX_TASK_COMMENT_CURSOR,
    NGX_TASK_COMMENT_SORT
} ngx_task_comment_arg_e;


static void ngx_task_comment_send(ngx_http_request_t *r, const PGresult *res);
static void ngx_task_comment_send_created(ngx_http_request_t *r,
    const PGresult *res);
static void ngx_task_comment_send_page(ngx_http_request_t *r,
    const PGresult *res);


const ngx_api_field_t  ngx_task_comment_fields[] = {
    ngx_api_field_table(NGX_TASK_COMMENT_FIELDS)
};


/* by index the same as the statements from NGX_TASK_SQL_COMMENT_LIST on:
 * ascending, descending */

static const ngx_str_t  ngx_task_comment_sorts[] = {
    NGX_TASK_COMMENT_FIELDS(ngx_api_field_sorts, ngx_api_field_sorts)
    ngx_null_string
};


const ngx_api_field_t  ngx_task_comment_args[] = {

    { ngx_string("limit"), NGX_API_INTEGER, 0, 1, 100, 0, NULL, "20" },

    { ngx_string("cursor"), NGX_API_CURSOR, 0, 0, 0, 0, NULL, NULL },

    { ngx_string("sort"), NGX_API_ENUM, 0, 0, 0, 0, ngx_task_comment_sorts,
      "created_at" },

    ngx_api_null_field
};


void
ngx_task_comment_list(ngx_http_request_t *r)
{
    ngx_int_t               rc;
    ngx_uint_t              sort;
    const char             *values[4], *page[3];
    const ngx_api_value_t  *args;

    args = ngx_api_args(r);
    sort = (ngx_uint_t) args[NGX_TASK_COMMENT_SORT].integer;

    page[2] = sort ? NGX_TASK_ID_MAX : NGX_TASK_ID_MIN;

    rc = ngx_api_page_values(r, &args[NGX_TASK_COMMENT_LIMIT],
                             &args[NGX_TASK_COMMENT_CURSOR],
                             NGX_TASK_CURSOR_COMMENTS + sort, page);

    if (rc != NGX_OK) {
        ngx_api_finish(r, rc);
        return;
    }

    values[0] = (char *) ngx_api_identity(r)->user.data;
    values[1] = ngx_api_path_id(r, 0);
    values[2] = page[0];
    values[3] = page[2];

    ngx_api_pg_exec(r, NGX_TASK_SQL_COMMENT_LIST + sort, values,
                    ngx_task_comment_send_page);
}


void
ngx_task_comment_create(ngx_http_request_t *r)
{
    ngx_int_t        rc;
    ngx_uint_t       i;
    const char      *values[7 + NGX_TASK_COMMENT_FIELDS_N];
    ngx_api_ids_t   *ids;

    i = 4 + NGX_TASK_COMMENT_FIELDS_N;

    ids = ngx_api_ids(r);
    rc = ngx_api_idempotency(r, &values[i + 1], &values[i + 2]);

    if (ids == NULL || rc == NGX_ERROR) {
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    values[0] = (char *) ngx_api_identity(r)->user.data;
    values[1] = ids->id;
    values[2] = ids->created_at;
    values[3] = ngx_api_path_id(r, 0);
    values[i] = ids->event_id;

    ngx_api_values(ngx_api_body(r), NGX_TASK_COMMENT_FIELDS_N, &values[4]);

    ngx_api_pg_exec(r, rc == NGX_OK ? NGX_TASK_SQL_COMMENT_CREATE_KEYED
                                    : NGX_TASK_SQL_COMMENT_CREATE,
                    values, ngx_task_comment_send_created);
}


void
ngx_task_comment_get(ngx_http_request_t *r)
{
    const char  *values[2];

    values[0] = (char *) ngx_api_identity(r)->user.data;
    values[1] = ngx_api_path_id(r, 0);

    ngx_api_pg_exec(r, NGX_TASK_SQL_COMMENT_GET, values,
                    ngx_task_comment_send);
}


void
ngx_task_comment_patch(ngx_http_request_t *r)
{
    ngx_int_t               rc;
    const char             *values[4 + NGX_TASK_COMMENT_FIELDS_N];
    const ngx_api_value_t  *body;

    rc = ngx_task_if_match(r, &values[2]);

    if (rc != NGX_OK) {
        ngx_api_finish(r, rc);
        return;
    }

    body = ngx_api_body(r);

    values[0] = (char *) ngx_api_identity(r)->user.data;
    values[1] = ngx_api_path_id(r, 0);
    values[3] = ngx_api_mask(r, ngx_api_given(body,
                                              NGX_TASK_COMMENT_FIELDS_N));
    if (values[3] == NULL) {
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    ngx_api_values(body, NGX_TASK_COMMENT_FIELDS_N, &values[4]);

    ngx_api_pg_exec(r, NGX_TASK_SQL_COMMENT_UPDATE, values,
                    ngx_task_comment_send);
}


void
ngx_task_comment_delete(ngx_http_request_t *r)
{
    ngx_int_t    rc;
    const char  *values[3];

    rc = ngx_task_if_match(r, &values[2]);

    if (rc != NGX_OK) {
        ngx_api_finish(r, rc);
        return;
    }

    values[0] = (char *) ngx_api_identity(r)->user.data;
    values[1] = ngx_api_path_id(r, 0);

    ngx_api_pg_exec(r, NGX_TASK_SQL_COMMENT_DELETE, values,
                    ngx_api_send_done);
}


static void
ngx_task_comment_send(ngx_http_request_t *r, const PGresult *res)
{
    ngx_api_send_row(r, NGX_HTTP_OK, res, NULL);
}


static void
ngx_task_comment_send_created(ngx_http_request_t *r, const PGresult *res)
{
    ngx_api_send_row(r, NGX_HTTP_CREATED, res, "/v1/comments/");
}


static void
ngx_task_comment_send_page(ngx_http_request_t *r, const PGresult *res)
{
    const ngx_api_value_t  *args;

    args = ngx_api_args(r);

    ngx_api_send_page(r, res,
                      (ngx_uint_t) args[NGX_TASK_COMMENT_LIMIT].integer,
                      NGX_TASK_CURSOR_COMMENTS
                      + (ngx_uint_t) args[NGX_TASK_COMMENT_SORT].integer);
}
