
/*
 * Projects: list, create, read, replace, patch, delete.
 */


#include "ngx_task.h"


#define NGX_TASK_PROJECT_ALL  ((1 << NGX_TASK_PROJECT_FIELDS_N) - 1)


typedef enum {
    NGX_TASK_PROJECT_LIMIT = 0,
    NGX_TASK_PROJECT_CURSOR,
    NGX_TASK_PROJECT_SORT,
    NGX_TASK_PROJECT_FILTERS
} ngx_task_project_arg_e;

#define NGX_TASK_PROJECT_NFILTERS                                             \
    (0 NGX_TASK_PROJECT_FIELDS(ngx_api_field_nargs, ngx_api_field_nargs))


static void ngx_task_project_update(ngx_http_request_t *r, ngx_uint_t mask);
static void ngx_task_project_send(ngx_http_request_t *r, const PGresult *res);
static void ngx_task_project_send_created(ngx_http_request_t *r,
    const PGresult *res);
static void ngx_task_project_send_deleted(ngx_http_request_t *r,
    const PGresult *res);
static void ngx_task_project_send_page(ngx_http_request_t *r,
    const PGresult *res);


static const ngx_api_problem_t  ngx_task_inbox_not_deletable = {
    409, ngx_string("inbox_not_deletable"),
    ngx_string("The Inbox can't be deleted"),
    ngx_string("Every user has an Inbox; delete or move the tasks in it."), 0
};


const ngx_api_field_t  ngx_task_project_fields[] = {
    ngx_api_field_table(NGX_TASK_PROJECT_FIELDS)
};


static const ngx_str_t  ngx_task_project_sort_names[] = {
    NGX_TASK_PROJECT_FIELDS(ngx_api_field_sorts, ngx_api_field_sorts)
    ngx_null_string
};


const ngx_api_field_t  ngx_task_project_args[] = {

    { ngx_string("limit"), NGX_API_INTEGER, 0, 1, 100, 0, NULL, "20" },

    { ngx_string("cursor"), NGX_API_CURSOR, 0, 0, 0, 0, NULL, NULL },

    { ngx_string("sort"), NGX_API_ENUM, 0, 0, 0, 0,
      ngx_task_project_sort_names, "-created_at" },

    NGX_TASK_PROJECT_FIELDS(ngx_api_field_args, ngx_api_field_args)

    ngx_api_null_field
};


void
ngx_task_project_list(ngx_http_request_t *r)
{
    ngx_int_t               rc;
    ngx_uint_t              i, sort;
    const char             *values[4 + NGX_TASK_PROJECT_NFILTERS];
    const ngx_api_value_t  *args;

    args = ngx_api_args(r);
    sort = (ngx_uint_t) args[NGX_TASK_PROJECT_SORT].integer;

    values[0] = (char *) ngx_api_identity(r)->user.data;
    values[2] = NULL;
    values[3] = NULL;

    for (i = 0; i < NGX_TASK_PROJECT_NFILTERS; i++) {
        values[4 + i] = args[NGX_TASK_PROJECT_FILTERS + i].text;
    }

    rc = ngx_api_page_values(r, &args[NGX_TASK_PROJECT_LIMIT],
                             &args[NGX_TASK_PROJECT_CURSOR],
                             NGX_TASK_CURSOR_PROJECTS + sort, &values[1]);
    if (rc != NGX_OK) {
        ngx_api_finish(r, rc);
        return;
    }

    ngx_api_pg_exec(r, NGX_TASK_SQL_PROJECT_LIST + sort, values,
                    ngx_task_project_send_page);
}


void
ngx_task_project_create(ngx_http_request_t *r)
{
    ngx_int_t                      rc;
    ngx_uint_t                     n;
    const char                    *key, *fingerprint;
    const char                    *values[5 + NGX_TASK_PROJECT_FIELDS_N];
    ngx_api_ids_t                 *ids;
    const ngx_api_pg_statement_t  *statement;

    ids = ngx_api_ids(r);
    rc = ngx_api_idempotency(r, &key, &fingerprint);

    if (ids == NULL || rc == NGX_ERROR) {
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    statement = NGX_TASK_SQL_PROJECT_CREATE;

    values[0] = (char *) ngx_api_identity(r)->user.data;
    values[1] = ids->id;
    values[2] = ids->created_at;
    n = 3;

    if (rc == NGX_OK) {
        statement = NGX_TASK_SQL_PROJECT_CREATE_KEYED;
        values[n++] = key;
        values[n++] = fingerprint;
    }

    ngx_api_values(ngx_api_body(r), NGX_TASK_PROJECT_FIELDS_N, &values[n]);

    ngx_api_pg_exec(r, statement, values, ngx_task_project_send_created);
}


void
ngx_task_project_get(ngx_http_request_t *r)
{
    const char  *values[2];

    values[0] = (char *) ngx_api_identity(r)->user.data;
    values[1] = ngx_api_path_id(r, 0);

    ngx_api_pg_exec(r, NGX_TASK_SQL_PROJECT_GET, values,
                    ngx_task_project_send);
}


void
ngx_task_project_replace(ngx_http_request_t *r)
{
    ngx_task_project_update(r, NGX_TASK_PROJECT_ALL);
}


void
ngx_task_project_patch(ngx_http_request_t *r)
{
    ngx_task_project_update(r, ngx_api_given(ngx_api_body(r),
                                             NGX_TASK_PROJECT_FIELDS_N));
}


static void
ngx_task_project_update(ngx_http_request_t *r, ngx_uint_t mask)
{
    ngx_int_t    rc;
    const char  *values[4 + NGX_TASK_PROJECT_FIELDS_N];

    rc = ngx_task_if_match(r, &values[2]);

    if (rc != NGX_OK) {
        ngx_api_finish(r, rc);
        return;
    }

    values[3] = ngx_api_mask(r, mask);
    if (values[3] == NULL) {
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    values[0] = (char *) ngx_api_identity(r)->user.data;
    values[1] = ngx_api_path_id(r, 0);

    ngx_api_values(ngx_api_body(r), NGX_TASK_PROJECT_FIELDS_N, &values[4]);

    ngx_api_pg_exec(r, NGX_TASK_SQL_PROJECT_UPDATE, values,
                    ngx_task_project_send);
}


void
ngx_task_project_delete(ngx_http_request_t *r)
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

    ngx_api_pg_exec(r, NGX_TASK_SQL_PROJECT_DELETE, values,
                    ngx_task_project_send_deleted);
}


static void
ngx_task_project_send(ngx_http_request_t *r, const PGresult *res)
{
    ngx_api_send_row(r, NGX_HTTP_OK, res, NULL);
}


static void
ngx_task_project_send_created(ngx_http_request_t *r, const PGresult *res)
{
    ngx_api_send_row(r, NGX_HTTP_CREATED, res, "/v1/projects/");
}


static void
ngx_task_project_send_deleted(ngx_http_request_t *r, const PGresult *res)
{
    if (ngx_api_refused(r, res, &ngx_task_inbox_not_deletable)) {
        return;
    }

    ngx_api_send_done(r, res);
}


static void
ngx_task_project_send_page(ngx_http_request_t *r, const PGresult *res)
{
    const ngx_api_value_t  *args;

    args = ngx_api_args(r);

    ngx_api_send_page(r, res,
                      (ngx_uint_t) args[NGX_TASK_PROJECT_LIMIT].integer,
                      NGX_TASK_CURSOR_PROJECTS
                      + (ngx_uint_t) args[NGX_TASK_PROJECT_SORT].integer);
}
