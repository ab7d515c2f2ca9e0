
/*
 * Fields declared once.  A resource has one table of rows, a macro in a header
 * of its own, and all else is made of the rows: the checks of bodies and of
 * query arguments by the macros below, what the statements say of the columns
 * by sql/embed.
 *
 *     #define NGX_TASK_FIELDS(W, R)                                          \
 *         R(id,     uuid,        UUID,           NOT_NULL, NO, NO)           \
 *         W(title,  text,        STRING(1, 500), REQUIRED, NO, NO)           \
 *         W(due_at, timestamptz, TIMESTAMP,      NULLABLE, FILTER(due), SORT)
 *
 * W is a field that a client may set, R one that is read only.  The order is
 * that of answers.  The columns of a row:
 *
 *     name      of the field and of the column in the table
 *     type      of the column, as SQL has it
 *     shape     UUID
 *               MEMBER                       the id of a member of the project
 *               TIMESTAMP
 *               BOOLEAN
 *               STRING(min, max)             in characters
 *               INTEGER(min, max)
 *               ENUM(names)                  a table as in ngx_api_field_t
 *               LABELS(items, min, max)      an array of 0..items strings
 *               NAMES(names, min, max)       an array of min..max of the names
 *               CHECKED(check, min, max)     a string that a feature looks at,
 *                                            by a table of ngx_api_check_t
 *     presence  W: REQUIRED, NULLABLE (null when absent), or
 *                  PRESET(text): what it is when absent, as ngx_api_field_t
 *                  has it; PRESET(NULL): the statement finds it
 *               R: NOT_NULL or NULLABLE
 *     filter    NO, or FILTER(name): the query argument of lists.  A list of
 *               names for an ENUM; one label or one of NAMES; an id, "me" or
 *               "none" for a MEMBER; for a TIMESTAMP there are name_before and
 *               name_after, and where it is NULLABLE, name=none
 *     sort      NO, SORT, or SORT_ID: ids are in its order
 */


#ifndef _NGX_API_FIELDS_H_INCLUDED_
#define _NGX_API_FIELDS_H_INCLUDED_


#include "ngx_api_schema.h"


/* for W or R: nothing; and "+ 1" for each row, so that 0 and all are their
 * number */

#define ngx_api_field_skip(name, type, shape, presence, filter, sort)

#define ngx_api_field_count(name, type, shape, presence, filter, sort)  + 1


/*
 * The table of bodies, ngx_api_field_t[]: first the W, so that those have the
 * same index everywhere, then the R.
 */

#define ngx_api_field_table(fields)                                           \
    fields(ngx_api_field_w, ngx_api_field_skip)                               \
    fields(ngx_api_field_skip, ngx_api_field_r)                               \
    ngx_api_null_field

