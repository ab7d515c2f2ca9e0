
/*
 * Keyset cursors.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "ngx_api_cursor.h"


#define NGX_API_CURSOR_VERSION  1

#define NGX_API_CURSOR_TAG   8
#define NGX_API_CURSOR_HEAD  (1 + 1 + 16)

/* the bytes behind the base64url */
#define NGX_API_CURSOR_MIN  (NGX_API_CURSOR_HEAD + NGX_API_CURSOR_TAG)
#define NGX_API_CURSOR_MAX  (NGX_API_CURSOR_MIN + NGX_API_CURSOR_KEY_MAX)


static ngx_int_t ngx_api_cursor_sign(const u_char *data, size_t len,
    const ngx_str_t *secret, u_char tag[NGX_API_CURSOR_TAG]);


u_char *
ngx_api_cursor_format(u_char *p, const ngx_api_cursor_t *cursor,
    const ngx_str_t *secret)
{
    u_char     *last, data[NGX_API_CURSOR_MAX];
    ngx_str_t   src, dst;

    if (cursor->key_len > NGX_API_CURSOR_KEY_MAX || cursor->sort > 255) {
        return NULL;
    }

    last = data;
    *last++ = NGX_API_CURSOR_VERSION;
    *last++ = (u_char) cursor->sort;
    last = ngx_cpymem(last, cursor->id, 16);
    last = ngx_cpymem(last, cursor->key, cursor->key_len);

    if (ngx_api_cursor_sign(data, last - data, secret, last) != NGX_OK) {
        return NULL;
    }

    src.data = data;
    src.len = last + NGX_API_CURSOR_TAG - data;

    dst.data = p;
    ngx_encode_base64url(&dst, &src);

    return p + dst.len;
}


ngx_int_t
ngx_api_cursor_parse(const u_char *text, size_t len, ngx_api_cursor_t *cursor,
    const ngx_str_t *secret)
{
    u_char     data[ngx_base64_decoded_length(NGX_API_CURSOR_LEN)];
    u_char     canonical[NGX_API_CURSOR_LEN], tag[NGX_API_CURSOR_TAG];
    size_t     n;
    ngx_str_t  src, dst;

    if (len > NGX_API_CURSOR_LEN) {
        return NGX_ERROR;
    }

    src.data = (u_char *) text;
    src.len = len;
    dst.data = data;

    if (ngx_decode_base64url(&dst, &src) != NGX_OK
        || dst.len < NGX_API_CURSOR_MIN
        || dst.len > NGX_API_CURSOR_MAX)
    {
        return NGX_ERROR;
    }

    /* one text for one cursor: no padding, no stray bits at the end */

    src = dst;
    dst.data = canonical;
    ngx_encode_base64url(&dst, &src);

    if (dst.len != len || ngx_memcmp(dst.data, text, len) != 0) {
        return NGX_ERROR;
    }

    n = src.len - NGX_API_CURSOR_TAG;

    if (ngx_api_cursor_sign(data, n, secret, tag) != NGX_OK) {
        return NGX_ABORT;
    }

    if (CRYPTO_memcmp(tag, data + n, NGX_API_CURSOR_TAG) != 0
        || data[0] != NGX_API_CURSOR_VERSION)
    {
        return NGX_ERROR;
    }

    cursor->sort = data[1];
    ngx_memcpy(cursor->id, &data[2], 16);

    cursor->key_len = n - NGX_API_CURSOR_HEAD;
    ngx_memcpy(cursor->key, &data[NGX_API_CURSOR_HEAD], cursor->key_len);

    return NGX_OK;
}


static ngx_int_t
ngx_api_cursor_sign(const u_char *data, size_t len, const ngx_str_t *secret,
    u_char tag[NGX_API_CURSOR_TAG])
{
    u_char    md[EVP_MAX_MD_SIZE];
    unsigned  n;

    if (HMAC(EVP_sha256(), secret->data, (int) secret->len, data, len, md, &n)
        == NULL)
    {
        return NGX_ERROR;
    }

    ngx_memcpy(tag, md, NGX_API_CURSOR_TAG);

    return NGX_OK;
}
