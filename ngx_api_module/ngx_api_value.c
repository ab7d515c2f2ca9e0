
/*
 * One value against one field.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <jansson.h>

#include "ngx_api_cursor.h"
#include "ngx_api_schema.h"
#include "ngx_api_text.h"
#include "ngx_api_time.h"
#include "ngx_api_uuid.h"
#include "ngx_api_value.h"


/* a sentence with two numbers in it */
#define NGX_API_DETAIL_LEN  100


static ngx_int_t ngx_api_value_length(const ngx_api_place_t *at,
    const ngx_api_field_t *field, ngx_int_t n, const char *unit);
static ngx_int_t ngx_api_value_length_fault(const ngx_api_place_t *at,
    const char *code, const char *most, ngx_int_t n, const char *unit);
static ngx_int_t ngx_api_value_email(const ngx_api_place_t *at,
    const ngx_api_field_t *field, const char *text, size_t len);
static ngx_int_t ngx_api_value_uuid(const ngx_api_place_t *at,
    const char *text, size_t len, ngx_api_value_t *value);
static ngx_int_t ngx_api_value_uuid_or_name(const ngx_api_place_t *at,
    const ngx_api_field_t *field, const char *text, size_t len,
    ngx_api_value_t *value);
static ngx_int_t ngx_api_value_distinct_item(const ngx_api_place_t *at,
    const ngx_api_field_t *field, const json_t *json, ngx_str_t *list,
    ngx_uint_t *n);
static ngx_int_t ngx_api_value_checked(const ngx_api_place_t *at,
    const ngx_api_field_t *field, const char *text, size_t len);
static ngx_int_t ngx_api_value_timestamp(const ngx_api_place_t *at,
    const char *text, size_t len, ngx_api_value_t *value);
static ngx_int_t ngx_api_value_enum(const ngx_api_place_t *at,
    const ngx_api_field_t *field, const char *text, size_t len,
    ngx_api_value_t *value);
static ngx_int_t ngx_api_value_enum_list(const ngx_api_place_t *at,
    const ngx_api_field_t *field, const char *text, size_t len,
    ngx_api_value_t *value);
static ngx_int_t ngx_api_value_name(const ngx_api_field_t *field,
    const char *text, size_t len);
static ngx_int_t ngx_api_value_name_fault(const ngx_api_place_t *at,
    const ngx_api_field_t *field, const char *must);
static ngx_uint_t ngx_api_value_fold(ngx_str_t *list, ngx_uint_t n,
    const char *text, size_t len);
static ngx_int_t ngx_api_value_array(ngx_pool_t *pool, const ngx_str_t *list,
    ngx_uint_t n, ngx_api_value_t *value);


ngx_int_t
ngx_api_value_text(const ngx_api_place_t *at, const ngx_api_field_t *field,
    const char *text, size_t len, ngx_api_value_t *value)
{
    value->text = text;
    value->len = len;

    switch (field->type) {

    case NGX_API_STRING:
        return ngx_api_value_length(at, field,
                                    ngx_api_text_utf8((u_char *) text, len),
                                    "character");

    case NGX_API_CHECKED:
        return ngx_api_value_checked(at, field, text, len);

    case NGX_API_TEXT_BYTES:
        return ngx_api_value_length(at, field, len, "byte");

    case NGX_API_EMAIL:
        return ngx_api_value_email(at, field, text, len);

    case NGX_API_UUID:
        if (field->of) {
            return ngx_api_value_uuid_or_name(at, field, text, len, value);
        }

        return ngx_api_value_uuid(at, text, len, value);

    case NGX_API_TIMESTAMP:
        return ngx_api_value_timestamp(at, text, len, value);

    case NGX_API_ENUM:
        return ngx_api_value_enum(at, field, text, len, value);

    case NGX_API_ENUM_LIST:
        return ngx_api_value_enum_list(at, field, text, len, value);

    case NGX_API_CURSOR:
        if (len > 0 && len <= NGX_API_CURSOR_LEN) {
            return NGX_OK;
        }

        return ngx_api_value_fault(at, "invalid_value",
                                   "must be a cursor of this list");

    default:
        return ngx_api_value_fault(at, "invalid_type",
                                   "must not be a string");
    }
}


