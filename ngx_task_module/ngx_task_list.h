
/*
 * Lists of tasks: what ngx_task_list.c and ngx_task_sync.c share.
 */


#ifndef _NGX_TASK_LIST_H_INCLUDED_
#define _NGX_TASK_LIST_H_INCLUDED_


#include "ngx_task.h"


/* the arguments; filters have the order of the table of fields, in which the
 * statements take them too */
enum {
    NGX_TASK_LIST_LIMIT = 0,
    NGX_TASK_LIST_CURSOR,
    NGX_TASK_LIST_SORT,
    NGX_TASK_LIST_Q,
    NGX_TASK_LIST_SINCE,
    NGX_TASK_LIST_PROJECT,      /* the first filter */
    NGX_TASK_LIST_STATUS,
    NGX_TASK_LIST_PRIORITY,
    NGX_TASK_LIST_LABEL,
    NGX_TASK_LIST_DUE_BEFORE,
    NGX_TASK_LIST_DUE_AFTER,
    NGX_TASK_LIST_DUE,
    NGX_TASK_LIST_ASSIGNEE
};

#define NGX_TASK_LIST_NFILTERS                                                \
    (0 NGX_TASK_FIELDS(ngx_api_field_nargs, ngx_api_field_nargs))

/* the numbers in cursors; below them those of orders */
#define NGX_TASK_CURSOR_RANK   100
#define NGX_TASK_CURSOR_SINCE  101
#define NGX_TASK_CURSOR_TOKEN  102


/* incremental sync; project: as in a list.  Ends the request. */
void ngx_task_sync(ngx_http_request_t *r, const char *project);


#endif /* _NGX_TASK_LIST_H_INCLUDED_ */
