
/*
 * Lists of tasks: what ngx_task_list.c and ngx_task_sync.c share.
 */


#ifndef _NGX_TASK_LIST_H_INCLUDED_
#define _NGX_TASK_LIST_H_INCLUDED_


#include "ngx_task.h"


#define ngx_task_list_filters(name, type, shape, presence, filter, sort)      \
    NGX_API_ARGS(ngx_task_list_filter, NGX_API_FILTER_##filter,               \
                 NGX_API_ARG_##shape, NGX_API_NONE_##presence)

#define ngx_task_list_filter(name, kind, lo, hi, list)                        \
    ngx_task_list_by_##name,

/* the arguments; "due_after" is ngx_task_list_by_due_after.  Filters have the
 * order of the table of fields, as the parameters of statements do */
enum {
    NGX_TASK_LIST_LIMIT = 0,
    NGX_TASK_LIST_CURSOR,
    NGX_TASK_LIST_SORT,
    NGX_TASK_LIST_Q,
    NGX_TASK_LIST_SINCE,
    NGX_TASK_FIELDS(ngx_task_list_filters, ngx_task_list_filters)
    NGX_TASK_LIST_NARGS
};

#define NGX_TASK_LIST_FILTERS   (NGX_TASK_LIST_SINCE + 1)
#define NGX_TASK_LIST_NFILTERS  (NGX_TASK_LIST_NARGS - NGX_TASK_LIST_FILTERS)

/* the numbers in cursors; below them those of orders */
#define NGX_TASK_CURSOR_RANK   100
#define NGX_TASK_CURSOR_SINCE  101
#define NGX_TASK_CURSOR_TOKEN  102


/* incremental sync; project: as in a list.  Ends the request. */
void ngx_task_sync(ngx_http_request_t *r, const char *project);


#endif /* _NGX_TASK_LIST_H_INCLUDED_ */
