
/*
 * The fields of a project, declared once: see ngx_api_fields.h.  "role" is the
 * caller's, which statements add to the row.
 */


#ifndef _NGX_TASK_PROJECT_FIELDS_H_INCLUDED_
#define _NGX_TASK_PROJECT_FIELDS_H_INCLUDED_


#include "ngx_api_fields.h"


#define NGX_TASK_PROJECT_FIELDS(W, R)                                         \
    R(id, uuid, UUID, NOT_NULL, NO, NO)                                       \
    W(name, text, STRING(1, 200), REQUIRED, NO, SORT)                         \
    W(description, text, STRING(0, 4000), PRESET(""), NO, NO)                 \
    W(archived, boolean, BOOLEAN, PRESET("f"), FILTER(archived), NO)          \
    R(owner_id, uuid, UUID, NOT_NULL, NO, NO)                                 \
    R(role, task.role, ENUM(ngx_task_roles), NOT_NULL, NO, NO)                \
    R(created_at, timestamptz, TIMESTAMP, NOT_NULL, NO, SORT)                 \
    R(updated_at, timestamptz, TIMESTAMP, NOT_NULL, NO, SORT)                 \
    R(version, bigint, INTEGER(1, 9223372036854775807), NOT_NULL, NO, NO)


#define ngx_task_project_index(name, type, shape, presence, filter, sort)     \
    ngx_task_project_##name,

/* ngx_task_project_name is the index of what a body has as "name" */
enum {
    NGX_TASK_PROJECT_FIELDS(ngx_task_project_index, ngx_api_field_skip)
    NGX_TASK_PROJECT_FIELDS_N   /* those that a client may set */
};


/* the roles of members */
extern const ngx_str_t        ngx_task_roles[];

/* what a body may hold: all for POST and PUT; PATCH is partial */
extern const ngx_api_field_t  ngx_task_project_fields[];


#endif /* _NGX_TASK_PROJECT_FIELDS_H_INCLUDED_ */
