
/*
 * The calls of projects, members, tasks and comments.
 */


#include "ngx_task.h"


const ngx_api_route_t  ngx_task_routes[] = {

    { NGX_HTTP_GET, ngx_string("/v1/tasks"), ngx_task_list,
      NULL, ngx_task_list_args, 0 },

    { NGX_HTTP_POST, ngx_string("/v1/tasks"), ngx_task_create,
      ngx_task_fields, NULL, NGX_API_ROUTE_KEYED },

    { NGX_HTTP_POST, ngx_string("/v1/tasks/bulk"), ngx_task_bulk_create,
      ngx_task_bulk_create_fields, NULL, NGX_API_ROUTE_KEYED },

    { NGX_HTTP_PATCH, ngx_string("/v1/tasks/bulk"), ngx_task_bulk_patch,
      ngx_task_bulk_patch_fields, NULL, 0 },

    { NGX_HTTP_GET, ngx_string("/v1/tasks/{id}"), ngx_task_get,
      NULL, NULL, 0 },

    { NGX_HTTP_PUT, ngx_string("/v1/tasks/{id}"), ngx_task_replace,
      ngx_task_fields, NULL, 0 },

    { NGX_HTTP_PATCH, ngx_string("/v1/tasks/{id}"), ngx_task_patch,
      ngx_task_fields, NULL, NGX_API_ROUTE_PARTIAL },

    { NGX_HTTP_DELETE, ngx_string("/v1/tasks/{id}"), ngx_task_delete,
      NULL, NULL, 0 },

    { NGX_HTTP_POST, ngx_string("/v1/tasks/{id}/complete"), ngx_task_complete,
      NULL, NULL, 0 },

    { NGX_HTTP_POST, ngx_string("/v1/tasks/{id}/reopen"), ngx_task_reopen,
      NULL, NULL, 0 },

    { NGX_HTTP_GET, ngx_string("/v1/tasks/{id}/comments"),
      ngx_task_comment_list, NULL, ngx_task_comment_args, 0 },

    { NGX_HTTP_POST, ngx_string("/v1/tasks/{id}/comments"),
      ngx_task_comment_create, ngx_task_comment_fields, NULL,
      NGX_API_ROUTE_KEYED },

    { NGX_HTTP_GET, ngx_string("/v1/comments/{id}"), ngx_task_comment_get,
      NULL, NULL, 0 },

    { NGX_HTTP_PATCH, ngx_string("/v1/comments/{id}"), ngx_task_comment_patch,
      ngx_task_comment_fields, NULL, NGX_API_ROUTE_PARTIAL },

    { NGX_HTTP_DELETE, ngx_string("/v1/comments/{id}"),
      ngx_task_comment_delete, NULL, NULL, 0 },

    { NGX_HTTP_GET, ngx_string("/v1/projects"), ngx_task_project_list,
      NULL, ngx_task_project_args, 0 },

    { NGX_HTTP_POST, ngx_string("/v1/projects"), ngx_task_project_create,
      ngx_task_project_fields, NULL, NGX_API_ROUTE_KEYED },

    { NGX_HTTP_GET, ngx_string("/v1/projects/{id}"), ngx_task_project_get,
      NULL, NULL, 0 },

    { NGX_HTTP_PUT, ngx_string("/v1/projects/{id}"), ngx_task_project_replace,
      ngx_task_project_fields, NULL, 0 },

    { NGX_HTTP_PATCH, ngx_string("/v1/projects/{id}"), ngx_task_project_patch,
      ngx_task_project_fields, NULL, NGX_API_ROUTE_PARTIAL },

    { NGX_HTTP_DELETE, ngx_string("/v1/projects/{id}"),
      ngx_task_project_delete, NULL, NULL, 0 },

    { NGX_HTTP_GET, ngx_string("/v1/projects/{id}/tasks"),
      ngx_task_list_project, NULL, ngx_task_list_args, 0 },

    { NGX_HTTP_GET, ngx_string("/v1/projects/{id}/members"),
      ngx_task_member_list, NULL, ngx_task_member_args, 0 },

    { NGX_HTTP_POST, ngx_string("/v1/projects/{id}/members"),
      ngx_task_member_add, ngx_task_member_add_fields, NULL,
      NGX_API_ROUTE_KEYED },

    { NGX_HTTP_PATCH, ngx_string("/v1/projects/{id}/members/{user_id}"),
      ngx_task_member_patch, ngx_task_member_patch_fields, NULL,
      NGX_API_ROUTE_PARTIAL },

    { NGX_HTTP_DELETE, ngx_string("/v1/projects/{id}/members/{user_id}"),
      ngx_task_member_remove, NULL, NULL, 0 },

    { 0, ngx_null_string, NULL, NULL, NULL, 0 }
};
