
#include "ngx_auth_text.h"
#include "ngx_auth_jwt.h"


static size_t ngx_auth_text_character(const u_char *src, size_t len);


size_t
ngx_auth_text_clean(char *dst, size_t size, const u_char *src, size_t len)
{
    char          *out, *end;
    size_t         n;
    const u_char  *last;

    out = dst;
    end = dst + size - 1;
    last = src + len;

    while (src < last) {

        n = ngx_auth_text_character(src, last - src);

        if (n == 0) {
            src++;
            continue;
        }

        if (n > (size_t) (end - out)) {
            break;
        }

        out = (char *) ngx_cpymem(out, src, n);
        src += n;
    }

    *out = '\0';

    return out - dst;
}


/* the length of the character at src; 0 if there is none that may be kept */

static size_t
ngx_auth_text_character(const u_char *src, size_t len)
{
    u_char    c;
    size_t    n, i;
    uint32_t  code, least;

    c = *src;

    if (c < 0x80) {
        return (c >= 0x20 && c != 0x7f) ? 1 : 0;
    }

    /* the first code that needs so many bytes: shorter ones are overlong */

    if (c >= 0xc0 && c <= 0xdf) {
        n = 2;
        least = 0xa0;               /* up to there are control characters */
        code = c & 0x1f;

    } else if (c >= 0xe0 && c <= 0xef) {
        n = 3;
        least = 0x800;
        code = c & 0x0f;

    } else if (c >= 0xf0 && c <= 0xf7) {
        n = 4;
        least = 0x10000;
        code = c & 0x07;

    } else {
        return 0;
    }

    if (n > len) {
        return 0;
    }

    for (i = 1; i < n; i++) {
        if ((src[i] & 0xc0) != 0x80) {
            return 0;
        }

        code = code << 6 | (src[i] & 0x3f);
    }

    if (code < least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
    {
        return 0;
    }

    return n;
}


ngx_int_t
ngx_auth_text_bearer(const ngx_str_t *value, ngx_str_t *token)
{
    u_char  *p, *last;

    if (value->len < sizeof("Bearer x") - 1
        || ngx_strncasecmp(value->data, (u_char *) "Bearer ",
                           sizeof("Bearer ") - 1)
           != 0)
    {
        return NGX_ERROR;
    }

    p = value->data + sizeof("Bearer ") - 1;
    last = value->data + value->len;

    while (p < last && *p == ' ') {
        p++;
    }

    token->data = p;
    token->len = last - p;

    if (token->len == 0 || token->len > NGX_AUTH_JWT_MAX) {
        return NGX_ERROR;
    }

    return NGX_OK;
}
