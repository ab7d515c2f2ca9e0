
/*
 * The check of a query string against a table of fields.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_api_schema.h"
#include "ngx_api_text.h"
#include "ngx_api_value.h"


static ngx_int_t ngx_api_args_piece(ngx_api_place_t *at,
    const ngx_api_field_t *fields, u_char *p, u_char *end,
    ngx_api_value_t *values);
static ngx_int_t ngx_api_args_value(const ngx_api_place_t *at,
    const ngx_api_field_t *field, const ngx_str_t *raw,
    ngx_api_value_t *value);
static ngx_int_t ngx_api_args_typed(const ngx_api_place_t *at,
    const ngx_api_field_t *field, const ngx_str_t *text,
    ngx_api_value_t *value);
static ngx_int_t ngx_api_args_decode(ngx_pool_t *pool, const ngx_str_t *raw,
    ngx_str_t *text);
static ngx_int_t ngx_api_args_hex(u_char c);
static ngx_int_t ngx_api_args_printable(ngx_pool_t *pool, ngx_str_t *text);


ngx_int_t
ngx_api_schema_check_args(ngx_pool_t *pool, const ngx_api_field_t *fields,
    const ngx_str_t *args, ngx_api_value_t *values, ngx_array_t *faults)
{
    u_char           *p, *end, *last;
    ngx_uint_t        room;
    ngx_api_place_t   at;

    ngx_api_schema_begin(fields, values);

    room = NGX_API_FAULTS_MAX;

    ngx_memzero(&at, sizeof(ngx_api_place_t));

    at.pool = pool;
    at.faults = faults;
    at.room = &room;
    at.item = -1;

    p = args->data;
    last = args->len ? p + args->len : p;

    while (p < last) {
        end = ngx_strlchr(p, last, '&');
        if (end == NULL) {
            end = last;
        }

        if (end > p
            && ngx_api_args_piece(&at, fields, p, end, values) != NGX_OK)
        {
            return NGX_ERROR;
        }

        p = end + 1;
    }

    return ngx_api_schema_end(&at, fields, 0, values);
}


/* "name=value", or "name" for an empty value */

static ngx_int_t
ngx_api_args_piece(ngx_api_place_t *at, const ngx_api_field_t *fields,
    u_char *p, u_char *end, ngx_api_value_t *values)
{
    u_char                 *equals;
    ngx_int_t               rc;
    ngx_str_t               raw, name;
    ngx_api_value_t        *value;
    const ngx_api_field_t  *field;

    equals = ngx_strlchr(p, end, '=');

    name.data = p;
    name.len = (equals ? equals : end) - p;

    rc = ngx_api_args_decode(at->pool, &name, &at->name);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED) {
        at->name = name;

        if (ngx_api_args_printable(at->pool, &at->name) != NGX_OK) {
            return NGX_ERROR;
        }

        return ngx_api_value_fault(at, "invalid_format",
                                   "has a name that is not percent-encoded "
                                   "UTF-8");
    }

    field = ngx_api_schema_find(fields, at->name.data, at->name.len);

    if (field == NULL) {
        return ngx_api_value_fault(at, "unknown_parameter",
                                   "is not a parameter of this request");
    }

    value = &values[field - fields];

    if (value->set) {
        return ngx_api_value_fault(at, "repeated", "must be given only once");
    }

    value->set = 1;

    raw.data = equals ? equals + 1 : end;
    raw.len = end - raw.data;

    return ngx_api_args_value(at, field, &raw, value);
}


static ngx_int_t
ngx_api_args_value(const ngx_api_place_t *at, const ngx_api_field_t *field,
    const ngx_str_t *raw, ngx_api_value_t *value)
{
    ngx_int_t  rc;
    ngx_str_t  text;

    rc = ngx_api_args_decode(at->pool, raw, &text);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED) {
        return ngx_api_value_fault(at, "invalid_format",
                                   "must be percent-encoded UTF-8");
    }

    if (ngx_strlchr(text.data, text.data + text.len, '\0')) {
        return ngx_api_value_fault(at, "invalid_value",
                                   "must not contain the character U+0000");
    }

    return ngx_api_args_typed(at, field, &text, value);
}


static ngx_int_t
ngx_api_args_typed(const ngx_api_place_t *at, const ngx_api_field_t *field,
    const ngx_str_t *text, ngx_api_value_t *value)
{
    int64_t      n;
    ngx_int_t    rc;
    const char  *s;

    s = (const char *) text->data;

    switch (field->type) {

    case NGX_API_INTEGER:
        rc = ngx_api_value_parse_integer(s, text->len, &n);

        if (rc == NGX_DECLINED) {
            return ngx_api_value_fault(at, "invalid_type",
                                       "must be an integer");
        }

        if (rc == NGX_ABORT) {
            return ngx_api_value_out_of_range(at, field);
        }

        return ngx_api_value_integer(at, field, n, value);

    case NGX_API_BOOLEAN:
        if (ngx_strcmp(s, "true") == 0 || ngx_strcmp(s, "false") == 0) {
            ngx_api_value_boolean(s[0] == 't', value);
            return NGX_OK;
        }

        return ngx_api_value_fault(at, "invalid_type",
                                   "must be true or false");

    default:
        return ngx_api_value_text(at, field, s, text->len, value);
    }
}


/*
 * Into the pool, with a NUL after it.  NGX_DECLINED if an escape is not "%"
 * and two hexadecimal digits, or if the text is not UTF-8.
 */

static ngx_int_t
ngx_api_args_decode(ngx_pool_t *pool, const ngx_str_t *raw, ngx_str_t *text)
{
    u_char     *p, *end, *last;
    ngx_int_t   high, low;

    text->data = ngx_pnalloc(pool, raw->len + 1);
    if (text->data == NULL) {
        return NGX_ERROR;
    }

    last = text->data;
    end = raw->data + raw->len;

    for (p = raw->data; p < end; p++) {

        if (*p == '+') {
            *last++ = ' ';
            continue;
        }

        if (*p != '%') {
            *last++ = *p;
            continue;
        }

        if (end - p < 3) {
            return NGX_DECLINED;
        }

        high = ngx_api_args_hex(p[1]);
        low = ngx_api_args_hex(p[2]);

        if (high == NGX_ERROR || low == NGX_ERROR) {
            return NGX_DECLINED;
        }

        *last++ = (u_char) (high << 4 | low);
        p += 2;
    }

    *last = '\0';
    text->len = last - text->data;

    if (ngx_api_text_utf8(text->data, text->len) == NGX_ERROR) {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_api_args_hex(u_char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    return (c >= 'a' && c <= 'f') ? c - 'a' + 10 : NGX_ERROR;
}


/* a copy with "?" for what is not printable ASCII */

static ngx_int_t
ngx_api_args_printable(ngx_pool_t *pool, ngx_str_t *text)
{
    size_t   i;
    u_char  *p;

    p = ngx_pnalloc(pool, text->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < text->len; i++) {
        p[i] = (text->data[i] > 0x20 && text->data[i] < 0x7f) ? text->data[i]
                                                              : '?';
    }

    text->data = p;

    return NGX_OK;
}
