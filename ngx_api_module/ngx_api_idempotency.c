
/*
 * Idempotency-Key: the header, the fingerprint of a request.
 */


#include "ngx_api_module.h"
#include <openssl/evp.h>


#define NGX_API_IDEMPOTENCY_KEY_MAX  255
#define NGX_API_IDEMPOTENCY_DIGEST   32     /* bytes of a SHA-256 */


static ngx_int_t ngx_api_idempotency_parse(ngx_http_request_t *r,
    const ngx_str_t *value, ngx_str_t *key);
static ngx_int_t ngx_api_idempotency_unquote(const ngx_str_t *value,
    ngx_str_t *key);
static ngx_int_t ngx_api_idempotency_digest(ngx_http_request_t *r,
    const ngx_str_t *body, u_char *digest);


const ngx_api_problem_t  ngx_api_idempotency_key_in_use = {
    409, ngx_string("idempotency_key_in_use"),
    ngx_string("Idempotency key in use"),
    ngx_string("The first request with this Idempotency-Key is still under "
               "way; repeat this one in a moment."), 1
};

const ngx_api_problem_t  ngx_api_idempotency_key_reused = {
    422, ngx_string("idempotency_key_reused"),
    ngx_string("Idempotency key reused"),
    ngx_string("This Idempotency-Key came with another request before; use a "
               "new one for each."), 0
};


ngx_int_t
ngx_api_idempotency_check(ngx_http_request_t *r)
{
    ngx_int_t         rc;
    ngx_str_t         key;
    ngx_uint_t        n;
    ngx_api_ctx_t    *ctx;
    ngx_table_elt_t  *h;

    static const ngx_str_t  repeated =
        ngx_string("Send the header Idempotency-Key once.");
    static const ngx_str_t  malformed =
        ngx_string("The header Idempotency-Key must be 1 to 255 visible ASCII "
                   "characters, or as many in quotes.");

    h = ngx_api_header_find(r, "idempotency-key", sizeof("idempotency-key") - 1,
                            &n);
    if (h == NULL) {
        return NGX_OK;
    }

    if (n > 1) {
        return ngx_api_problem_detail(r, &ngx_api_invalid_parameter,
                                      &repeated);
    }

    rc = ngx_api_idempotency_parse(r, &h->value, &key);

    if (rc == NGX_DECLINED) {
        return ngx_api_problem_detail(r, &ngx_api_invalid_parameter,
                                      &malformed);
    }

    if (rc != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_api_module);
    ctx->idempotency_key = (char *) key.data;

    return NGX_OK;
}


/* key gets a NUL; NGX_OK, NGX_DECLINED if it is malformed, or NGX_ERROR */

static ngx_int_t
ngx_api_idempotency_parse(ngx_http_request_t *r, const ngx_str_t *value,
    ngx_str_t *key)
{
    size_t  i;

    key->data = ngx_pnalloc(r->pool, value->len + 1);
    if (key->data == NULL) {
        return NGX_ERROR;
    }

    if (value->len && value->data[0] == '"') {

        if (ngx_api_idempotency_unquote(value, key) != NGX_OK) {
            return NGX_DECLINED;
        }

    } else {
        ngx_memcpy(key->data, value->data, value->len);
        key->len = value->len;
    }

    key->data[key->len] = '\0';

    if (key->len == 0 || key->len > NGX_API_IDEMPOTENCY_KEY_MAX) {
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
ngx_api_idempotency_unquote(const ngx_str_t *value, ngx_str_t *key)
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


ngx_int_t
ngx_api_idempotency(ngx_http_request_t *r, const char **key,
    const char **fingerprint)
{
    u_char         *p;
    ngx_api_ctx_t  *ctx;
    u_char          digest[NGX_API_IDEMPOTENCY_DIGEST];

    ctx = ngx_http_get_module_ctx(r, ngx_api_module);

    *key = ctx->idempotency_key;
    *fingerprint = NULL;

    if (*key == NULL) {
        return NGX_DECLINED;
    }

    p = ngx_pnalloc(r->pool, sizeof("\\x") + 2 * sizeof(digest));

    if (p == NULL
        || ngx_api_idempotency_digest(r, &ctx->body_text, digest) != NGX_OK)
    {
        return NGX_ERROR;
    }

    *fingerprint = (char *) p;

    *p++ = '\\';
    *p++ = 'x';
    *ngx_hex_dump(p, digest, sizeof(digest)) = '\0';

    return NGX_OK;
}


/* neither a method nor a path has a NUL: it parts them from what follows */

static ngx_int_t
ngx_api_idempotency_digest(ngx_http_request_t *r, const ngx_str_t *body,
    u_char *digest)
{
    ngx_int_t    rc;
    EVP_MD_CTX  *md;

    md = EVP_MD_CTX_new();
    if (md == NULL) {
        return NGX_ERROR;
    }

    rc = NGX_ERROR;

    if (EVP_DigestInit_ex(md, EVP_sha256(), NULL)
        && EVP_DigestUpdate(md, r->method_name.data, r->method_name.len)
        && EVP_DigestUpdate(md, "", 1)
        && EVP_DigestUpdate(md, r->uri.data, r->uri.len)
        && EVP_DigestUpdate(md, "", 1)
        && EVP_DigestUpdate(md, body->data, body->len)
        && EVP_DigestFinal_ex(md, digest, NULL))
    {
        rc = NGX_OK;
    }

    EVP_MD_CTX_free(md);

    return rc;
}
