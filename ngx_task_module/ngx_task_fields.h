
/*
 * The fields of a task, declared once: see ngx_api_fields.h.
 */


#ifndef _NGX_TASK_FIELDS_H_INCLUDED_
#define _NGX_TASK_FIELDS_H_INCLUDED_


#include "ngx_api_fields.h"


#define NGX_TASK_FIELDS(W, R)                                                 \
    R(id, uuid, UUID, NOT_NULL, NO, NO)                                       \
    W(project_id, uuid, UUID, PRESET(NULL), FILTER(project), NO)              \
    W(title, text, STRING(1, 500), REQUIRED, NO, NO)                          \
    W(description, text, STRING(0, 20000), PRESET(""), NO, NO)                \
    W(status, task.status, ENUM(ngx_task_statuses), PRESET("todo"),           \
      FILTER(status), NO)                                                     \
    W(priority, task.priority, ENUM(ngx_task_priorities), PRESET("none"),     \
      FILTER(priority), SORT)                                                 \
    W(labels, text[], LABELS(20, 1, 50), PRESET("{}"), FILTER(label), NO)     \
    W(due_at, timestamptz, TIMESTAMP, NULLABLE, FILTER(due), SORT)            \
    W(assignee_id, uuid, MEMBER, NULLABLE, FILTER(assignee), NO)              \
    R(created_by, uuid, UUID, NOT_NULL, NO, NO)                               \
    R(completed_at, timestamptz, TIMESTAMP, NULLABLE, NO, NO)                 \
    R(created_at, timestamptz, TIMESTAMP, NOT_NULL, NO, SORT_ID)              \
    R(updated_at, timestamptz, TIMESTAMP, NOT_NULL, NO, SORT)                 \
    R(version, bigint, INTEGER(1, 9223372036854775807), NOT_NULL, NO, NO)


#define ngx_task_field_index(name, type, shape, presence, filter, sort)       \
    ngx_task_field_##name,

/* ngx_task_field_title is the index of what a body has as "title" */
enum {
    NGX_TASK_FIELDS(ngx_task_field_index, ngx_api_field_skip)
    NGX_TASK_FIELDS_N           /* those that a client may set */
};


extern const ngx_str_t        ngx_task_statuses[];
extern const ngx_str_t        ngx_task_priorities[];

/* what a body may hold: all for POST and PUT; PATCH is partial */
extern const ngx_api_field_t  ngx_task_fields[];


#endif /* _NGX_TASK_FIELDS_H_INCLUDED_ */
