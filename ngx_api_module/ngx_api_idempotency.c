
/*
 * Idempotency-Key: the header, the fingerprint of a request.
 */


#include "ngx_api_module.h"
#include <openssl/evp.h>


#define NGX_API_IDEMPOTENCY_DIGEST   32     /* bytes of a SHA-256 */


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

    rc = ngx_api_header_key(r->pool, &h->value, &key);

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
