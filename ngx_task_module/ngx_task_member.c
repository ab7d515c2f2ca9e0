
/*
 * Members of a project: list, add, change the role, remove, leave.
 *
 * A member has no version, and so no ETag: what a condition would guard is one
 * field.
 */


#include "ngx_task.h"


#define NGX_TASK_MEMBERS  "/members/"


typedef enum {
    NGX_TASK_MEMBER_LIMIT = 0,
    NGX_TASK_MEMBER_CURSOR
} ngx_task_member_arg_e;


typedef enum {
    NGX_TASK_MEMBER_EMAIL = 0,
    NGX_TASK_MEMBER_USER,
    NGX_TASK_MEMBER_ROLE
} ngx_task_member_field_e;


static void ngx_task_member_send(ngx_http_request_t *r, const PGresult *res);
static void ngx_task_member_send_added(ngx_http_request_t *r,
    const PGresult *res);
static void ngx_task_member_send_removed(ngx_http_request_t *r,
    const PGresult *res);
static void ngx_task_member_send_page(ngx_http_request_t *r,
    const PGresult *res);


static const ngx_api_problem_t  ngx_task_inbox_not_shared = {
    409, ngx_string("inbox_not_shared"),
    ngx_string("The Inbox can't be shared"),
    ngx_string("An Inbox is for one user alone; make a project to share."), 0
};

static const ngx_api_problem_t  ngx_task_already_member = {
    409, ngx_string("already_member"), ngx_string("A member already"),
    ngx_string("This user is a member of the project; PATCH changes the role."),
    0
};

static const ngx_api_problem_t  ngx_task_last_owner = {
    409, ngx_string("last_owner"), ngx_string("Last owner of the project"),
    ngx_string("A project has an owner at all times. Make another member one "
               "first, or delete the project."), 0
};


const ngx_str_t  ngx_task_roles[] = {
    ngx_string("owner"),
    ngx_string("editor"),
    ngx_string("viewer"),
    ngx_null_string
};


#define ngx_task_read_only(name)                                              \
    { ngx_string(name), .flags = NGX_API_READ_ONLY }


const ngx_api_field_t  ngx_task_member_add_fields[] = {

    { ngx_string("email"), NGX_API_EMAIL, NGX_API_ONE_OF, 0, 254, 0, NULL,
      NULL },

    { ngx_string("user_id"), NGX_API_UUID, NGX_API_ONE_OF, 0, 0, 0, NULL,
      NULL },

    { ngx_string("role"), NGX_API_ENUM, NGX_API_REQUIRED, 0, 0, 0,
      ngx_task_roles, NULL },

    ngx_task_read_only("name"),
    ngx_task_read_only("added_at"),

    ngx_api_null_field
};


const ngx_api_field_t  ngx_task_member_patch_fields[] = {

    { ngx_string("role"), NGX_API_ENUM, 0, 0, 0, 0, ngx_task_roles, NULL },

    ngx_task_read_only("user_id"),
    ngx_task_read_only("email"),
    ngx_task_read_only("name"),
    ngx_task_read_only("added_at"),

    ngx_api_null_field
};


const ngx_api_field_t  ngx_task_member_args[] = {

    { ngx_string("limit"), NGX_API_INTEGER, 0, 1, 100, 0, NULL, "20" },

    { ngx_string("cursor"), NGX_API_CURSOR, 0, 0, 0, 0, NULL, NULL },

    ngx_api_null_field
};


void
ngx_task_member_list(ngx_http_request_t *r)
{
    ngx_int_t               rc;
    const char             *values[5];
    const ngx_api_value_t  *args;

    args = ngx_api_args(r);

    values[0] = (char *) ngx_api_identity(r)->user.data;
    values[1] = ngx_api_path_id(r, 0);
    values[3] = "-infinity";
    values[4] = NGX_TASK_ID_MIN;

    rc = ngx_api_page_values(r, &args[NGX_TASK_MEMBER_LIMIT],
                             &args[NGX_TASK_MEMBER_CURSOR],
                             NGX_TASK_CURSOR_MEMBERS, &values[2]);
    if (rc != NGX_OK) {
        ngx_api_finish(r, rc);
        return;
    }

    ngx_api_pg_exec(r, NGX_TASK_SQL_MEMBER_LIST, values,
                    ngx_task_member_send_page);
}


