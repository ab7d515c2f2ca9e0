
/*
 * Tables with a field of each type, and what is true of a value of each.
 */


#ifndef _FUZZ_FIELDS_H_INCLUDED_
#define _FUZZ_FIELDS_H_INCLUDED_


#include "fuzz.h"
#include "ngx_unit.h"
#include "ngx_api_cursor.h"
#include "ngx_api_schema.h"
#include "ngx_api_time.h"


#define FUZZ_FIELDS  16


static const ngx_str_t  fuzz_names[] = {
    ngx_string("low"), ngx_string("high"), ngx_string("x"), ngx_null_string
};


/* characters: as many as there are bytes that do not go on with one */

static inline ngx_int_t
fuzz_characters(const char *text, size_t len)
{
    size_t     i;
    ngx_int_t  n;

    for (n = 0, i = 0; i < len; i++) {
        n += ((u_char) text[i] & 0xc0) != 0x80;
    }

    return n;
}


/* an array literal as PostgreSQL's array_in() reads it: each element in quotes
 * is told to "each"; how many */

static inline ngx_int_t
fuzz_literal(const char *text, size_t len, size_t max)
{
    ngx_int_t    n;
    size_t       size;
    const char  *p, *end;

    n = 0;
    p = text;
    end = text + len;

    fuzz_check(len >= 2 && *p == '{' && end[-1] == '}');
    end--;

    for (p++; p < end; p++) {
        fuzz_check(n == 0 || *p++ == ',');
        fuzz_check(*p == '"');

        for (p++, size = 0; *p != '"'; p++, size++) {
            p += (*p == '\\');
            fuzz_check(p < end);
        }

        fuzz_check(p < end && size <= max);
        n++;
    }

    return n;
}


static inline void
fuzz_is_uuid(const char *text, size_t len)
{
    size_t  i;

    fuzz_check(len == 36);

    for (i = 0; i < len; i++) {
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            fuzz_check(text[i] == '-');

        } else {
            fuzz_check(strchr("0123456789abcdef", text[i]) != NULL);
        }
    }
}


static inline void
fuzz_is_time(const char *text, size_t len, int64_t usec)
{
    int64_t  again;

    fuzz_check(len >= 20 && len <= NGX_API_TIME_LEN);
    fuzz_check(text[len - 1] == 'Z');
    fuzz_check(usec >= NGX_API_TIME_MIN && usec <= NGX_API_TIME_MAX);
    fuzz_check(ngx_api_time_parse((u_char *) text, len, &again) == NGX_OK);
    fuzz_check(again == usec);
}


/* a value that was taken, or a preset, but not of an object */

static inline void
fuzz_is_value(const ngx_api_field_t *field, const ngx_api_value_t *value)
{
    char              digits[32];
    const ngx_str_t  *names;

    if (value->text == NULL) {
        fuzz_check(!value->set || (field->flags & NGX_API_NULLABLE));
        return;
    }

    fuzz_check(strlen(value->text) == value->len);
    fuzz_check(fuzz_utf8(value->text, value->len));

    names = field->of;

    switch (field->type) {

    case NGX_API_STRING:
    case NGX_API_CHECKED:
        fuzz_check(fuzz_characters(value->text, value->len) >= field->min);
        fuzz_check(fuzz_characters(value->text, value->len) <= field->max);
        break;

    case NGX_API_TEXT_BYTES:
        fuzz_check((ngx_int_t) value->len >= field->min);
        fuzz_check((ngx_int_t) value->len <= field->max);
        break;

    case NGX_API_EMAIL:
        fuzz_check(value->len <= 254);
        fuzz_check(fuzz_printable(value->text, value->len, 0));
        fuzz_check(strchr(value->text, '@') != NULL);
        fuzz_check(strchr(value->text, '@') == strrchr(value->text, '@'));
        fuzz_check(strpbrk(value->text, "<>()\",:;\\[]") == NULL);
        break;

    case NGX_API_UUID:
        for ( /* void */ ; names && names->len; names++) {
            if (strcmp((char *) names->data, value->text) == 0) {
                return;
            }
        }

        fuzz_is_uuid(value->text, value->len);
        break;

    case NGX_API_TIMESTAMP:
        fuzz_is_time(value->text, value->len, value->integer);
        break;

    case NGX_API_ENUM:
        fuzz_check(value->integer >= 0 && value->integer < 3);
        fuzz_check(strcmp((char *) names[value->integer].data, value->text)
                   == 0);
        break;

    case NGX_API_ENUM_LIST:
    case NGX_API_NAMES:
        fuzz_check(fuzz_literal(value->text, value->len, 4) <= 3);
        break;

    case NGX_API_LABELS:
        fuzz_check(fuzz_literal(value->text, value->len,
                                4 * (size_t) field->max)
                   <= (ngx_int_t) field->items);
        break;

    case NGX_API_UUIDS:
        fuzz_check(fuzz_literal(value->text, value->len, 36)
                   == value->integer);
        fuzz_check(value->integer >= field->min
                   && value->integer <= field->max);
        break;

    case NGX_API_INTEGER:
        snprintf(digits, sizeof(digits), "%lld", (long long) value->integer);
        fuzz_check(strcmp(digits, value->text) == 0);
        fuzz_check(value->integer >= field->min
                   && value->integer <= field->max);
        break;

    case NGX_API_BOOLEAN:
        fuzz_check(strcmp(value->text, value->integer ? "t" : "f") == 0);
        break;

    case NGX_API_CURSOR:
        fuzz_check(value->len > 0 && value->len <= NGX_API_CURSOR_LEN);
        break;

    default:
        fuzz_check(0);
    }
}


/* faults go into an answer of JSON: few, in UTF-8, with a known form */

static inline void
fuzz_are_faults(const ngx_array_t *faults, ngx_uint_t most, ngx_uint_t pointer)
{
    ngx_uint_t        i;
    const char       *code;
    ngx_api_fault_t  *fault;

    fuzz_check(faults->nelts <= most);

    for (i = 0; i < faults->nelts; i++) {
        fault = (ngx_api_fault_t *) faults->elts + i;

        fuzz_check(fuzz_utf8(fault->where.data, fault->where.len));
        fuzz_check(!pointer || fault->where.len == 0
                   || fault->where.data[0] == '/');

        for (code = fault->code; *code; code++) {
            fuzz_check((*code >= 'a' && *code <= 'z') || *code == '_');
        }

        fuzz_check(fault->detail.len > 0);
        fuzz_check(fuzz_printable(fault->detail.data, fault->detail.len, 1));
    }
}


#endif /* _FUZZ_FIELDS_H_INCLUDED_ */