#define ngx_api_field_w(name, type, shape, presence, filter, sort)            \
    { ngx_string(#name), NGX_API_SHAPE_##shape, NGX_API_PRESENCE_##presence },

#define ngx_api_field_r(name, type, shape, presence, filter, sort)            \
    { ngx_string(#name), .flags = NGX_API_READ_ONLY },

#define NGX_API_SHAPE_UUID             .type = NGX_API_UUID
#define NGX_API_SHAPE_MEMBER           .type = NGX_API_UUID
#define NGX_API_SHAPE_TIMESTAMP        .type = NGX_API_TIMESTAMP
#define NGX_API_SHAPE_BOOLEAN          .type = NGX_API_BOOLEAN
#define NGX_API_SHAPE_STRING(lo, hi)   .type = NGX_API_STRING, .min = lo,     \
                                       .max = hi
#define NGX_API_SHAPE_INTEGER(lo, hi)  .type = NGX_API_INTEGER, .min = lo,    \
                                       .max = hi
#define NGX_API_SHAPE_ENUM(list)       .type = NGX_API_ENUM, .of = list
#define NGX_API_SHAPE_LABELS(n, lo, hi)                                       \
                                       .type = NGX_API_LABELS, .items = n,    \
                                       .min = lo, .max = hi

#define NGX_API_SHAPE_NAMES(list, lo, hi)                                     \
                                       .type = NGX_API_NAMES, .min = lo,      \
                                       .max = hi, .of = list
#define NGX_API_SHAPE_CHECKED(check, lo, hi)                                  \
                                       .type = NGX_API_CHECKED, .min = lo,    \
                                       .max = hi, .of = &check

#define NGX_API_PRESENCE_REQUIRED      .flags = NGX_API_REQUIRED
#define NGX_API_PRESENCE_NULLABLE      .flags = NGX_API_NULLABLE
#define NGX_API_PRESENCE_PRESET(text)  .preset = text


/*
 * Rows for a table of query arguments, in the order in which sql/embed's
 * "-- arguments:" has their texts as parameters; and "+ 1" for each of them.
 */

#define ngx_api_field_args(name, type, shape, presence, filter, sort)         \
    NGX_API_ARGS(ngx_api_arg_row, NGX_API_FILTER_##filter,                    \
                 NGX_API_ARG_##shape, NGX_API_NONE_##presence)

#define ngx_api_field_nargs(name, type, shape, presence, filter, sort)        \
    NGX_API_ARGS(ngx_api_arg_count, NGX_API_FILTER_##filter,                  \
                 NGX_API_ARG_##shape, NGX_API_NONE_##presence)

#define ngx_api_arg_row(name, kind, lo, hi, list)                             \
    { ngx_string(#name), .type = kind, .min = lo, .max = hi, .of = list },

#define ngx_api_arg_count(name, kind, lo, hi, list)  + 1

/* what follows becomes the arguments of NGX_API_ARGS_() */

#define NGX_API_FILTER_NO              OFF, none
#define NGX_API_FILTER_FILTER(param)   ON, param

#define NGX_API_ARG_UUID               ONE, NGX_API_UUID, 0, 0, NULL
#define NGX_API_ARG_MEMBER             ONE, NGX_API_UUID, 0, 0,               \
                                       ngx_api_member_names
#define NGX_API_ARG_TIMESTAMP          RANGE, NGX_API_TIMESTAMP, 0, 0, NULL
#define NGX_API_ARG_BOOLEAN            ONE, NGX_API_BOOLEAN, 0, 0, NULL
#define NGX_API_ARG_STRING(lo, hi)     ONE, NGX_API_STRING, lo, hi, NULL
#define NGX_API_ARG_INTEGER(lo, hi)    ONE, NGX_API_INTEGER, lo, hi, NULL
#define NGX_API_ARG_ENUM(list)         ONE, NGX_API_ENUM_LIST, 0, 0, list
#define NGX_API_ARG_LABELS(n, lo, hi)  ONE, NGX_API_STRING, lo, hi, NULL

#define NGX_API_ARG_NAMES(list, lo, hi)                                       \
                                       ONE, NGX_API_ENUM, 0, 0, list
#define NGX_API_ARG_CHECKED(check, lo, hi)                                    \
                                       ONE, NGX_API_STRING, lo, hi, NULL

#define NGX_API_NONE_REQUIRED          OFF
#define NGX_API_NONE_PRESET(text)      OFF
#define NGX_API_NONE_NOT_NULL          OFF
#define NGX_API_NONE_NULLABLE          ON

#define NGX_API_ARGS(...)              NGX_API_ARGS_(__VA_ARGS__)
#define NGX_API_ARGS_(row, on, param, kind, type, lo, hi, list, null)         \
    NGX_API_ARGS_##on(NGX_API_ARGS_##kind(row, param, type, lo, hi, list,     \
                                          null))

#define NGX_API_ARGS_OFF(...)
#define NGX_API_ARGS_ON(...)           __VA_ARGS__

#define NGX_API_ARGS_ONE(row, param, type, lo, hi, list, null)                \
    row(param, type, lo, hi, list)

#define NGX_API_ARGS_RANGE(row, param, type, lo, hi, list, null)              \
    row(param##_before, type, lo, hi, list)                                   \
    row(param##_after, type, lo, hi, list)                                    \
    NGX_API_ARGS_##null(row(param, NGX_API_ENUM, 0, 0, ngx_api_none_names))


/*
 * The names of a list's orders, each ascending and then descending ("-due_at"),
 * by index the same as the statements that "-- sorts:" makes.
 */

#define ngx_api_field_sorts(name, type, shape, presence, filter, sort)        \
    NGX_API_SORT_##sort(#name)

#define NGX_API_SORT_NO(text)
#define NGX_API_SORT_SORT(text)        ngx_string(text), ngx_string("-" text),
#define NGX_API_SORT_SORT_ID(text)     ngx_string(text), ngx_string("-" text),


#endif /* _NGX_API_FIELDS_H_INCLUDED_ */
