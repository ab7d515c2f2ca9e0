
/*
 * Incremental sync of tasks: a list with updated_since.
 */


#include "ngx_task_list.h"


static ngx_int_t ngx_task_sync_alone(ngx_http_request_t *r);
static ngx_int_t ngx_task_sync_since(ngx_http_request_t *r,
    const char **values, ngx_uint_t *order);
static ngx_int_t ngx_task_sync_cursor(ngx_http_request_t *r,
    const char **values);
static void ngx_task_sync_send(ngx_http_request_t *r, const PGresult *res);
static void ngx_task_sync_send_token(ngx_http_request_t *r,
    const PGresult *res);


/* values: caller, rows, key, id, whether to tell that the project is not there,
 * since, project, watermark */

void
ngx_task_sync(ngx_http_request_t *r, const char *project)
{
    ngx_int_t               rc;
    ngx_uint_t              order;
    const char             *values[8];
    const ngx_api_value_t  *args;

    args = ngx_api_args(r);

    ngx_memzero(values, sizeof(values));

    values[0] = (char *) ngx_api_identity(r)->user.data;
    values[4] = project ? "t" : "f";
    values[6] = project ? project : args[ngx_task_list_by_project].text;

    rc = ngx_task_sync_alone(r);

    if (rc == NGX_OK) {
        rc = ngx_task_sync_since(r, &values[5], &order);
    }

    if (rc == NGX_OK) {
        rc = ngx_api_page_values(r, &args[NGX_TASK_LIST_LIMIT],
                                 &args[NGX_TASK_LIST_CURSOR], order,
                                 &values[1]);
    }

    if (rc == NGX_OK && values[2]) {
        rc = ngx_task_sync_cursor(r, values);
    }

    if (rc != NGX_OK) {
        ngx_api_finish(r, rc);
        return;
    }

    if (order == NGX_TASK_CURSOR_TOKEN) {
        ngx_api_pg_exec(r, NGX_TASK_SQL_TASK_SYNC_TOKEN, values,
                        ngx_task_sync_send_token);
        return;
    }

    ngx_api_pg_exec(r, NGX_TASK_SQL_TASK_SYNC, values, ngx_task_sync_send);
}


/* a filter would hide that a task does not pass it any more */

static ngx_int_t
ngx_task_sync_alone(ngx_http_request_t *r)
{
    ngx_uint_t              i;
    ngx_array_t            *faults;
    const ngx_api_value_t  *args;

    args = ngx_api_args(r);

    faults = ngx_array_create(r->pool, 4, sizeof(ngx_api_fault_t));
    if (faults == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; ngx_task_list_args[i].name.len; i++) {

        if (!args[i].set
            || i == NGX_TASK_LIST_LIMIT
            || i == NGX_TASK_LIST_CURSOR
            || i == NGX_TASK_LIST_SINCE
            || i == ngx_task_list_by_project)
        {
            continue;
        }

        if (ngx_api_fault_add(faults, &ngx_task_list_args[i].name,
                              "not_allowed",
                              "can't be given together with updated_since")
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return faults->nelts ? ngx_api_problem(r, &ngx_api_invalid_parameter,
                                           faults)
                         : NGX_OK;
}


/* a time or a token; *order is that of the walk */

static ngx_int_t
ngx_task_sync_since(ngx_http_request_t *r, const char **value,
    ngx_uint_t *order)
{
    u_char                  text[NGX_API_TIME_LEN];
    int64_t                 usec;
    ngx_int_t               rc;
    const ngx_api_value_t  *arg;

    arg = &ngx_api_args(r)[NGX_TASK_LIST_SINCE];

    if (ngx_api_time_parse((u_char *) arg->text, arg->len, &usec) == NGX_OK) {
        *order = NGX_TASK_CURSOR_SINCE;
        *value = ngx_api_cstr(r, text, ngx_api_time_format(text, usec) - text);

        return *value ? NGX_OK : NGX_ERROR;
    }

    *order = NGX_TASK_CURSOR_TOKEN;

    rc = ngx_api_page_token(r, arg, value);

    if (rc == NGX_DECLINED) {
        return ngx_api_parameter_fault(r, "updated_since", "invalid_format",
                                       "must be a date and time of RFC 3339 or "
                                       "the \"sync_token\" of this list");
    }

    return rc;
}


/* a cursor's key is the watermark of the walk, a space, and the row's key */

static ngx_int_t
ngx_task_sync_cursor(ngx_http_request_t *r, const char **values)
{
    const char  *space;

    space = strchr(values[2], ' ');
    if (space == NULL) {
        return NGX_ERROR;
    }

    values[7] = ngx_api_cstr(r, values[2], space - values[2]);
    values[2] = space + 1;

    return values[7] ? NGX_OK : NGX_ERROR;
}


static void
ngx_task_sync_send(ngx_http_request_t *r, const PGresult *res)
{
    ngx_api_send_page(r, res,
                     (ngx_uint_t) ngx_api_args(r)[NGX_TASK_LIST_LIMIT].integer,
                     NGX_TASK_CURSOR_SINCE);
}


static void
ngx_task_sync_send_token(ngx_http_request_t *r, const PGresult *res)
{
    ngx_api_send_page(r, res,
                     (ngx_uint_t) ngx_api_args(r)[NGX_TASK_LIST_LIMIT].integer,
                     NGX_TASK_CURSOR_TOKEN);
}
