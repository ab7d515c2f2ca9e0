
/*
 * A JSON writer (RFC 8259) onto a chain of buffers.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_api_json.h"


#define NGX_API_JSON_FIRST_MIN  512
#define NGX_API_JSON_FIRST_MAX  32768
#define NGX_API_JSON_NEXT       16384

/* "\u00XX" */
#define NGX_API_JSON_ESCAPE_LEN  6

/* eight bytes at a time: each with the value c */
#define ngx_api_json_bytes(c)  ((uint64_t) (c) * 0x0101010101010101)


static void ngx_api_json_add_buf(ngx_api_json_t *j, size_t size);
static const u_char *ngx_api_json_span(const u_char *p, const u_char *end);
static void ngx_api_json_escape(ngx_api_json_t *j, u_char c);


/* 0: stands for itself, 'u': \u00XX, else the letter after the backslash */
static const u_char  ngx_api_json_escapes[256] = {
    'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u',
    'b', 't', 'n', 'u', 'f', 'r', 'u', 'u',
    'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u',
    'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u',
    ['"'] = '"',
    ['\\'] = '\\'
};


void
ngx_api_json_init(ngx_api_json_t *j, ngx_pool_t *pool, size_t hint)
{
    ngx_memzero(j, sizeof(ngx_api_json_t));

    j->pool = pool;
    j->next = &j->head;

    hint = ngx_max(hint, NGX_API_JSON_FIRST_MIN);
    hint = ngx_min(hint, NGX_API_JSON_FIRST_MAX);

    ngx_api_json_add_buf(j, hint);
}


void
ngx_api_json_raw(ngx_api_json_t *j, const void *text, size_t len)
{
    size_t         n;
    ngx_buf_t     *b;
    const u_char  *p;

    if (j->failed) {
        return;
    }

    p = text;
    b = j->buf;

    while (len > (size_t) (b->end - b->last)) {
        n = b->end - b->last;

        b->last = ngx_cpymem(b->last, p, n);
        j->size += n;
        p += n;
        len -= n;

        ngx_api_json_add_buf(j, NGX_API_JSON_NEXT);

        if (j->failed) {
            return;
        }

        b = j->buf;
    }

    b->last = ngx_cpymem(b->last, p, len);
    j->size += len;
}


void
ngx_api_json_string(ngx_api_json_t *j, const void *text, size_t len)
{
    const u_char  *p, *end, *span;

    if (len == 0) {
        ngx_api_json_literal(j, "\"\"");
        return;
    }

    p = text;
    end = p + len;

    ngx_api_json_literal(j, "\"");

    while (p < end && !j->failed) {
        span = p;
        p = ngx_api_json_span(p, end);

        ngx_api_json_raw(j, span, p - span);

        if (p < end) {
            ngx_api_json_escape(j, *p++);
        }
    }

    ngx_api_json_literal(j, "\"");
}


void
ngx_api_json_integer(ngx_api_json_t *j, int64_t n)
{
    u_char    *p, buf[NGX_INT64_LEN];
    uint64_t   u;

    p = buf + NGX_INT64_LEN;
    u = (n < 0) ? 0 - (uint64_t) n : (uint64_t) n;

    do {
        *--p = (u_char) ('0' + u % 10);
        u /= 10;
    } while (u);

    if (n < 0) {
        *--p = '-';
    }

    ngx_api_json_raw(j, p, buf + NGX_INT64_LEN - p);
}


u_char *
ngx_api_json_reserve(ngx_api_json_t *j, size_t n)
{
    if (j->failed) {
        return NULL;
    }

    if (n > (size_t) (j->buf->end - j->buf->last)) {
        ngx_api_json_add_buf(j, ngx_max(n, NGX_API_JSON_NEXT));

        if (j->failed) {
            return NULL;
        }
    }

    return j->buf->last;
}


ngx_chain_t *
ngx_api_json_close(ngx_api_json_t *j, ngx_uint_t main)
{
    if (j->failed || j->size == 0) {
        return NULL;
    }

    j->buf->last_buf = main ? 1 : 0;
    j->buf->last_in_chain = 1;

    return j->head;
}


static void
ngx_api_json_add_buf(ngx_api_json_t *j, size_t size)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    cl = ngx_alloc_chain_link(j->pool);
    if (cl == NULL) {
        j->failed = 1;
        return;
    }

    b = ngx_create_temp_buf(j->pool, size);
    if (b == NULL) {
        j->failed = 1;
        return;
    }

    cl->buf = b;
    cl->next = NULL;

    *j->next = cl;
    j->next = &cl->next;
    j->buf = b;
}


/* the first byte from p on that must be escaped, or end */

static const u_char *
ngx_api_json_span(const u_char *p, const u_char *end)
{
    uint64_t  w, quote, slash, hit;

    /*
     * Of a word of eight bytes: a byte below n borrows into its high bit when
     * n is taken from it.  A borrow may also reach the byte above, so that a
     * hit is only a reason to look closer, but without a hit there is none.
     */

    while (end - p >= 8) {
        ngx_memcpy(&w, p, 8);

        quote = w ^ ngx_api_json_bytes('"');
        slash = w ^ ngx_api_json_bytes('\\');

        hit = ((w - ngx_api_json_bytes(0x20)) & ~w)
              | ((quote - ngx_api_json_bytes(1)) & ~quote)
              | ((slash - ngx_api_json_bytes(1)) & ~slash);

        if (hit & ngx_api_json_bytes(0x80)) {
            break;
        }

        p += 8;
    }

    while (p < end && ngx_api_json_escapes[*p] == 0) {
        p++;
    }

    return p;
}


static void
ngx_api_json_escape(ngx_api_json_t *j, u_char c)
{
    u_char               *p;
    static const u_char   hex[] = "0123456789abcdef";

    p = ngx_api_json_reserve(j, NGX_API_JSON_ESCAPE_LEN);
    if (p == NULL) {
        return;
    }

    *p++ = '\\';
    *p++ = ngx_api_json_escapes[c];

    if (ngx_api_json_escapes[c] == 'u') {
        *p++ = '0';
        *p++ = '0';
        *p++ = hex[c >> 4];
        *p++ = hex[c & 0xf];
    }

    ngx_api_json_advance(j, p);
}
