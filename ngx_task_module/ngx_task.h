
/*
 * ngx_task_module: projects, their members, tasks, comments.
 */


#ifndef _NGX_TASK_H_INCLUDED_
#define _NGX_TASK_H_INCLUDED_


#include "ngx_api.h"
#include "ngx_task_fields.h"
#include "ngx_task_comment_fields.h"
#include "ngx_task_project_fields.h"
#include "ngx_task_sql.h"


typedef struct {
    ngx_flag_t  require_if_match;
} ngx_task_loc_conf_t;


/* what comes before and after every id */
#define NGX_TASK_ID_MIN  "00000000-0000-0000-0000-000000000000"
#define NGX_TASK_ID_MAX  "ffffffff-ffff-ffff-ffff-ffffffffffff"

/* the numbers in cursors (ngx_api_page_start()) of lists other than that of
 * tasks, whose are below: the first, for the first order */
#define NGX_TASK_CURSOR_COMMENTS  128
#define NGX_TASK_CURSOR_PROJECTS  144
#define NGX_TASK_CURSOR_MEMBERS   160


extern ngx_module_t             ngx_task_module;

extern const ngx_api_route_t    ngx_task_routes[];

extern const ngx_api_field_t    ngx_task_list_args[];
extern const ngx_api_field_t    ngx_task_comment_args[];
extern const ngx_api_field_t    ngx_task_bulk_create_fields[];
extern const ngx_api_field_t    ngx_task_bulk_patch_fields[];
extern const ngx_api_field_t    ngx_task_project_args[];
extern const ngx_api_field_t    ngx_task_member_args[];
extern const ngx_api_field_t    ngx_task_member_add_fields[];
extern const ngx_api_field_t    ngx_task_member_patch_fields[];


/* Handlers: see ngx_api_route.h. */
void ngx_task_get(ngx_http_request_t *r);
void ngx_task_create(ngx_http_request_t *r);
void ngx_task_replace(ngx_http_request_t *r);
void ngx_task_patch(ngx_http_request_t *r);
void ngx_task_complete(ngx_http_request_t *r);
void ngx_task_reopen(ngx_http_request_t *r);
void ngx_task_delete(ngx_http_request_t *r);
void ngx_task_list(ngx_http_request_t *r);
void ngx_task_list_project(ngx_http_request_t *r);
void ngx_task_bulk_create(ngx_http_request_t *r);
void ngx_task_bulk_patch(ngx_http_request_t *r);

void ngx_task_comment_list(ngx_http_request_t *r);
void ngx_task_comment_create(ngx_http_request_t *r);
void ngx_task_comment_get(ngx_http_request_t *r);
void ngx_task_comment_patch(ngx_http_request_t *r);
void ngx_task_comment_delete(ngx_http_request_t *r);

void ngx_task_project_list(ngx_http_request_t *r);
void ngx_task_project_create(ngx_http_request_t *r);
void ngx_task_project_get(ngx_http_request_t *r);
void ngx_task_project_replace(ngx_http_request_t *r);
void ngx_task_project_patch(ngx_http_request_t *r);
void ngx_task_project_delete(ngx_http_request_t *r);

void ngx_task_member_list(ngx_http_request_t *r);
void ngx_task_member_add(ngx_http_request_t *r);
void ngx_task_member_patch(ngx_http_request_t *r);
void ngx_task_member_remove(ngx_http_request_t *r);

/* If-Match, see ngx_api_if_match(), and task_require_if_match.  NGX_OK, or what
 * ngx_api_finish() takes */
ngx_int_t ngx_task_if_match(ngx_http_request_t *r, const char **versions);


#endif /* _NGX_TASK_H_INCLUDED_ */
