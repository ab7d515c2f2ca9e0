
/*
 * ngx_task_module: tasks.
 */


#ifndef _NGX_TASK_H_INCLUDED_
#define _NGX_TASK_H_INCLUDED_


#include "ngx_api.h"
#include "ngx_task_sql.h"


typedef struct {
    ngx_flag_t  require_if_match;
} ngx_task_loc_conf_t;


/* the fields of a task, in the order of the table in ngx_task_task.c */
typedef enum {
    NGX_TASK_PROJECT = 0,
    NGX_TASK_TITLE,
    NGX_TASK_DESCRIPTION,
    NGX_TASK_STATUS,
    NGX_TASK_PRIORITY,
    NGX_TASK_LABELS,
    NGX_TASK_DUE_AT,
    NGX_TASK_ASSIGNEE,
    NGX_TASK_FIELDS             /* those that a client may set */
} ngx_task_field_e;


/*
 * The ids that a write may need, as text.  The creation time is the millisecond
 * in the id, so that the order of ids is the order of creation.
 */
typedef struct {
    char        id[NGX_API_UUID_LEN + 1];
    char        event_id[NGX_API_UUID_LEN + 1];
    char        created_at[NGX_API_TIME_LEN + 1];
} ngx_task_ids_t;


extern ngx_module_t             ngx_task_module;

extern const ngx_api_route_t    ngx_task_routes[];

extern const ngx_str_t          ngx_task_statuses[];
extern const ngx_api_field_t    ngx_task_list_args[];


/* Handlers: see ngx_api_route.h. */
void ngx_task_get(ngx_http_request_t *r);
void ngx_task_create(ngx_http_request_t *r);
void ngx_task_replace(ngx_http_request_t *r);
void ngx_task_patch(ngx_http_request_t *r);
void ngx_task_complete(ngx_http_request_t *r);
void ngx_task_reopen(ngx_http_request_t *r);
void ngx_task_delete(ngx_http_request_t *r);
void ngx_task_list(ngx_http_request_t *r);

/* in the request's pool; NULL when out of memory */
ngx_task_ids_t *ngx_task_ids(ngx_http_request_t *r);

/* If-Match, see ngx_api_if_match(), and task_require_if_match.  NGX_OK, or what
 * ngx_api_finish() takes */
ngx_int_t ngx_task_if_match(ngx_http_request_t *r, const char **versions);


/* the fields that a body may hold: all for POST and PATCH; PUT has the same,
 * and PATCH is partial */
extern const ngx_api_field_t    ngx_task_fields[];


#endif /* _NGX_TASK_H_INCLUDED_ */
