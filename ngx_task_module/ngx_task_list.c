
/*
 * Lists of tasks.
 */


#include "ngx_task.h"


typedef enum {
    NGX_TASK_LIST_LIMIT = 0,
    NGX_TASK_LIST_CURSOR,
    NGX_TASK_LIST_STATUS,
    NGX_TASK_LIST_SORT
} ngx_task_list_arg_e;


/*
 * The orders, and what stands before the first row of each: the key and the id
 * of a page's start when there is no cursor.
 */

typedef struct {
    const char  *key;      /* NULL: the id */
    const char  *id;
} ngx_task_sort_t;


static ngx_int_t ngx_task_list_cursor(ngx_http_request_t *r,
    const ngx_api_value_t *arg, ngx_uint_t sort, const char **values);
static void ngx_task_list_send(ngx_http_request_t *r, const PGresult *res);


static const ngx_str_t  ngx_task_sort_names[] = {
    NGX_TASK_FIELDS(ngx_api_field_sorts, ngx_api_field_sorts)
    ngx_null_string
};


const ngx_api_field_t  ngx_task_list_args[] = {

    { ngx_string("limit"), NGX_API_INTEGER, 0, 1, 100, 0, NULL, "20" },

    { ngx_string("cursor"), NGX_API_CURSOR, 0, 0, 0, 0, NULL, NULL },

    { ngx_string("status"), NGX_API_ENUM_LIST, 0, 0, 0, 0, ngx_task_statuses,
      NULL },

    { ngx_string("sort"), NGX_API_ENUM, 0, 0, 0, 0, ngx_task_sort_names,
      "-created_at" },

    ngx_api_null_field
};


/* by index the same as the statements from NGX_TASK_SQL_TASK_LIST on */

static const ngx_task_sort_t  ngx_task_sorts[] = {

    { "none", NGX_TASK_ID_MIN },            /* priority */
    { "urgent", NGX_TASK_ID_MAX },
    { "-infinity", NGX_TASK_ID_MIN },       /* due_at */
    { "infinity", NGX_TASK_ID_MAX },
    { NULL, NGX_TASK_ID_MIN },              /* created_at */
    { NULL, NGX_TASK_ID_MAX },
    { "-infinity", NGX_TASK_ID_MIN },       /* updated_at */
    { "infinity", NGX_TASK_ID_MAX }
};


void
ngx_task_list(ngx_http_request_t *r)
{
    u_char                  text[NGX_INT_T_LEN + 1];
    ngx_int_t               rc;
    ngx_uint_t              sort;
    const char             *values[5];
    const ngx_api_value_t  *args;

    args = ngx_api_args(r);
    sort = (ngx_uint_t) args[NGX_TASK_LIST_SORT].integer;

    values[0] = (char *) ngx_api_identity(r)->user.data;
    values[1] = args[NGX_TASK_LIST_STATUS].text;

    /* one more than asked for tells whether there is a next page */

    *ngx_sprintf(text, "%L", args[NGX_TASK_LIST_LIMIT].integer + 1) = '\0';

    values[2] = ngx_api_cstr(r, text, ngx_strlen(text));
    if (values[2] == NULL) {
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    rc = ngx_task_list_cursor(r, &args[NGX_TASK_LIST_CURSOR], sort,
                              &values[3]);
    if (rc != NGX_OK) {
        ngx_api_finish(r, rc);
        return;
    }

    ngx_api_pg_exec(r, NGX_TASK_SQL_TASK_LIST + sort, values,
                    ngx_task_list_send);
}


/* values[0], values[1]: the key and the id that the page begins after */

static ngx_int_t
ngx_task_list_cursor(ngx_http_request_t *r, const ngx_api_value_t *arg,
    ngx_uint_t sort, const char **values)
{
    u_char             id[NGX_API_UUID_LEN];
    ngx_int_t          rc;
    ngx_api_cursor_t   cursor;

    if (!arg->set) {
        values[1] = ngx_task_sorts[sort].id;
        values[0] = ngx_task_sorts[sort].key ? ngx_task_sorts[sort].key
                                             : values[1];
        return NGX_OK;
    }

    rc = ngx_api_page_start(r, arg, sort, &cursor);

    if (rc != NGX_OK) {
        return rc;
    }

    (void) ngx_api_uuid_format(id, cursor.id);

    values[1] = ngx_api_cstr(r, id, sizeof(id));
    values[0] = ngx_task_sorts[sort].key
                ? ngx_api_cstr(r, cursor.key, cursor.key_len)
                : values[1];

    return values[0] && values[1] ? NGX_OK : NGX_ERROR;
}


static void
ngx_task_list_send(ngx_http_request_t *r, const PGresult *res)
{
    const ngx_api_value_t  *args;

    args = ngx_api_args(r);

    ngx_api_send_page(r, res, (ngx_uint_t) args[NGX_TASK_LIST_LIMIT].integer,
                      (ngx_uint_t) args[NGX_TASK_LIST_SORT].integer);
}
