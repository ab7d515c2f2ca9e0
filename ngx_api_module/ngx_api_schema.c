
/*
 * Static tables of fields, and the check of a JSON body against one.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <jansson.h>

#include "ngx_api_schema.h"
#include "ngx_api_value.h"


/* 2^63: from here on a double fits no int64_t */
#define NGX_API_SCHEMA_TOO_BIG  9223372036854775808.0


static ngx_int_t ngx_api_schema_object(const ngx_api_place_t *outer,
    const ngx_api_field_t *fields, const json_t *json, ngx_uint_t partial,
    ngx_api_value_t *values);
static ngx_int_t ngx_api_schema_member(ngx_api_place_t *at,
    const ngx_api_field_t *fields, const json_t *json,
    ngx_api_value_t *values);
static ngx_int_t ngx_api_schema_value(const ngx_api_place_t *at,
    const ngx_api_field_t *field, const json_t *json, ngx_api_value_t *value);
static ngx_int_t ngx_api_schema_array(const ngx_api_place_t *at,
    const ngx_api_field_t *field, const json_t *json, ngx_api_value_t *value);
static ngx_int_t ngx_api_schema_objects(const ngx_api_place_t *at,
    const ngx_api_field_t *field, const json_t *json, size_t n,
    ngx_api_value_t *value);
static ngx_int_t ngx_api_schema_one_of(ngx_api_place_t *at,
    const ngx_api_field_t *fields, const ngx_api_value_t *values);
static ngx_int_t ngx_api_schema_number(const ngx_api_place_t *at,
    const ngx_api_field_t *field, const json_t *json, ngx_api_value_t *value);


const ngx_str_t  ngx_api_none_names[] = {
    ngx_string("none"),
    ngx_null_string
};

const ngx_str_t  ngx_api_member_names[] = {
    ngx_string("me"),
    ngx_string("none"),
    ngx_null_string
};


ngx_int_t
ngx_api_schema_check(ngx_pool_t *pool, const ngx_api_field_t *fields,
    const json_t *body, ngx_uint_t partial, ngx_api_value_t *values,
    ngx_array_t *faults)
{
    ngx_api_place_t  at;

    ngx_memzero(&at, sizeof(ngx_api_place_t));

    at.pool = pool;
    at.faults = faults;
    at.pointer = 1;
    ngx_str_set(&at.base, "");

    return ngx_api_schema_object(&at, fields, body, partial, values);
}


/* outer: the pool, the faults, and the base of the members */

