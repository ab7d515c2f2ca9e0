
#include "ngx_unit.h"


/* nginx's own variable: the process that runs */
ngx_pid_t  ngx_pid;


static ngx_uint_t  unit_countdown;
static ngx_uint_t  unit_hit;


ngx_pool_t *
unit_pool(void)
{
    ngx_pool_t  *pool;

    unit_fail_at(0);

    pool = calloc(1, sizeof(ngx_pool_t));
    assert_non_null(pool);

    return pool;
}


void
unit_fail_at(ngx_uint_t n)
{
    unit_countdown = n;
    unit_hit = 0;
}


ngx_uint_t
unit_failed(void)
{
    return unit_hit;
}


u_char *
unit_copy(ngx_pool_t *pool, const void *text, size_t len)
{
    u_char  *p;

    p = ngx_pnalloc(pool, len);
    assert_non_null(p);

    ngx_memcpy(p, text, len);

    return p;
}


char *
unit_chain(ngx_pool_t *pool, ngx_chain_t *cl, size_t *len)
{
    u_char       *p, *text;
    size_t        size;
    ngx_chain_t  *ln;

    size = 0;

    for (ln = cl; ln; ln = ln->next) {
        size += ngx_buf_size(ln->buf);
    }

    text = ngx_pnalloc(pool, size + 1);
    assert_non_null(text);

    p = text;

    for (ln = cl; ln; ln = ln->next) {
        p = ngx_cpymem(p, ln->buf->pos, ngx_buf_size(ln->buf));
    }

    *p = '\0';

    if (len) {
        *len = size;
    }

    return (char *) text;
}


/* xorshift64* */

uint64_t
unit_random(void)
{
    static uint64_t  x = 0x5eed5eed5eed5eed;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;

    return x * 0x2545f4914f6cdd1d;
}


/* nginx's core from here on */


void
ngx_destroy_pool(ngx_pool_t *pool)
{
    ngx_pool_large_t    *l, *next;
    ngx_pool_cleanup_t  *c;

    for (c = pool->cleanup; c; c = c->next) {
        if (c->handler) {
            c->handler(c->data);
        }
    }

    for (l = pool->large; l; l = next) {
        next = l->next;
        free(l->alloc);
        free(l);
    }

    free(pool);
}


void *
ngx_palloc(ngx_pool_t *pool, size_t size)
{
    ngx_pool_large_t  *l;

    if (unit_countdown && --unit_countdown == 0) {
        unit_hit = 1;
        return NULL;
    }

    l = malloc(sizeof(ngx_pool_large_t));
    assert_non_null(l);

    l->alloc = malloc(size);
    assert_non_null(l->alloc);

    l->next = pool->large;
    pool->large = l;

    return l->alloc;
}


void *
ngx_pnalloc(ngx_pool_t *pool, size_t size)
{
    return ngx_palloc(pool, size);
}


void *
ngx_pcalloc(ngx_pool_t *pool, size_t size)
{
    void  *p;

    p = ngx_palloc(pool, size);

    if (p) {
        ngx_memzero(p, size);
    }

    return p;
}


ngx_pool_cleanup_t *
ngx_pool_cleanup_add(ngx_pool_t *pool, size_t size)
{
    ngx_pool_cleanup_t  *c;

    assert_int_equal(size, 0);

    c = ngx_pcalloc(pool, sizeof(ngx_pool_cleanup_t));

    if (c) {
        c->next = pool->cleanup;
        pool->cleanup = c;
    }

    return c;
}


ngx_array_t *
ngx_array_create(ngx_pool_t *pool, ngx_uint_t n, size_t size)
{
    ngx_array_t  *a;

    a = ngx_palloc(pool, sizeof(ngx_array_t));

    return (a && ngx_array_init(a, pool, n, size) == NGX_OK) ? a : NULL;
}


void *
ngx_array_push(ngx_array_t *a)
{
    void  *elts;

    if (a->nelts == a->nalloc) {
        elts = ngx_palloc(a->pool, 2 * a->nalloc * a->size);
        if (elts == NULL) {
            return NULL;
        }

        ngx_memcpy(elts, a->elts, a->nelts * a->size);

        a->elts = elts;
        a->nalloc *= 2;
    }

    return (u_char *) a->elts + a->size * a->nelts++;
}


ngx_chain_t *
ngx_alloc_chain_link(ngx_pool_t *pool)
{
    return ngx_palloc(pool, sizeof(ngx_chain_t));
}


ngx_buf_t *
ngx_create_temp_buf(ngx_pool_t *pool, size_t size)
{
    ngx_buf_t  *b;

    b = ngx_pcalloc(pool, sizeof(ngx_buf_t));
    if (b == NULL) {
        return NULL;
    }

    b->start = ngx_palloc(pool, size);
    if (b->start == NULL) {
        return NULL;
    }

    b->pos = b->start;
    b->last = b->start;
    b->end = b->start + size;
    b->temporary = 1;

    return b;
}


static const char  unit_base64url[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";


void
ngx_encode_base64url(ngx_str_t *dst, ngx_str_t *src)
{
    size_t    i, bits;
    u_char   *p;
    uint32_t  word;

    p = dst->data;
    word = 0;
    bits = 0;

    for (i = 0; i < src->len; i++) {
        word = word << 8 | src->data[i];
        bits += 8;

        while (bits >= 6) {
            bits -= 6;
            *p++ = unit_base64url[word >> bits & 0x3f];
        }
    }

    if (bits) {
        *p++ = unit_base64url[word << (6 - bits) & 0x3f];
    }

    dst->len = p - dst->data;
}


/* as lenient as nginx's: "=" ends the text, stray bits at its end are cut */

ngx_int_t
ngx_decode_base64url(ngx_str_t *dst, ngx_str_t *src)
{
    size_t       i, bits;
    u_char      *p;
    uint32_t     word;
    const char  *digit;

    p = dst->data;
    word = 0;
    bits = 0;

    for (i = 0; i < src->len && src->data[i] != '='; i++) {

        digit = src->data[i] ? strchr(unit_base64url, src->data[i]) : NULL;
        if (digit == NULL) {
            return NGX_ERROR;
        }

        word = word << 6 | (uint32_t) (digit - unit_base64url);
        bits += 6;

        if (bits >= 8) {
            bits -= 8;
            *p++ = (u_char) (word >> bits);
        }
    }

    if (i % 4 == 1) {
        return NGX_ERROR;
    }

    dst->len = p - dst->data;

    return NGX_OK;
}


void
ngx_strlow(u_char *dst, u_char *src, size_t n)
{
    while (n--) {
        *dst++ = ngx_tolower(*src);
        src++;
    }
}


void
ngx_explicit_memzero(void *buf, size_t n)
{
    explicit_bzero(buf, n);
}


ngx_int_t
ngx_strncasecmp(u_char *s1, u_char *s2, size_t n)
{
    return strncasecmp((char *) s1, (char *) s2, n);
}


ngx_int_t
ngx_atoi(u_char *line, size_t n)
{
    ngx_int_t  value;

    if (n == 0 || n > 18) {
        return NGX_ERROR;
    }

    for (value = 0; n--; line++) {
        value = value * 10 + (*line - '0');
    }

    return value;
}
