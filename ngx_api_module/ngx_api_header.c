
/*
 * The values of headers, taken apart.
 */


#include "ngx_api_header.h"


static ngx_int_t ngx_api_header_unquote(const ngx_str_t *value,
    ngx_str_t *key);


ngx_uint_t
ngx_api_header_id(const ngx_str_t *value)
{
    u_char  c;
    size_t  i;

    if (value->len == 0 || value->len > NGX_API_REQUEST_ID_MAX) {
        return 0;
    }

    for (i = 0; i < value->len; i++) {
        c = value->data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
              || (c >= '0' && c <= '9')
              || c == '.' || c == '_' || c == '-'))
        {
            return 0;
        }
    }

    return 1;
}


ngx_int_t
ngx_api_header_versions(ngx_pool_t *pool, const ngx_str_t *value,
    const char **versions)
{
    u_char  *p, *last, *out, *digits;

    *versions = NULL;

    if (value->len == 1 && value->data[0] == '*') {
        return NGX_OK;
    }

    out = ngx_pnalloc(pool, value->len + sizeof("{}"));
    if (out == NULL) {
        return NGX_ERROR;
    }

    *versions = (char *) out;
    *out++ = '{';

    p = value->data;
    last = p + value->len;

    /*
     * Tags of ours are digits in quotes.  "W/" is let pass: a proxy or gzip
     * may have put it there, and our tag names a version of the resource, not
     * the bytes of one representation.
     */

    while ((p = ngx_strlchr(p, last, '"')) != NULL) {

        digits = ++p;

        while (p < last && *p >= '0' && *p <= '9') {
            p++;
        }

        if (p < last && *p == '"' && p > digits && p - digits <= 18
            && *digits != '0')
        {

            if (out[-1] != '{') {
                *out++ = ',';
            }

            out = ngx_cpymem(out, digits, p - digits);
        }

        p = ngx_strlchr(p, last, '"');

        if (p == NULL) {
            break;
        }

        p++;
    }

    *out++ = '}';
    *out = '\0';

    return NGX_OK;
}


ngx_uint_t
ngx_api_header_matches(const ngx_str_t *value, const ngx_str_t *etag)
{
    u_char  *p, *end, *last;

    if (value->len == 1 && value->data[0] == '*') {
        return 1;
    }

    p = value->data;
    last = p + value->len;

    while ((p = ngx_strlchr(p, last, '"')) != NULL) {

        end = ngx_strlchr(p + 1, last, '"');

        if (end == NULL) {
            break;
        }

        end++;

        if ((size_t) (end - p) == etag->len
            && ngx_memcmp(p, etag->data, etag->len) == 0)
        {
            return 1;
        }

        p = end;
    }

    return 0;
}


ngx_int_t
ngx_api_header_key(ngx_pool_t *pool, const ngx_str_t *value, ngx_str_t *key)
{
    size_t  i;

    key->data = ngx_pnalloc(pool, value->len + 1);
    if (key->data == NULL) {
        return NGX_ERROR;
    }

    if (value->len && value->data[0] == '"') {

        if (ngx_api_header_unquote(value, key) != NGX_OK) {
            return NGX_DECLINED;
        }

    } else {
        ngx_memcpy(key->data, value->data, value->len);
        key->len = value->len;
    }

    key->data[key->len] = '\0';

    if (key->len == 0 || key->len > NGX_API_HEADER_KEY_MAX) {
        return NGX_DECLINED;
    }

    for (i = 0; i < key->len; i++) {
        if (key->data[i] <= 0x20 || key->data[i] >= 0x7f) {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


/* an sf-string (RFC 8941, 3.3.3): quotes and backslashes are escaped */

static ngx_int_t
ngx_api_header_unquote(const ngx_str_t *value, ngx_str_t *key)
{
    u_char  *p, *last, *out;

    out = key->data;
    last = value->data + value->len;

    for (p = value->data + 1; p < last && *p != '"'; p++) {

        if (*p == '\\') {
            p++;

            if (p == last || (*p != '"' && *p != '\\')) {
                return NGX_ERROR;
            }
        }

        *out++ = *p;
    }

    key->len = out - key->data;

    /* the quote that ends it ends the header, too */

    return p + 1 == last ? NGX_OK : NGX_ERROR;
}


/* what a client may leave raw in a query, but would end the link, is escaped */

u_char *
ngx_api_header_link(u_char *p, const u_char *text, size_t len)
{
    static const u_char  hex[] = "0123456789ABCDEF";

    for ( /* void */ ; len; len--, text++) {

        if (*text > 0x20 && *text < 0x7f && *text != '<' && *text != '>'
            && *text != '"' && *text != '\\')
        {
            *p++ = *text;
            continue;
        }

        *p++ = '%';
        *p++ = hex[*text >> 4];
        *p++ = hex[*text & 0xf];
    }

    return p;
}
