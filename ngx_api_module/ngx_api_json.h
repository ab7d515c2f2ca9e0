
/*
 * A JSON writer (RFC 8259) onto a chain of buffers.
 *
 * Nothing is written twice: text goes straight into the buffers that nginx
 * will send, and a full buffer is followed by another, never reallocated.
 * An allocation that fails sets "failed" and turns every later call into a
 * no-op, so that callers check once, at the end.
 */


#ifndef _NGX_API_JSON_H_INCLUDED_
#define _NGX_API_JSON_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


typedef struct {
    ngx_pool_t    *pool;      /* owns the buffers and the chain links */
    ngx_chain_t   *head;
    ngx_chain_t  **next;      /* where the next link goes */
    ngx_buf_t     *buf;       /* the one being filled */
    size_t         size;      /* bytes written so far */
    unsigned       failed:1;  /* out of memory */
} ngx_api_json_t;


/* hint: how many bytes are expected; sizes the first buffer (512 .. 32k) */
void ngx_api_json_init(ngx_api_json_t *j, ngx_pool_t *pool, size_t hint);

/* text that is JSON already: punctuation, numbers, a name in quotes */
void ngx_api_json_raw(ngx_api_json_t *j, const void *text, size_t len);

/* a UTF-8 string, written in quotes and escaped */
void ngx_api_json_string(ngx_api_json_t *j, const void *text, size_t len);

void ngx_api_json_integer(ngx_api_json_t *j, int64_t n);

/*
 * For what is formatted in place: room for n bytes in one piece, to be
 * followed by ngx_api_json_advance() with the end of what was written there.
 * NULL if the writer failed.  Small n only: the rest of a buffer that is too
 * short is left unused.
 */
u_char *ngx_api_json_reserve(ngx_api_json_t *j, size_t n);


static ngx_inline void
ngx_api_json_advance(ngx_api_json_t *j, u_char *end)
{
    j->size += end - j->buf->last;
    j->buf->last = end;
}


/* marks the end: the last buffer is last_in_chain, and last_buf if main;
 * returns the chain, or NULL if the writer failed or nothing was written */
ngx_chain_t *ngx_api_json_close(ngx_api_json_t *j, ngx_uint_t main);

#define ngx_api_json_literal(j, text)                                         \
    ngx_api_json_raw(j, text, sizeof(text) - 1)


#endif /* _NGX_API_JSON_H_INCLUDED_ */
