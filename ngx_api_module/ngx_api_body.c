
/*
 * The text of a body -> JSON.
 */


#include "ngx_api_body.h"
#include "ngx_api_reserve.h"


ngx_uint_t
ngx_api_body_too_deep(const ngx_str_t *text)
{
    size_t      i;
    ngx_uint_t  depth, quoted;

    depth = 0;
    quoted = 0;

    for (i = 0; i < text->len; i++) {

        switch (text->data[i]) {

        case '"':
            quoted = !quoted;
            break;

        case '\\':
            i += quoted;
            break;

        case '{':
        case '[':
            if (!quoted && ++depth > NGX_API_BODY_DEPTH) {
                return 1;
            }
            break;

        case '}':
        case ']':
            if (!quoted && depth) {
                depth--;
            }
        }
    }

    return 0;
}


json_t *
ngx_api_body_json_load(const ngx_str_t *text, json_error_t *error)
{
    size_t       flags;
    json_t      *json;
    ngx_uint_t   failures;

    failures = ngx_api_reserve_failures();

    flags = JSON_REJECT_DUPLICATES|JSON_DECODE_ANY;

    json = json_loadb((char *) text->data, text->len, flags, error);

    if (json == NULL && json_error_code(error) == json_error_numeric_overflow)
    {
        /* a number too large for an integer is no fault of the syntax: read as
         * a real, it is told by its pointer */

        json = json_loadb((char *) text->data, text->len,
                          flags|JSON_DECODE_INT_AS_REAL, error);
    }

    if (json == NULL && ngx_api_reserve_failures() != failures) {

        /* whatever jansson took the lack of memory for */

        error->text[JSON_ERROR_TEXT_LENGTH - 1] =
            (char) json_error_out_of_memory;
    }

    return json;
}


const char *
ngx_api_body_fault(const json_error_t *error)
{
    switch (json_error_code(error)) {

    case json_error_out_of_memory:
        return NULL;

    case json_error_premature_end_of_input:
        return "the body is empty or ends too early";

    case json_error_end_of_input_expected:
        return "there is text after the JSON document";

    case json_error_invalid_utf8:
        return "this is not UTF-8";

    case json_error_null_character:
    case json_error_null_byte_in_key:
        return "U+0000 can't be stored";

    case json_error_duplicate_key:
        return "the object has this name twice";

    case json_error_numeric_overflow:
        return "the number is too large";

    default:
        return "this is not valid JSON";
    }
}