ngx_int_t
ngx_api_value_labels(const ngx_api_place_t *at, const ngx_api_field_t *field,
    const json_t *array, ngx_api_value_t *value)
{
    size_t            i, n, len;
    ngx_str_t        *list;
    ngx_uint_t        distinct;
    const char       *text;
    const json_t     *json;
    ngx_api_place_t   item;

    n = json_array_size(array);

    if (ngx_api_value_count(at, 0, field->items, &n) != NGX_OK) {
        return NGX_ERROR;
    }

    list = ngx_palloc(at->pool, (n + 1) * sizeof(ngx_str_t));
    if (list == NULL) {
        return NGX_ERROR;
    }

    item = *at;
    distinct = 0;

    for (i = 0; i < n; i++) {
        item.item = i;
        json = json_array_get(array, i);

        if (!json_is_string(json)) {
            if (ngx_api_value_fault(&item, "invalid_type", "must be a string")
                != NGX_OK)
            {
                return NGX_ERROR;
            }

            continue;
        }

        text = json_string_value(json);
        len = json_string_length(json);

        if (ngx_api_value_length(&item, field,
                                 ngx_api_text_utf8((u_char *) text, len),
                                 "character")
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        distinct = ngx_api_value_fold(list, distinct, text, len);
    }

    return ngx_api_value_array(at->pool, list, distinct, value);
}


ngx_int_t
ngx_api_value_distinct(const ngx_api_place_t *at,
    const ngx_api_field_t *field, const json_t *array, ngx_api_value_t *value)
{
    size_t            i, n;
    ngx_str_t        *list;
    ngx_uint_t        distinct, room;
    ngx_api_place_t   item;

    n = json_array_size(array);

    if (ngx_api_value_count(at, field->min, field->max, &n) != NGX_OK) {
        return NGX_ERROR;
    }

    list = ngx_palloc(at->pool, (n + 1) * sizeof(ngx_str_t));
    if (list == NULL) {
        return NGX_ERROR;
    }

    item = *at;
    item.room = &room;
    room = n;
    distinct = 0;

    for (i = 0; i < n; i++) {
        item.item = i;

        if (ngx_api_value_distinct_item(&item, field, json_array_get(array, i),
                                        list, &distinct)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    value->integer = distinct;

    return ngx_api_value_array(at->pool, list, distinct, value);
}


static ngx_int_t
ngx_api_value_distinct_item(const ngx_api_place_t *at,
    const ngx_api_field_t *field, const json_t *json, ngx_str_t *list,
    ngx_uint_t *n)
{
    size_t           len;
    ngx_int_t        rc;
    ngx_uint_t       distinct;
    const char      *text;
    ngx_api_value_t  item;

    if (!json_is_string(json)) {
        return ngx_api_value_fault(at, "invalid_type", "must be a string");
    }

    text = json_string_value(json);
    len = json_string_length(json);

    ngx_memzero(&item, sizeof(ngx_api_value_t));

    if (field->type == NGX_API_UUIDS) {
        rc = ngx_api_value_uuid(at, text, len, &item);

    } else {
        rc = ngx_api_value_enum(at, field, text, len, &item);

        if (item.integer != NGX_ERROR) {
            item.text = text;
            item.len = len;
        }
    }

    if (rc != NGX_OK || item.text == NULL) {
        return rc;
    }

    distinct = ngx_api_value_fold(list, *n, item.text, item.len);

    if (distinct == *n) {
        return ngx_api_value_fault(at, "duplicate",
                                   "must be there only once");
    }

    *n = distinct;

    return NGX_OK;
}


ngx_int_t
ngx_api_value_count(const ngx_api_place_t *at, ngx_int_t min, ngx_int_t max,
    size_t *n)
{
    char  detail[NGX_API_DETAIL_LEN];

    if (*n < (size_t) min) {
        (void) snprintf(detail, sizeof(detail), "must have at least %ld item%s",
                        (long) min, (min == 1) ? "" : "s");

        return ngx_api_value_fault(at, "too_short", detail);
    }

    if (*n > (size_t) max) {
        *n = max;

        (void) snprintf(detail, sizeof(detail), "must have at most %ld item%s",
                        (long) max, (max == 1) ? "" : "s");

        return ngx_api_value_fault(at, "too_many", detail);
    }

    return NGX_OK;
}


ngx_int_t
ngx_api_value_integer(const ngx_api_place_t *at, const ngx_api_field_t *field,
    int64_t n, ngx_api_value_t *value)
{
    int    len;
    char  *text;

    if (n < field->min || n > field->max) {
        return ngx_api_value_out_of_range(at, field);
    }

    text = ngx_pnalloc(at->pool, NGX_INT64_LEN + 1);
    if (text == NULL) {
        return NGX_ERROR;
    }

    len = snprintf(text, NGX_INT64_LEN + 1, "%lld", (long long) n);

    value->text = text;
    value->len = len;
    value->integer = n;

    return NGX_OK;
}


ngx_int_t
ngx_api_value_out_of_range(const ngx_api_place_t *at,
    const ngx_api_field_t *field)
{
    char  detail[NGX_API_DETAIL_LEN];

    (void) snprintf(detail, sizeof(detail), "must be between %lld and %lld",
                    (long long) field->min, (long long) field->max);

    return ngx_api_value_fault(at, "out_of_range", detail);
}


ngx_int_t
ngx_api_value_parse_integer(const char *text, size_t len, int64_t *n)
{
    uint64_t     u, limit, digit;
    ngx_uint_t   negative, fits;
    const char  *p, *end;

    p = text;
    end = p + len;

    negative = (p < end && *p == '-');

    if (negative) {
        p++;
    }

    /* no digits, "-0" and "01" */

    if (p == end || (*p == '0' && (negative || end - p > 1))) {
        return NGX_DECLINED;
    }

    u = 0;
    fits = 1;
    limit = (uint64_t) INT64_MAX + negative;

    for ( /* void */ ; p < end; p++) {

        if (*p < '0' || *p > '9') {
            return NGX_DECLINED;
        }

        digit = *p - '0';

        if (fits && u <= (limit - digit) / 10) {
            u = u * 10 + digit;

        } else {
            fits = 0;
        }
    }

    if (!fits) {
        return NGX_ABORT;
    }

    *n = (int64_t) (negative ? 0 - u : u);

    return NGX_OK;
}


void
ngx_api_value_boolean(ngx_uint_t b, ngx_api_value_t *value)
{
    value->text = b ? "t" : "f";
    value->len = 1;
    value->integer = b ? 1 : 0;
}


void
ngx_api_value_preset(const ngx_api_field_t *field, ngx_api_value_t *value)
{
    if (field->preset == NULL) {
        return;
    }

    value->text = field->preset;
    value->len = ngx_strlen(field->preset);

    switch (field->type) {

    case NGX_API_INTEGER:
        (void) ngx_api_value_parse_integer(value->text, value->len,
                                           &value->integer);
        break;

    case NGX_API_BOOLEAN:
        value->integer = (value->text[0] == 't');
        break;

    case NGX_API_ENUM:
        value->integer = ngx_api_value_name(field, value->text, value->len);
        break;

    case NGX_API_TIMESTAMP:
        (void) ngx_api_time_parse((u_char *) value->text, value->len,
                                  &value->integer);
        break;

    default:
        break;
    }
}


static ngx_int_t
ngx_api_value_length(const ngx_api_place_t *at, const ngx_api_field_t *field,
    ngx_int_t n, const char *unit)
{
    if (n < field->min) {
        return ngx_api_value_length_fault(at, "too_short", "least", field->min,
                                          unit);
    }

    if (n > field->max) {
        return ngx_api_value_length_fault(at, "too_long", "most", field->max,
                                          unit);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_api_value_length_fault(const ngx_api_place_t *at, const char *code,
    const char *most, ngx_int_t n, const char *unit)
{
    char  detail[NGX_API_DETAIL_LEN];

    (void) snprintf(detail, sizeof(detail), "must be at %s %ld %s%s long",
                    most, (long) n, unit, (n == 1) ? "" : "s");

    return ngx_api_value_fault(at, code, detail);
}


static ngx_int_t
ngx_api_value_checked(const ngx_api_place_t *at, const ngx_api_field_t *field,
    const char *text, size_t len)
{
    ngx_int_t               n;
    ngx_uint_t              i, found;
    const ngx_api_check_t  *of;

    n = ngx_api_text_utf8((u_char *) text, len);

    if (n < field->min || n > field->max) {
        return ngx_api_value_length(at, field, n, "character");
    }

    of = field->of;
    found = of->check((u_char *) text, len);

    for (i = 0; of->faults[i].code; i++) {

        if ((found >> i & 1)
            && ngx_api_value_fault(at, of->faults[i].code,
                                   of->faults[i].detail)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_api_value_email(const ngx_api_place_t *at, const ngx_api_field_t *field,
    const char *text, size_t len)
{
    ngx_int_t  max;

    max = ngx_min(field->max, NGX_API_TEXT_EMAIL_MAX);

    if ((ngx_int_t) len > max) {
        return ngx_api_value_length_fault(at, "too_long", "most", max, "byte");
    }

    if (ngx_api_text_is_email((u_char *) text, len)) {
        return NGX_OK;
    }

    return ngx_api_value_fault(at, "invalid_format",
                               "must be an e-mail address such as "
                               "name@example.com");
}


static ngx_int_t
ngx_api_value_uuid(const ngx_api_place_t *at, const char *text, size_t len,
    ngx_api_value_t *value)
{
    u_char  *p, uuid[16];

    if (ngx_api_uuid_parse((u_char *) text, len, uuid) != NGX_OK) {
        return ngx_api_value_fault(at, "invalid_format", "must be a UUID");
    }

    p = ngx_pnalloc(at->pool, NGX_API_UUID_LEN + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    *ngx_api_uuid_format(p, uuid) = '\0';

    value->text = (char *) p;
    value->len = NGX_API_UUID_LEN;

    return NGX_OK;
}


static ngx_int_t
ngx_api_value_uuid_or_name(const ngx_api_place_t *at,
    const ngx_api_field_t *field, const char *text, size_t len,
    ngx_api_value_t *value)
{
    u_char  uuid[16];

    if (ngx_api_value_name(field, text, len) != NGX_ERROR) {
        return NGX_OK;
    }

    if (ngx_api_uuid_parse((u_char *) text, len, uuid) != NGX_OK) {
        return ngx_api_value_name_fault(at, field,
                                        "must be a UUID or one of: ");
    }

    return ngx_api_value_uuid(at, text, len, value);
}


static ngx_int_t
ngx_api_value_timestamp(const ngx_api_place_t *at, const char *text,
    size_t len, ngx_api_value_t *value)
{
    u_char  *p, *last;

    if (ngx_api_time_parse((u_char *) text, len, &value->integer) != NGX_OK) {
        return ngx_api_value_fault(at, "invalid_format",
                                   "must be a date and time of RFC 3339 such "
                                   "as 2026-01-31T12:00:00Z");
    }

    p = ngx_pnalloc(at->pool, NGX_API_TIME_LEN + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    last = ngx_api_time_format(p, value->integer);
    *last = '\0';

    value->text = (char *) p;
    value->len = last - p;

    return NGX_OK;
}


static ngx_int_t
ngx_api_value_enum(const ngx_api_place_t *at, const ngx_api_field_t *field,
    const char *text, size_t len, ngx_api_value_t *value)
{
    value->integer = ngx_api_value_name(field, text, len);

    if (value->integer == NGX_ERROR) {
        return ngx_api_value_name_fault(at, field, "must be one of: ");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_api_value_enum_list(const ngx_api_place_t *at,
    const ngx_api_field_t *field, const char *text, size_t len,
    ngx_api_value_t *value)
{
    ngx_str_t        *list;
    ngx_uint_t        n, distinct;
    const char       *p, *end, *comma;
    const ngx_str_t  *names;

    names = field->of;

    for (n = 0; names[n].data; n++) { /* void */ }

    list = ngx_palloc(at->pool, n * sizeof(ngx_str_t));
    if (list == NULL) {
        return NGX_ERROR;
    }

    distinct = 0;
    p = text;
    end = text + len;

    for ( ;; ) {
        comma = memchr(p, ',', end - p);
        if (comma == NULL) {
            comma = end;
        }

        if (ngx_api_value_name(field, p, comma - p) == NGX_ERROR) {
            return ngx_api_value_name_fault(at, field,
                                            "must be a comma-separated list "
                                            "of: ");
        }

        distinct = ngx_api_value_fold(list, distinct, p, comma - p);

        if (comma == end) {
            break;
        }

        p = comma + 1;
    }

    return ngx_api_value_array(at->pool, list, distinct, value);
}


/* the index in the field's names, or NGX_ERROR */

static ngx_int_t
ngx_api_value_name(const ngx_api_field_t *field, const char *text, size_t len)
{
    ngx_int_t         i;
    const ngx_str_t  *names;

    names = field->of;

    for (i = 0; names[i].data; i++) {

        if (names[i].len == len && ngx_memcmp(names[i].data, text, len) == 0) {
            return i;
        }
    }

    return NGX_ERROR;
}


static ngx_int_t
ngx_api_value_name_fault(const ngx_api_place_t *at,
    const ngx_api_field_t *field, const char *must)
{
    u_char           *p, *detail;
    size_t            len;
    ngx_uint_t        i;
    const ngx_str_t  *names;

    names = field->of;
    len = ngx_strlen(must) + 1;

    for (i = 0; names[i].data; i++) {
        len += names[i].len + sizeof(", ") - 1;
    }

    detail = ngx_pnalloc(at->pool, len);
    if (detail == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(detail, must, ngx_strlen(must));

    for (i = 0; names[i].data; i++) {
        if (i > 0) {
            p = ngx_cpymem(p, ", ", 2);
        }

        p = ngx_cpymem(p, names[i].data, names[i].len);
    }

    *p = '\0';

    return ngx_api_value_fault(at, "invalid_value", (char *) detail);
}


/* appends the text unless it is in the list; returns the new length */

static ngx_uint_t
ngx_api_value_fold(ngx_str_t *list, ngx_uint_t n, const char *text, size_t len)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {

        if (list[i].len == len && ngx_memcmp(list[i].data, text, len) == 0) {
            return n;
        }
    }

    list[n].data = (u_char *) text;
    list[n].len = len;

    return n + 1;
}


/* NGX_OK or NGX_ERROR, with the array literal of the list */

static ngx_int_t
ngx_api_value_array(ngx_pool_t *pool, const ngx_str_t *list, ngx_uint_t n,
    ngx_api_value_t *value)
{
    ngx_str_t  text;

    if (ngx_api_text_array(pool, list, n, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    value->text = (char *) text.data;
    value->len = text.len;

    return NGX_OK;
}
