
#include "ngx_auth_digest.h"

#include <openssl/evp.h>


static EVP_MD      *ngx_auth_digest_md;
static EVP_MD_CTX  *ngx_auth_digest_ctx;
static ngx_uint_t   ngx_auth_digest_users;


ngx_int_t
ngx_auth_digest_init(void)
{
    if (ngx_auth_digest_users++) {
        return NGX_OK;
    }

    ngx_auth_digest_md = EVP_MD_fetch(NULL, "SHA256", NULL);
    ngx_auth_digest_ctx = EVP_MD_CTX_new();

    if (ngx_auth_digest_md == NULL || ngx_auth_digest_ctx == NULL) {
        ngx_auth_digest_done();
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_auth_digest_done(void)
{
    if (ngx_auth_digest_users == 0 || --ngx_auth_digest_users) {
        return;
    }

    EVP_MD_CTX_free(ngx_auth_digest_ctx);
    EVP_MD_free(ngx_auth_digest_md);

    ngx_auth_digest_ctx = NULL;
    ngx_auth_digest_md = NULL;
}


ngx_int_t
ngx_auth_digest(const ngx_str_t *texts, ngx_uint_t n,
    u_char digest[NGX_AUTH_DIGEST_LEN])
{
    ngx_uint_t   i;
    EVP_MD_CTX  *ctx;

    ctx = ngx_auth_digest_ctx;

    if (ctx == NULL
        || EVP_DigestInit_ex(ctx, ngx_auth_digest_md, NULL) != 1)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        if (EVP_DigestUpdate(ctx, texts[i].data, texts[i].len) != 1) {
            return NGX_ERROR;
        }
    }

    return EVP_DigestFinal_ex(ctx, digest, NULL) == 1 ? NGX_OK : NGX_ERROR;
}
