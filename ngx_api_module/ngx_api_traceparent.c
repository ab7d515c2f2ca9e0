
/*
 * W3C Trace Context: https://www.w3.org/TR/trace-context/
 */


#include "ngx_api_traceparent.h"
#include "ngx_api_uuid.h"


/* flags: what this version knows, and those of a trace that begins here.  It
 * is random, and recorded: the access log has a line of it. */
#define NGX_API_TRACE_SAMPLED  0x01
#define NGX_API_TRACE_RANDOM   0x02
#define NGX_API_TRACE_FLAGS    (NGX_API_TRACE_SAMPLED|NGX_API_TRACE_RANDOM)


static ngx_uint_t ngx_api_traceparent_hex(const u_char *p, size_t n,
    ngx_uint_t zero);
static ngx_uint_t ngx_api_traceparent_byte(const u_char *p);
static u_char *ngx_api_traceparent_dump(u_char *p, const u_char *bytes,
    size_t n);


ngx_uint_t
ngx_api_traceparent_valid(const u_char *text, size_t len)
{
    if (len < NGX_API_TRACEPARENT_LEN
        || text[2] != '-' || text[35] != '-' || text[52] != '-'
        || !ngx_api_traceparent_hex(text, 2, 1)
        || !ngx_api_traceparent_hex(&text[NGX_API_TRACE_ID_AT],
                                    NGX_API_TRACE_ID_LEN, 0)
        || !ngx_api_traceparent_hex(&text[NGX_API_SPAN_ID_AT],
                                    NGX_API_SPAN_ID_LEN, 0)
        || !ngx_api_traceparent_hex(&text[NGX_API_TRACE_FLAGS_AT], 2, 1))
    {
        return 0;
    }

    switch (ngx_api_traceparent_byte(text)) {

    case 0:
        return len == NGX_API_TRACEPARENT_LEN;

    case 0xff:
        return 0;

    default:
        /* later versions may have more, behind one more dash */
        return len == NGX_API_TRACEPARENT_LEN
               || text[NGX_API_TRACEPARENT_LEN] == '-';
    }
}


/* lower-case digits; zero: whether they may all be 0 */

static ngx_uint_t
ngx_api_traceparent_hex(const u_char *p, size_t n, ngx_uint_t zero)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (!((p[i] >= '0' && p[i] <= '9') || (p[i] >= 'a' && p[i] <= 'f'))) {
            return 0;
        }

        zero |= (p[i] != '0');
    }

    return zero;
}


/* two digits that were looked at */

static ngx_uint_t
ngx_api_traceparent_byte(const u_char *p)
{
    ngx_uint_t  high, low;

    high = p[0] <= '9' ? p[0] - '0' : p[0] - 'a' + 10;
    low = p[1] <= '9' ? p[1] - '0' : p[1] - 'a' + 10;

    return high << 4 | low;
}


static u_char *
ngx_api_traceparent_dump(u_char *p, const u_char *bytes, size_t n)
{
    static const u_char  hex[] = "0123456789abcdef";

    while (n--) {
        *p++ = hex[*bytes >> 4];
        *p++ = hex[*bytes++ & 0xf];
    }

    return p;
}


ngx_int_t
ngx_api_traceparent_make(u_char *p, const u_char *parent)
{
    u_char      *random;
    size_t       n;
    ngx_uint_t   flags;

    n = parent ? NGX_API_SPAN_ID_LEN / 2
               : (NGX_API_SPAN_ID_LEN + NGX_API_TRACE_ID_LEN) / 2;

    random = ngx_api_uuid_random(n);
    if (random == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(p, "00-", 3);

    if (parent) {
        p = ngx_cpymem(p, &parent[NGX_API_TRACE_ID_AT], NGX_API_TRACE_ID_LEN);

        /* flags that are unknown are not passed on */
        flags = ngx_api_traceparent_byte(&parent[NGX_API_TRACE_FLAGS_AT])
                & NGX_API_TRACE_FLAGS;

    } else {
        p = ngx_api_traceparent_dump(p, random, NGX_API_TRACE_ID_LEN / 2);
        random += NGX_API_TRACE_ID_LEN / 2;
        flags = NGX_API_TRACE_FLAGS;
    }

    *p++ = '-';
    p = ngx_api_traceparent_dump(p, random, NGX_API_SPAN_ID_LEN / 2);

    *p++ = '-';
    *p++ = '0';
    *p = (u_char) ('0' + flags);

    return NGX_OK;
}