void
ngx_task_member_add(ngx_http_request_t *r)
{
    ngx_int_t               rc;
    const char             *values[8];
    ngx_api_ids_t          *ids;
    const ngx_api_value_t  *body;

    ids = ngx_api_ids(r);
    rc = ngx_api_idempotency(r, &values[6], &values[7]);

    if (ids == NULL || rc == NGX_ERROR) {
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    body = ngx_api_body(r);

    values[0] = (char *) ngx_api_identity(r)->user.data;
    values[1] = ngx_api_path_id(r, 0);
    values[2] = body[NGX_TASK_MEMBER_EMAIL].text;
    values[3] = body[NGX_TASK_MEMBER_USER].text;
    values[4] = body[NGX_TASK_MEMBER_ROLE].text;
    values[5] = ids->event_id;

    ngx_api_pg_exec(r, rc == NGX_OK ? NGX_TASK_SQL_MEMBER_ADD_KEYED
                                    : NGX_TASK_SQL_MEMBER_ADD,
                    values, ngx_task_member_send_added);
}


void
ngx_task_member_patch(ngx_http_request_t *r)
{
    const char  *values[4];

    values[0] = (char *) ngx_api_identity(r)->user.data;
    values[1] = ngx_api_path_id(r, 0);
    values[2] = ngx_api_path_id(r, 1);
    values[3] = ngx_api_body(r)[0].text;

    ngx_api_pg_exec(r, NGX_TASK_SQL_MEMBER_UPDATE, values,
                    ngx_task_member_send);
}


void
ngx_task_member_remove(ngx_http_request_t *r)
{
    const char  *values[3];

    values[0] = (char *) ngx_api_identity(r)->user.data;
    values[1] = ngx_api_path_id(r, 0);
    values[2] = ngx_api_path_id(r, 1);

    ngx_api_pg_exec(r, NGX_TASK_SQL_MEMBER_DELETE, values,
                    ngx_task_member_send_removed);
}


static void
ngx_task_member_send(ngx_http_request_t *r, const PGresult *res)
{
    if (ngx_api_refused(r, res, &ngx_task_last_owner)) {
        return;
    }

    ngx_api_send_row(r, NGX_HTTP_OK, res, NULL);
}


static void
ngx_task_member_send_added(ngx_http_request_t *r, const PGresult *res)
{
    u_char  *p, *prefix;

    if (ngx_api_refused(r, res, &ngx_task_inbox_not_shared)
        || ngx_api_refused(r, res, &ngx_task_already_member))
    {
        return;
    }

    prefix = ngx_pnalloc(r->pool, sizeof("/v1/projects/") + NGX_API_UUID_LEN
                                  + sizeof(NGX_TASK_MEMBERS));
    if (prefix == NULL) {
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    p = ngx_sprintf(prefix, "/v1/projects/%s" NGX_TASK_MEMBERS,
                    ngx_api_path_id(r, 0));
    *p = '\0';

    ngx_api_send_row(r, NGX_HTTP_CREATED, res, (char *) prefix);
}


static void
ngx_task_member_send_removed(ngx_http_request_t *r, const PGresult *res)
{
    if (ngx_api_refused(r, res, &ngx_task_last_owner)) {
        return;
    }

    ngx_api_send_done(r, res);
}


static void
ngx_task_member_send_page(ngx_http_request_t *r, const PGresult *res)
{
    ngx_api_send_page(r, res,
              (ngx_uint_t) ngx_api_args(r)[NGX_TASK_MEMBER_LIMIT].integer,
              NGX_TASK_CURSOR_MEMBERS);
}
