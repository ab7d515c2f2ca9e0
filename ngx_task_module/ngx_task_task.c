
/*
 * The task: read, create, replace, patch, complete, reopen, delete.
 */


#include "ngx_task.h"


#define NGX_TASK_ALL      ((1 << NGX_TASK_FIELDS_N) - 1)
#define NGX_TASK_BIT(f)   (1 << (f))


static void ngx_task_update(ngx_http_request_t *r,
    const ngx_api_value_t *values, ngx_uint_t mask, ngx_uint_t reopen);
static void ngx_task_send(ngx_http_request_t *r, const PGresult *res);
static void ngx_task_send_created(ngx_http_request_t *r, const PGresult *res);


const ngx_str_t  ngx_task_statuses[] = {
    ngx_string("todo"),
    ngx_string("in_progress"),
    ngx_string("done"),
    ngx_string("cancelled"),
    ngx_null_string
};

const ngx_str_t  ngx_task_priorities[] = {
    ngx_string("none"),
    ngx_string("low"),
    ngx_string("medium"),
    ngx_string("high"),
    ngx_string("urgent"),
    ngx_null_string
};


const ngx_api_field_t  ngx_task_fields[] = {
    ngx_api_field_table(NGX_TASK_FIELDS)
};


void
ngx_task_get(ngx_http_request_t *r)
{
    const char  *values[2];

    values[0] = (char *) ngx_api_identity(r)->user.data;
    values[1] = ngx_api_path_id(r, 0);

    ngx_api_pg_exec(r, NGX_TASK_SQL_TASK_GET, values, ngx_task_send);
}


void
ngx_task_create(ngx_http_request_t *r)
{
    ngx_int_t                      rc;
    ngx_uint_t                     n;
    const char                    *key, *fingerprint;
    const char                    *values[7 + NGX_TASK_FIELDS_N];
    ngx_api_ids_t                 *ids;
    const ngx_api_pg_statement_t  *statement;

    ids = ngx_api_ids(r);
    rc = ngx_api_idempotency(r, &key, &fingerprint);

    if (ids == NULL || rc == NGX_ERROR) {
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    statement = NGX_TASK_SQL_TASK_CREATE;

    values[0] = (char *) ngx_api_identity(r)->user.data;
    values[1] = ids->id;
    values[2] = ids->created_at;
    values[3] = ids->event_id;
    values[4] = ids->created_at;
    n = 5;

    if (rc == NGX_OK) {
        statement = NGX_TASK_SQL_TASK_CREATE_KEYED;
        values[n++] = key;
        values[n++] = fingerprint;
    }

    ngx_api_values(ngx_api_body(r), NGX_TASK_FIELDS_N, &values[n]);

    ngx_api_pg_exec(r, statement, values, ngx_task_send_created);
}


/* a task without "project_id" stays in its project: moving it to the Inbox by
 * an omission is nothing a client would mean */

void
ngx_task_replace(ngx_http_request_t *r)
{
    ngx_uint_t              mask;
    const ngx_api_value_t  *body;

    body = ngx_api_body(r);
    mask = NGX_TASK_ALL;

    if (!body[ngx_task_field_project_id].set) {
        mask &= ~NGX_TASK_BIT(ngx_task_field_project_id);
    }

    ngx_task_update(r, body, mask, 0);
}


void
ngx_task_patch(ngx_http_request_t *r)
{
    const ngx_api_value_t  *body;

    body = ngx_api_body(r);

    ngx_task_update(r, body, ngx_api_given(body, NGX_TASK_FIELDS_N), 0);
}


void
ngx_task_complete(ngx_http_request_t *r)
{
    ngx_api_value_t  values[NGX_TASK_FIELDS_N];

    ngx_memzero(values, sizeof(values));

    values[ngx_task_field_status].text = "done";

    ngx_task_update(r, values, NGX_TASK_BIT(ngx_task_field_status), 0);
}


void
ngx_task_reopen(ngx_http_request_t *r)
{
    ngx_api_value_t  values[NGX_TASK_FIELDS_N];

    ngx_memzero(values, sizeof(values));

    values[ngx_task_field_status].text = "todo";

    ngx_task_update(r, values, NGX_TASK_BIT(ngx_task_field_status), 1);
}


static void
ngx_task_update(ngx_http_request_t *r, const ngx_api_value_t *fields,
    ngx_uint_t mask, ngx_uint_t reopen)
{
    ngx_int_t        rc;
    const char      *values[6 + NGX_TASK_FIELDS_N];
    ngx_api_ids_t   *ids;

    rc = ngx_task_if_match(r, &values[2]);

    if (rc != NGX_OK) {
        ngx_api_finish(r, rc);
        return;
    }

    ids = ngx_api_ids(r);
    values[3] = ngx_api_mask(r, mask);

    if (ids == NULL || values[3] == NULL) {
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    values[0] = (char *) ngx_api_identity(r)->user.data;
    values[1] = ngx_api_path_id(r, 0);

    values[4] = ids->event_id;
    values[5] = reopen ? "t" : NULL;

    ngx_api_values(fields, NGX_TASK_FIELDS_N, &values[6]);

    ngx_api_pg_exec(r, NGX_TASK_SQL_TASK_UPDATE, values, ngx_task_send);
}


void
ngx_task_delete(ngx_http_request_t *r)
{
    ngx_int_t        rc;
    const char      *values[4];
    ngx_api_ids_t   *ids;

    rc = ngx_task_if_match(r, &values[2]);

    if (rc != NGX_OK) {
        ngx_api_finish(r, rc);
        return;
    }

    ids = ngx_api_ids(r);
    if (ids == NULL) {
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    values[0] = (char *) ngx_api_identity(r)->user.data;
    values[1] = ngx_api_path_id(r, 0);
    values[3] = ids->event_id;

    ngx_api_pg_exec(r, NGX_TASK_SQL_TASK_DELETE, values, ngx_api_send_done);
}


static void
ngx_task_send(ngx_http_request_t *r, const PGresult *res)
{
    ngx_api_send_row(r, NGX_HTTP_OK, res, NULL);
}


static void
ngx_task_send_created(ngx_http_request_t *r, const PGresult *res)
{
    ngx_api_send_row(r, NGX_HTTP_CREATED, res, "/v1/tasks/");
}
