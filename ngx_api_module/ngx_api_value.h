
/*
 * One value against one field, for the walks over a body (ngx_api_schema.c)
 * and over a query string (ngx_api_args.c).  Not for features.
 *
 * Every function that may find a fault returns NGX_OK when it did so: the
 * fault is in the array then, and the value is of no use.  NGX_ERROR is out of
 * memory.
 */


#ifndef _NGX_API_VALUE_H_INCLUDED_
#define _NGX_API_VALUE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <jansson.h>

#include "ngx_api_schema.h"


/* where a value was found, and where its faults go */
typedef struct {
    ngx_pool_t    *pool;
    ngx_array_t   *faults;
    ngx_uint_t    *room;        /* for so many faults more */
    ngx_uint_t     kept;        /* so many of all are for other objects */
    ngx_str_t      base;        /* the pointer to the object it is in */
    ngx_str_t      name;        /* of the member or parameter; null: the whole
                                   of base */
    ngx_int_t      item;        /* its element; -1: the whole of it */
    unsigned       pointer:1;   /* faults tell a JSON pointer, else the name */
} ngx_api_place_t;


/* text of any type that is a string in JSON; text has a NUL after it and lives
 * as long as the value; it must be valid UTF-8 without U+0000 */
ngx_int_t ngx_api_value_text(const ngx_api_place_t *at,
    const ngx_api_field_t *field, const char *text, size_t len,
    ngx_api_value_t *value);

ngx_int_t ngx_api_value_labels(const ngx_api_place_t *at,
    const ngx_api_field_t *field, const json_t *array,
    ngx_api_value_t *value);

/* NGX_API_UUIDS, NGX_API_NAMES */
ngx_int_t ngx_api_value_distinct(const ngx_api_place_t *at,
    const ngx_api_field_t *field, const json_t *array,
    ngx_api_value_t *value);

/* the fault of an array that has fewer than min or more than max elements;
 * *n: its size, cut to max */
ngx_int_t ngx_api_value_count(const ngx_api_place_t *at, ngx_int_t min,
    ngx_int_t max, size_t *n);

ngx_int_t ngx_api_value_integer(const ngx_api_place_t *at,
    const ngx_api_field_t *field, int64_t n, ngx_api_value_t *value);

/* the fault of an integer beyond min..max */
ngx_int_t ngx_api_value_out_of_range(const ngx_api_place_t *at,
    const ngx_api_field_t *field);

/* an integer as JSON writes it; NGX_OK, NGX_DECLINED if it is none, NGX_ABORT
 * if it does not fit */
ngx_int_t ngx_api_value_parse_integer(const char *text, size_t len,
    int64_t *n);

void ngx_api_value_boolean(ngx_uint_t b, ngx_api_value_t *value);

/* the table's own value of a field that is absent */
void ngx_api_value_preset(const ngx_api_field_t *field,
    ngx_api_value_t *value);

/* adds a fault, if there is room; code is static, detail is copied */
ngx_int_t ngx_api_value_fault(const ngx_api_place_t *at, const char *code,
    const char *detail);

/* "/tasks/3/title/2": the JSON pointer to the place (RFC 6901) */
ngx_int_t ngx_api_value_pointer(const ngx_api_place_t *at, ngx_str_t *where);


/*
 * The walk: clears the values; finds a field by its name, NULL if there is
 * none; and for the fields that were not set finds those required and gives
 * the others their preset, unless partial.
 */
void ngx_api_schema_begin(const ngx_api_field_t *fields,
    ngx_api_value_t *values);

const ngx_api_field_t *ngx_api_schema_find(const ngx_api_field_t *fields,
    const u_char *name, size_t len);

ngx_int_t ngx_api_schema_end(ngx_api_place_t *at,
    const ngx_api_field_t *fields, ngx_uint_t partial,
    ngx_api_value_t *values);


#endif /* _NGX_API_VALUE_H_INCLUDED_ */
