
/*
 * Keyset cursors.  A cursor names the last row of a page by its sort key and
 * its id; to the client it is opaque: base64url of
 *
 *     version (1 byte) | sort (1 byte) | id (16 bytes) | key (0-800 bytes) |
 *     tag (8 bytes)
 *
 * where the tag is HMAC-SHA256 over the rest, truncated, under a key of the
 * operator's (api_secret_file), so that a tampered cursor is told from one of
 * ours.
 */


#ifndef _NGX_API_CURSOR_H_INCLUDED_
#define _NGX_API_CURSOR_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* 200 characters: the longest text that a list is sorted by */
#define NGX_API_CURSOR_KEY_MAX  800
/* base64url of the longest cursor, without a NUL */
#define NGX_API_CURSOR_LEN      1102


typedef struct {
    ngx_uint_t   sort;                          /* 0 .. 255, the caller's */
    u_char       id[16];
    size_t       key_len;
    u_char       key[NGX_API_CURSOR_KEY_MAX];   /* the sort key, as text */
} ngx_api_cursor_t;


/* writes at most NGX_API_CURSOR_LEN bytes, no NUL; the end, or NULL if the
 * key is too long, sort is over 255 or OpenSSL failed */
u_char *ngx_api_cursor_format(u_char *p, const ngx_api_cursor_t *cursor,
    const ngx_str_t *secret);

/* NGX_OK; NGX_ERROR if it is not one of ours, or NGX_ABORT if OpenSSL failed:
 * then *cursor is untouched */
ngx_int_t ngx_api_cursor_parse(const u_char *text, size_t len,
    ngx_api_cursor_t *cursor, const ngx_str_t *secret);


#endif /* _NGX_API_CURSOR_H_INCLUDED_ */