static ngx_int_t
ngx_api_schema_object(const ngx_api_place_t *outer,
    const ngx_api_field_t *fields, const json_t *json, ngx_uint_t partial,
    ngx_api_value_t *values)
{
    void             *iter;
    json_t           *object;
    ngx_uint_t        room;
    ngx_api_place_t   at;

    ngx_api_schema_begin(fields, values);

    /* each object may have that many faults, so that one does not hide those
     * of the next */

    room = NGX_API_FAULTS_MAX;

    at = *outer;
    at.room = &room;
    at.item = -1;
    ngx_str_null(&at.name);

    if (!json_is_object(json)) {
        return ngx_api_value_fault(&at, "invalid_type", "must be an object");
    }

    /* jansson iterates only over what it may change */

    object = (json_t *) json;

    for (iter = json_object_iter(object);
         iter;
         iter = json_object_iter_next(object, iter))
    {
        at.name.data = (u_char *) json_object_iter_key(iter);
        at.name.len = ngx_strlen(at.name.data);

        if (ngx_api_schema_member(&at, fields, json_object_iter_value(iter),
                                  values)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return ngx_api_schema_end(&at, fields, partial, values);
}


ngx_int_t
ngx_api_fault_add(ngx_array_t *faults, const ngx_str_t *where,
    const char *code, const char *detail)
{
    u_char           *p;
    ngx_api_fault_t  *fault;

    p = ngx_pnalloc(faults->pool, where->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, where->data, where->len);

    fault = ngx_array_push(faults);
    if (fault == NULL) {
        return NGX_ERROR;
    }

    fault->where.data = p;
    fault->where.len = where->len;
    fault->code = code;
    fault->detail.data = (u_char *) detail;
    fault->detail.len = ngx_strlen(detail);

    return NGX_OK;
}


void
ngx_api_schema_begin(const ngx_api_field_t *fields, ngx_api_value_t *values)
{
    ngx_uint_t  i;

    for (i = 0; fields && fields[i].name.data; i++) {
        ngx_memzero(&values[i], sizeof(ngx_api_value_t));
    }
}


const ngx_api_field_t *
ngx_api_schema_find(const ngx_api_field_t *fields, const u_char *name,
    size_t len)
{
    const ngx_api_field_t  *field;

    for (field = fields; field && field->name.data; field++) {

        if (field->name.len == len
            && ngx_memcmp(field->name.data, name, len) == 0)
        {
            return field;
        }
    }

    return NULL;
}


ngx_int_t
ngx_api_schema_end(ngx_api_place_t *at, const ngx_api_field_t *fields,
    ngx_uint_t partial, ngx_api_value_t *values)
{
    ngx_uint_t  i;

    if (partial) {
        return NGX_OK;
    }

    for (i = 0; fields && fields[i].name.data; i++) {

        if (values[i].set) {
            continue;
        }

        if (!(fields[i].flags & NGX_API_REQUIRED)) {
            ngx_api_value_preset(&fields[i], &values[i]);
            continue;
        }

        at->name = fields[i].name;

        if (ngx_api_value_fault(at, "required", "must be given") != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return ngx_api_schema_one_of(at, fields, values);
}


/* of none, the first is told to be missing; of several, all but the first are
 * one too many */

static ngx_int_t
ngx_api_schema_one_of(ngx_api_place_t *at, const ngx_api_field_t *fields,
    const ngx_api_value_t *values)
{
    ngx_uint_t              i, n;
    const ngx_api_field_t  *first;

    n = 0;
    first = NULL;

    for (i = 0; fields && fields[i].name.data; i++) {

        if (!(fields[i].flags & NGX_API_ONE_OF)) {
            continue;
        }

        if (first == NULL) {
            first = &fields[i];
        }

        if (!values[i].set || n++ == 0) {
            continue;
        }

        at->name = fields[i].name;

        if (ngx_api_value_fault(at, "mutually_exclusive",
                                "only one of these fields may be given")
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (first == NULL || n) {
        return NGX_OK;
    }

    at->name = first->name;

    return ngx_api_value_fault(at, "required",
                               "this or another field for it must be given");
}


static ngx_int_t
ngx_api_schema_member(ngx_api_place_t *at, const ngx_api_field_t *fields,
    const json_t *json, ngx_api_value_t *values)
{
    ngx_api_value_t        *value;
    const ngx_api_field_t  *field;

    field = ngx_api_schema_find(fields, at->name.data, at->name.len);

    if (field == NULL) {
        return ngx_api_value_fault(at, "unknown_field",
                                   "is not a field of this object");
    }

    value = &values[field - fields];
    value->set = 1;

    if (field->flags & NGX_API_READ_ONLY) {
        return ngx_api_value_fault(at, "read_only",
                                   "cannot be set by a client");
    }

    if (!json_is_null(json)) {
        return ngx_api_schema_value(at, field, json, value);
    }

    if (field->flags & NGX_API_NULLABLE) {
        return NGX_OK;
    }

    return ngx_api_value_fault(at, "not_nullable", "must not be null");
}


static ngx_int_t
ngx_api_schema_value(const ngx_api_place_t *at, const ngx_api_field_t *field,
    const json_t *json, ngx_api_value_t *value)
{
    switch (field->type) {

    case NGX_API_INTEGER:
        return ngx_api_schema_number(at, field, json, value);

    case NGX_API_BOOLEAN:
        if (json_is_boolean(json)) {
            ngx_api_value_boolean(json_is_true(json), value);
            return NGX_OK;
        }

        return ngx_api_value_fault(at, "invalid_type",
                                   "must be true or false");

    case NGX_API_LABELS:
    case NGX_API_UUIDS:
    case NGX_API_NAMES:
    case NGX_API_OBJECTS:
        return ngx_api_schema_array(at, field, json, value);

    case NGX_API_OBJECT:
        return ngx_api_schema_objects(at, field, json, 1, value);

    default:
        if (json_is_string(json)) {
            return ngx_api_value_text(at, field, json_string_value(json),
                                      json_string_length(json), value);
        }

        return ngx_api_value_fault(at, "invalid_type", "must be a string");
    }
}


static ngx_int_t
ngx_api_schema_array(const ngx_api_place_t *at, const ngx_api_field_t *field,
    const json_t *json, ngx_api_value_t *value)
{
    size_t  n;

    if (!json_is_array(json)) {
        return ngx_api_value_fault(at, "invalid_type",
                                   field->type == NGX_API_OBJECTS
                                   ? "must be an array of objects"
                                   : "must be an array of strings");
    }

    if (field->type == NGX_API_LABELS) {
        return ngx_api_value_labels(at, field, json, value);
    }

    if (field->type == NGX_API_UUIDS || field->type == NGX_API_NAMES) {
        return ngx_api_value_distinct(at, field, json, value);
    }

    n = json_array_size(json);

    if (ngx_api_value_count(at, field->min, field->max, &n) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_api_schema_objects(at, field, json, n, value);
}


/* the first n elements of the array, or the object itself */

static ngx_int_t
ngx_api_schema_objects(const ngx_api_place_t *at, const ngx_api_field_t *field,
    const json_t *json, size_t n, ngx_api_value_t *value)
{
    size_t                  i, nmembers;
    ngx_uint_t              array;
    ngx_api_place_t         place;
    ngx_api_value_t        *values;
    const ngx_api_field_t  *fields;

    fields = field->of;
    array = (field->type == NGX_API_OBJECTS);

    for (nmembers = 0; fields[nmembers].name.data; nmembers++) { /* void */ }

    values = ngx_palloc(at->pool,
                        (n * nmembers + 1) * sizeof(ngx_api_value_t));
    if (values == NULL) {
        return NGX_ERROR;
    }

    value->members = values;
    value->nmembers = nmembers;
    value->integer = n;

    place = *at;

    for (i = 0; i < n; i++) {

        if (array) {
            place.item = i;
        }

        /* a fault of each object to come is told, and what the object around
         * them has yet to say */

        place.kept = at->kept + *at->room + (n - i - 1);

        if (ngx_api_value_pointer(&place, &place.base) != NGX_OK
            || ngx_api_schema_object(&place, fields,
                                     array ? json_array_get(json, i) : json,
                                     field->flags & NGX_API_PARTIAL, values)
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        place.base = at->base;
        values += nmembers;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_api_schema_number(const ngx_api_place_t *at, const ngx_api_field_t *field,
    const json_t *json, ngx_api_value_t *value)
{
    double  n;

    if (json_is_integer(json)) {
        return ngx_api_value_integer(at, field, json_integer_value(json),
                                     value);
    }

    /* the parser has integers that do not fit as reals */

    n = json_real_value(json);

    if (n >= NGX_API_SCHEMA_TOO_BIG || n <= -NGX_API_SCHEMA_TOO_BIG) {
        return ngx_api_value_out_of_range(at, field);
    }

    return ngx_api_value_fault(at, "invalid_type", "must be an integer");
}
