
#include "ngx_auth_jose.h"


static ngx_int_t ngx_auth_json_depth(const u_char *text, size_t len,
    ngx_uint_t max);


ngx_int_t
ngx_auth_base64url_decode(const ngx_str_t *text, u_char *dst, size_t *len)
{
    u_char      c, *p;
    size_t      i;
    uint32_t    value, bits;
    ngx_uint_t  nbits;

    p = dst;
    bits = 0;
    nbits = 0;

    for (i = 0; i < text->len; i++) {

        c = text->data[i];

        if (c >= 'A' && c <= 'Z') {
            value = c - 'A';

        } else if (c >= 'a' && c <= 'z') {
            value = c - 'a' + 26;

        } else if (c >= '0' && c <= '9') {
            value = c - '0' + 52;

        } else if (c == '-') {
            value = 62;

        } else if (c == '_') {
            value = 63;

        } else {
            return NGX_ERROR;
        }

        bits = (bits << 6 | value) & 0xffff;
        nbits += 6;

        if (nbits >= 8) {
            nbits -= 8;
            *p++ = (u_char) (bits >> nbits);
        }
    }

    if (nbits == 6 || (bits & ((1u << nbits) - 1)) != 0) {
        return NGX_ERROR;
    }

    *len = p - dst;

    return NGX_OK;
}


json_t *
ngx_auth_json_object(const u_char *text, size_t len, ngx_uint_t depth)
{
    json_t  *object;

    if (ngx_auth_json_depth(text, len, depth) != NGX_OK) {
        return NULL;
    }

    object = json_loadb((const char *) text, len, JSON_REJECT_DUPLICATES,
                        NULL);

    if (object && !json_is_object(object)) {
        json_decref(object);
        return NULL;
    }

    return object;
}


/* done before a parser sees the text: that of jansson recurses */

static ngx_int_t
ngx_auth_json_depth(const u_char *text, size_t len, ngx_uint_t max)
{
    size_t      i;
    ngx_uint_t  depth, string;

    depth = 0;
    string = 0;

    for (i = 0; i < len; i++) {

        if (string) {
            if (text[i] == '\\') {
                i++;

            } else if (text[i] == '"') {
                string = 0;
            }

            continue;
        }

        switch (text[i]) {

        case '"':
            string = 1;
            break;

        case '{':
        case '[':
            if (++depth > max) {
                return NGX_ERROR;
            }

            break;

        case '}':
        case ']':
            if (depth) {
                depth--;
            }

            break;
        }
    }

    return NGX_OK;
}


ngx_uint_t
ngx_auth_json_equal(const json_t *value, const ngx_str_t *text)
{
    return json_is_string(value)
           && json_string_length(value) == text->len
           && ngx_memcmp(json_string_value(value), text->data, text->len)
              == 0;
}
