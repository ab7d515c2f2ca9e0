
/*
 * The values of headers, taken apart.
 */


#include "ngx_api_header.h"


static ngx_int_t ngx_api_header_tag(u_char **p, u_char *last, ngx_str_t *tag);
static u_char *ngx_api_header_skip(u_char *p, u_char *last);
static ngx_uint_t ngx_api_header_version(const ngx_str_t *tag);
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
    u_char     *p, *last, *out, *first;
    ngx_int_t   rc;
    ngx_str_t   tag;

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

    first = out;
    p = value->data;
    last = p + value->len;

    /*
     * Tags of ours are digits in quotes.  "W/" is let pass: a proxy or gzip
     * may have put it there, and our tag names a version of the resource, not
     * the bytes of one representation.
     */

    while ((rc = ngx_api_header_tag(&p, last, &tag)) == NGX_OK) {

        if (!ngx_api_header_version(&tag)) {
            continue;
        }

        if (out != first) {
            *out++ = ',';
        }

        out = ngx_cpymem(out, tag.data + 1, tag.len - 2);
    }

    /* a condition that can't be read has not been met */

    if (rc == NGX_ERROR) {
        out = first;
    }

    *out++ = '}';
    *out = '\0';

    return NGX_OK;
}


ngx_uint_t
ngx_api_header_matches(const ngx_str_t *value, const ngx_str_t *etag)
{
    u_char      *p, *last;
    ngx_int_t    rc;
    ngx_str_t    tag;
    ngx_uint_t   found;

    if (value->len == 1 && value->data[0] == '*') {
        return 1;
    }

    found = 0;
    p = value->data;
    last = p + value->len;

    while ((rc = ngx_api_header_tag(&p, last, &tag)) == NGX_OK) {
        if (tag.len == etag->len
            && ngx_memcmp(tag.data, etag->data, tag.len) == 0)
        {
            found = 1;
        }
    }

    return rc == NGX_DONE && found;
}


/*
 * The next entity tag of a list (RFC 9110, 8.8.3 and 5.6.1), in its quotes and
 * without "W/".  *p moves behind it and what follows it.  NGX_OK; NGX_DONE at
 * the end of the list; NGX_ERROR if it is none.
 */

static ngx_int_t
ngx_api_header_tag(u_char **p, u_char *last, ngx_str_t *tag)
{
    u_char  *s;

    s = ngx_api_header_skip(*p, last);

    if (s == last) {
        return NGX_DONE;
    }

    if (last - s > 2 && s[0] == 'W' && s[1] == '/') {
        s += 2;
    }

    tag->data = s;

    if (*s++ != '"') {
        return NGX_ERROR;
    }

    while (s < last && *s != '"' && *s > 0x20 && *s != 0x7f) {
        s++;
    }

    if (s == last || *s != '"') {
        return NGX_ERROR;
    }

    tag->len = ++s - tag->data;

    *p = ngx_api_header_skip(s, last);

    /* between two there is a comma at least */

    return (*p == last || ngx_strlchr(s, *p, ',')) ? NGX_OK : NGX_ERROR;
}


/* empty elements of a list, and the white space around them */

static u_char *
ngx_api_header_skip(u_char *p, u_char *last)
{
    while (p < last && (*p == ' ' || *p == '\t' || *p == ',')) {
        p++;
    }

    return p;
}


/* whether a tag in its quotes can be a version: 1 to 10^18 - 1 */

static ngx_uint_t
ngx_api_header_version(const ngx_str_t *tag)
{
    size_t  i;

    if (tag->len < 3 || tag->len > 20 || tag->data[1] == '0') {
        return 0;
    }

    for (i = 1; i < tag->len - 1; i++) {
        if (tag->data[i] < '0' || tag->data[i] > '9') {
            return 0;
        }
    }

    return 1;
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
