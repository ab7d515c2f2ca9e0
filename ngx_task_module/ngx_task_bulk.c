
/*
 * Many tasks at once: all of them or none.  What a statement takes of each task
 * it takes as an array.
 */


#include "ngx_task.h"


#define NGX_TASK_BULK_MAX  100

/* the parameters before those of the fields, at most */
#define NGX_TASK_BULK_N    6


/* array literals */
typedef struct {
    const char  *ids;
    const char  *events;
    const char  *created_at;        /* not an array: of all */
} ngx_task_bulk_ids_t;


static ngx_int_t ngx_task_bulk_columns(ngx_http_request_t *r,
    const ngx_api_value_t *tasks, const char **values);
static ngx_int_t ngx_task_bulk_ids(ngx_http_request_t *r, ngx_uint_t n,
    ngx_task_bulk_ids_t *ids);
static ngx_int_t ngx_task_bulk_array(ngx_http_request_t *r,
    const ngx_str_t *list, ngx_uint_t n, const char **value);
static void ngx_task_bulk_send_created(ngx_http_request_t *r,
    const PGresult *res);
static void ngx_task_bulk_send(ngx_http_request_t *r, const PGresult *res);


const ngx_api_field_t  ngx_task_bulk_create_fields[] = {

    { ngx_string("tasks"), NGX_API_OBJECTS, NGX_API_REQUIRED,
      1, NGX_TASK_BULK_MAX, 0, ngx_task_fields, NULL },

    ngx_api_null_field
};


const ngx_api_field_t  ngx_task_bulk_patch_fields[] = {

    { ngx_string("ids"), NGX_API_UUIDS, NGX_API_REQUIRED,
      1, NGX_TASK_BULK_MAX, 0, NULL, NULL },

    { ngx_string("patch"), NGX_API_OBJECT, NGX_API_REQUIRED|NGX_API_PARTIAL,
      0, 0, 0, ngx_task_fields, NULL },

    ngx_api_null_field
};


void
ngx_task_bulk_create(ngx_http_request_t *r)
{
    ngx_int_t                      rc;
    ngx_uint_t                     n;
    const char                    *key, *fingerprint;
    const char                    *values[NGX_TASK_BULK_N
                                          + NGX_TASK_FIELDS_N];
    ngx_task_bulk_ids_t            ids;
    const ngx_api_value_t         *tasks;
    const ngx_api_pg_statement_t  *statement;

    tasks = ngx_api_body(r);
    rc = ngx_api_idempotency(r, &key, &fingerprint);

    statement = NGX_TASK_SQL_TASK_BULK_CREATE;
    n = 4;

    if (rc == NGX_OK) {
        statement = NGX_TASK_SQL_TASK_BULK_CREATE_KEYED;
        values[n++] = key;
        values[n++] = fingerprint;
    }

    if (rc == NGX_ERROR
        || ngx_task_bulk_ids(r, (ngx_uint_t) tasks->integer, &ids) != NGX_OK
        || ngx_task_bulk_columns(r, tasks, &values[n]) != NGX_OK)
    {
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    values[0] = (char *) ngx_api_identity(r)->user.data;
    values[1] = ids.ids;
    values[2] = ids.created_at;
    values[3] = ids.events;

    ngx_api_pg_exec(r, statement, values, ngx_task_bulk_send_created);
}


void
ngx_task_bulk_patch(ngx_http_request_t *r)
{
    const char             *values[NGX_TASK_BULK_N + NGX_TASK_FIELDS_N];
    ngx_task_bulk_ids_t     fresh;
    const ngx_api_value_t  *ids, *patch;

    static const ngx_str_t  no_condition =
        ngx_string("A bulk has no version: send it without If-Match.");

    if (r->headers_in.if_match) {
        ngx_api_finish(r, ngx_api_problem_detail(r, &ngx_api_invalid_parameter,
                                                 &no_condition));
        return;
    }

    ids = &ngx_api_body(r)[0];
    patch = ngx_api_body(r)[1].members;

    values[3] = ngx_api_mask(r, ngx_api_given(patch, NGX_TASK_FIELDS_N));

    if (values[3] == NULL
        || ngx_task_bulk_ids(r, (ngx_uint_t) ids->integer, &fresh) != NGX_OK)
    {
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    values[0] = (char *) ngx_api_identity(r)->user.data;
    values[1] = ids->text;
    values[2] = fresh.events;

    ngx_api_values(patch, NGX_TASK_FIELDS_N, &values[4]);

    ngx_api_pg_exec(r, NGX_TASK_SQL_TASK_BULK_UPDATE, values,
                    ngx_task_bulk_send);
}


/* an array of each field */

static ngx_int_t
ngx_task_bulk_columns(ngx_http_request_t *r, const ngx_api_value_t *tasks,
    const char **values)
{
    ngx_str_t               list[NGX_TASK_BULK_MAX];
    ngx_uint_t              i, field;
    const ngx_api_value_t  *value;

    for (field = 0; field < NGX_TASK_FIELDS_N; field++) {

        value = &tasks->members[field];

        for (i = 0; i < (ngx_uint_t) tasks->integer; i++) {
            list[i].data = (u_char *) value->text;
            list[i].len = value->len;
            value += tasks->nmembers;
        }

        if (ngx_task_bulk_array(r, list, i, &values[field]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * The creation time of all is the millisecond in the ids.  They may run into
 * the next one, once: then there is room in it for all.
 */

static ngx_int_t
ngx_task_bulk_ids(ngx_http_request_t *r, ngx_uint_t n,
    ngx_task_bulk_ids_t *ids)
{
    ngx_str_t        list[NGX_TASK_BULK_MAX], events[NGX_TASK_BULK_MAX];
    ngx_uint_t       i;
    ngx_api_ids_t   *one;

    ids->created_at = "";

    for (i = 0; i < n; i++) {
        one = ngx_api_ids(r);
        if (one == NULL) {
            return NGX_ERROR;
        }

        if (ngx_strcmp(one->created_at, ids->created_at) != 0) {
            i = 0;
            ids->created_at = one->created_at;
        }

        list[i].data = (u_char *) one->id;
        list[i].len = NGX_API_UUID_LEN;

        events[i].data = (u_char *) one->event_id;
        events[i].len = NGX_API_UUID_LEN;
    }

    if (ngx_task_bulk_array(r, list, n, &ids->ids) != NGX_OK
        || ngx_task_bulk_array(r, events, n, &ids->events) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_task_bulk_array(ngx_http_request_t *r, const ngx_str_t *list, ngx_uint_t n,
    const char **value)
{
    ngx_str_t  text;

    if (ngx_api_text_array(r->pool, list, n, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    *value = (char *) text.data;

    return NGX_OK;
}


static void
ngx_task_bulk_send_created(ngx_http_request_t *r, const PGresult *res)
{
    ngx_api_send_list(r, NGX_HTTP_CREATED, res);
}


static void
ngx_task_bulk_send(ngx_http_request_t *r, const PGresult *res)
{
    ngx_api_send_list(r, NGX_HTTP_OK, res);
}
