
/*
 * The fields of a comment, declared once: see ngx_api_fields.h.
 */


#ifndef _NGX_TASK_COMMENT_FIELDS_H_INCLUDED_
#define _NGX_TASK_COMMENT_FIELDS_H_INCLUDED_


#include "ngx_api_fields.h"


#define NGX_TASK_COMMENT_FIELDS(W, R)                                         \
    R(id, uuid, UUID, NOT_NULL, NO, NO)                                       \
    R(task_id, uuid, UUID, NOT_NULL, NO, NO)                                  \
    R(author_id, uuid, UUID, NOT_NULL, NO, NO)                                \
    W(body, text, STRING(1, 10000), REQUIRED, NO, NO)                         \
    R(created_at, timestamptz, TIMESTAMP, NOT_NULL, NO, SORT_ID)              \
    R(updated_at, timestamptz, TIMESTAMP, NOT_NULL, NO, NO)                   \
    R(version, bigint, INTEGER(1, 9223372036854775807), NOT_NULL, NO, NO)


#define ngx_task_comment_field_index(name, type, shape, presence, filter,     \
    sort)                                                                     \
    ngx_task_comment_field_##name,

enum {
    NGX_TASK_COMMENT_FIELDS(ngx_task_comment_field_index,
                            ngx_api_field_skip)
    NGX_TASK_COMMENT_FIELDS_N   /* those that a client may set */
};


/* what a body may hold */
extern const ngx_api_field_t  ngx_task_comment_fields[];


#endif /* _NGX_TASK_COMMENT_FIELDS_H_INCLUDED_ */
