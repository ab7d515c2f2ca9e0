
/*
 * What a piece of text is, and lists of texts.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_api_text.h"


#define NGX_API_TEXT_LOCAL_MAX  64
#define NGX_API_TEXT_LABEL_MAX  63

#define ngx_api_text_is_alnum(c)                                              \
    (((c) >= '0' && (c) <= '9')                                               \
     || ((c) >= 'A' && (c) <= 'Z') || ((c) >= 'a' && (c) <= 'z'))


static ngx_uint_t ngx_api_text_is_local(const u_char *p, const u_char *end);
static ngx_uint_t ngx_api_text_is_domain(const u_char *p, const u_char *end);


ngx_int_t
ngx_api_text_utf8(const u_char *p, size_t len)
{
    u_char         c, low, high;
    ngx_int_t      count;
    ngx_uint_t     more;
    const u_char  *end;

    count = 0;
    end = p + len;

    while (p < end) {
        c = *p++;
        count++;

        if (c < 0x80) {
            continue;
        }

        /* the second byte's bounds shut out longer forms than needed, the
         * surrogates, and what is beyond U+10FFFF */

        low = 0x80;
        high = 0xbf;

        if (c >= 0xc2 && c <= 0xdf) {
            more = 1;

        } else if (c >= 0xe0 && c <= 0xef) {
            more = 2;
            low = (c == 0xe0) ? 0xa0 : low;
            high = (c == 0xed) ? 0x9f : high;

        } else if (c >= 0xf0 && c <= 0xf4) {
            more = 3;
            low = (c == 0xf0) ? 0x90 : low;
            high = (c == 0xf4) ? 0x8f : high;

        } else {
            return NGX_ERROR;
        }

        while (more--) {
            if (p == end || *p < low || *p > high) {
                return NGX_ERROR;
            }

            p++;
            low = 0x80;
            high = 0xbf;
        }
    }

    return count;
}


ngx_uint_t
ngx_api_text_is_email(const u_char *p, size_t len)
{
    const u_char  *sign;

    if (len > NGX_API_TEXT_EMAIL_MAX) {
        return 0;
    }

    sign = memchr(p, '@', len);

    return sign
           && ngx_api_text_is_local(p, sign)
           && ngx_api_text_is_domain(sign + 1, p + len);
}


/* a dot-atom: words between single dots */

static ngx_uint_t
ngx_api_text_is_local(const u_char *p, const u_char *end)
{
    u_char  prev;

    if (end - p > NGX_API_TEXT_LOCAL_MAX) {
        return 0;
    }

    prev = '.';

    for ( /* void */ ; p < end; p++) {

        if (*p == '.') {
            if (prev == '.') {
                return 0;
            }

        } else if (!ngx_api_text_is_alnum(*p)
                   && (*p == '\0' || !strchr("!#$%&'*+-/=?^_`{|}~", *p)))
        {
            return 0;
        }

        prev = *p;
    }

    return prev != '.';
}


/* labels of letters, digits and inner hyphens, two at least; the last begins
 * with a letter, which shuts out IPv4 addresses */

static ngx_uint_t
ngx_api_text_is_domain(const u_char *p, const u_char *end)
{
    ngx_uint_t     dots;
    const u_char  *label;

    dots = 0;

    for (label = p; /* void */ ; p++) {

        if (p < end && (ngx_api_text_is_alnum(*p) || *p == '-')) {
            continue;
        }

        if (p < end && *p != '.') {
            return 0;
        }

        if (p == label || p - label > NGX_API_TEXT_LABEL_MAX
            || label[0] == '-' || p[-1] == '-')
        {
            return 0;
        }

        if (p == end) {
            break;
        }

        label = p + 1;
        dots++;
    }

    return dots > 0 && (label[0] < '0' || label[0] > '9');
}


ngx_int_t
ngx_api_text_array(ngx_pool_t *pool, const ngx_str_t *list, ngx_uint_t n,
    ngx_str_t *text)
{
    u_char      *p;
    size_t       j, len;
    ngx_uint_t   i;

    len = sizeof("{}");

    for (i = 0; i < n; i++) {
        len += 2 * list[i].len + sizeof("NULL,") - 1;
    }

    p = ngx_pnalloc(pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;
    *p++ = '{';

    for (i = 0; i < n; i++) {
        if (i > 0) {
            *p++ = ',';
        }

        if (list[i].data == NULL) {
            p = ngx_cpymem(p, "NULL", 4);
            continue;
        }

        *p++ = '"';

        for (j = 0; j < list[i].len; j++) {
            if (list[i].data[j] == '"' || list[i].data[j] == '\\') {
                *p++ = '\\';
            }

            *p++ = list[i].data[j];
        }

        *p++ = '"';
    }

    *p++ = '}';
    *p = '\0';

    text->len = p - text->data;

    return NGX_OK;
}
