
/*
 * Rows of a binary PostgreSQL result -> JSON, by the columns' types:
 *
 *     boolean                    true, false
 *     smallint, integer, bigint  a number
 *     uuid                       a string
 *     timestamptz                a string, RFC 3339, UTC, Z
 *     json, jsonb                as it is
 *     text[]                     an array of strings
 *     text and the like, enums   a string
 *
 * SQL NULL is null.  Types with an OID from 16384 on, which are those made by
 * CREATE TYPE, are taken for enums.  A column whose name begins with "_" is
 * for the handler and is not written; names go out as they are: they are those
 * of our own statements and need no escape.
 */


#ifndef _NGX_API_PG_JSON_H_INCLUDED_
#define _NGX_API_PG_JSON_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <libpq-fe.h>

#include "ngx_api_json.h"


/* the row as an object; a type not listed above or a malformed value, and an
 * infinite timestamptz, sets j->failed */
void ngx_api_pg_json_row(ngx_api_json_t *j, const PGresult *res, int row);

/* the same without the end, for more members to follow; 0: there was no column,
 * and nothing was written */
ngx_uint_t ngx_api_pg_json_open(ngx_api_json_t *j, const PGresult *res,
    int row);

/* one column of a row by its number */
void ngx_api_pg_json_value(ngx_api_json_t *j, const PGresult *res, int row,
    int column);

/*
 * Readers for handlers.  The column must be of the type named; SQL NULL is 0,
 * or a null string.
 */

/* smallint, integer, bigint */
int64_t ngx_api_pg_integer(const PGresult *res, int row, int column);

/* timestamptz -> UNIX us; -infinity is INT64_MIN, infinity INT64_MAX */
int64_t ngx_api_pg_time(const PGresult *res, int row, int column);

ngx_uint_t ngx_api_pg_boolean(const PGresult *res, int row, int column);

/* points into the result, NUL-terminated */
ngx_str_t ngx_api_pg_text(const PGresult *res, int row, int column);


#endif /* _NGX_API_PG_JSON_H_INCLUDED_ */
