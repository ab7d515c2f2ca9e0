
#include "ngx_auth_refused.h"


#define NGX_AUTH_REFUSED_BUF  16384


static ngx_int_t ngx_auth_refused_search(const ngx_auth_refused_t *list,
    const u_char *text, size_t len);
static ngx_int_t ngx_auth_refused_compare(const u_char *a, size_t alen,
    const u_char *b, size_t blen);


ngx_int_t
ngx_auth_refused_check(ngx_auth_refused_t *list, ngx_uint_t *line,
    const char **fault)
{
    size_t    len, last_len;
    u_char   *p, *end, buf[NGX_AUTH_REFUSED_BUF];
    u_char    text[NGX_AUTH_REFUSED_LINE], last[NGX_AUTH_REFUSED_LINE];
    ssize_t   n;

    list->size = 0;
    *line = 1;
    *fault = NULL;
    len = 0;
    last_len = 0;

    while ((n = pread(list->fd, buf, sizeof(buf), list->size)) > 0) {

        list->size += n;
        end = buf + n;

        for (p = buf; p < end; p++) {

            if (*p != '\n') {

                if (len == NGX_AUTH_REFUSED_LINE) {
                    *fault = "is longer than 255 bytes";
                    goto done;
                }

                text[len++] = *p;
                continue;
            }

            if (len && text[len - 1] == '\r') {
                *fault = "ends in a carriage return";
                goto done;
            }

            if (*line > 1
                && ngx_auth_refused_compare(last, last_len, text, len) > 0)
            {
                *fault = "is not in the order of bytes";
                goto done;
            }

            ngx_memcpy(last, text, len);
            last_len = len;
            len = 0;
            (*line)++;
        }
    }

    /* a last line without a newline */

    if (n == 0 && len && *line > 1
        && ngx_auth_refused_compare(last, last_len, text, len) > 0)
    {
        *fault = "is not in the order of bytes";
    }

done:

    if (n == -1) {
        return NGX_ERROR;
    }

    return *fault ? NGX_DECLINED : NGX_OK;
}


ngx_int_t
ngx_auth_refused_find(const ngx_auth_refused_t *list, const char *password)
{
    size_t     len;
    u_char     lower[NGX_AUTH_REFUSED_LINE];
    ngx_int_t  rc;

    len = ngx_strlen(password);

    if (len > NGX_AUTH_REFUSED_LINE) {
        return NGX_DECLINED;
    }

    rc = ngx_auth_refused_search(list, (const u_char *) password, len);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    ngx_strlow(lower, (u_char *) password, len);

    rc = ngx_memcmp(lower, password, len) == 0
         ? NGX_DECLINED
         : ngx_auth_refused_search(list, lower, len);

    ngx_explicit_memzero(lower, len);

    return rc;
}


/* the line looked for begins in [low, high), if there is one; both begin one */

static ngx_int_t
ngx_auth_refused_search(const ngx_auth_refused_t *list, const u_char *text,
    size_t len)
{
    off_t      low, high, middle, from;
    u_char     buf[2 * NGX_AUTH_REFUSED_LINE + 2], *p, *end;
    ssize_t    n;
    ngx_int_t  rc;

    low = 0;
    high = list->size;

    while (low < high) {

        middle = low + (high - low) / 2;
        from = ngx_max(low, middle - NGX_AUTH_REFUSED_LINE - 1);

        n = pread(list->fd, buf, sizeof(buf), from);

        if (n == -1) {
            return NGX_ERROR;
        }

        if (n <= middle - from) {
            ngx_set_errno(0);
            return NGX_ERROR;               /* the file was cut short */
        }

        /* the line that has the byte in the middle, or its newline */

        p = buf + (middle - from);
        end = p;

        while (p > buf && p[-1] != '\n') {
            p--;
        }

        while (end < buf + n && *end != '\n') {
            end++;
        }

        rc = ngx_auth_refused_compare(p, end - p, text, len);

        if (rc == 0) {
            return NGX_OK;
        }

        if (rc > 0) {
            high = from + (p - buf);

        } else {
            low = from + (end - buf) + 1;
        }
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_auth_refused_compare(const u_char *a, size_t alen, const u_char *b,
    size_t blen)
{
    ngx_int_t  rc;

    rc = ngx_memcmp(a, b, ngx_min(alen, blen));

    return rc ? rc : (ngx_int_t) alen - (ngx_int_t) blen;
}
