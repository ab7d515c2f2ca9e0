
/*
 * Secrets of webhooks.
 */


#include "ngx_notify_secret.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>


#define NGX_NOTIFY_SECRET_PREFIX  "whsec_"

/* sealed: nonce | ciphertext | tag */
#define NGX_NOTIFY_SECRET_NONCE   12
#define NGX_NOTIFY_SECRET_TAG     16
#define NGX_NOTIFY_SECRET_BOX     (NGX_NOTIFY_SECRET_NONCE                    \
                                   + NGX_NOTIFY_SECRET_BYTES                  \
                                   + NGX_NOTIFY_SECRET_TAG)


static ngx_int_t ngx_notify_secret_key(const ngx_str_t *key, u_char *out);
static ngx_int_t ngx_notify_secret_crypt(u_char *box, u_char *secret,
    const u_char *key, const ngx_str_t *owner, int encrypt);


ngx_int_t
ngx_notify_secret_make(u_char secret[NGX_NOTIFY_SECRET_BYTES])
{
    return RAND_bytes(secret, NGX_NOTIFY_SECRET_BYTES) == 1 ? NGX_OK
                                                            : NGX_ERROR;
}


void
ngx_notify_secret_text(u_char *p, const u_char secret[NGX_NOTIFY_SECRET_BYTES])
{
    u_char  text[NGX_NOTIFY_SECRET_TEXT + 1];

    /* EVP_EncodeBlock() writes a NUL at the end */

    ngx_memcpy(text, NGX_NOTIFY_SECRET_PREFIX,
               sizeof(NGX_NOTIFY_SECRET_PREFIX) - 1);

    (void) EVP_EncodeBlock(text + sizeof(NGX_NOTIFY_SECRET_PREFIX) - 1, secret,
                           NGX_NOTIFY_SECRET_BYTES);

    ngx_memcpy(p, text, NGX_NOTIFY_SECRET_TEXT);
    OPENSSL_cleanse(text, sizeof(text));
}


ngx_int_t
ngx_notify_secret_seal(u_char *p, const ngx_str_t *key, const ngx_str_t *owner,
    const u_char secret[NGX_NOTIFY_SECRET_BYTES])
{
    u_char     box[NGX_NOTIFY_SECRET_BOX], sealing[32];
    u_char     text[NGX_NOTIFY_SECRET_SEALED + 1];
    ngx_int_t  rc;

    if (ngx_notify_secret_key(key, sealing) != NGX_OK
        || RAND_bytes(box, NGX_NOTIFY_SECRET_NONCE) != 1)
    {
        return NGX_ERROR;
    }

    rc = ngx_notify_secret_crypt(box, (u_char *) secret, sealing, owner, 1);

    if (rc == NGX_OK) {
        (void) EVP_EncodeBlock(text, box, NGX_NOTIFY_SECRET_BOX);
        ngx_memcpy(p, text, NGX_NOTIFY_SECRET_SEALED);
    }

    OPENSSL_cleanse(sealing, sizeof(sealing));

    return rc;
}


ngx_int_t
ngx_notify_secret_open(const ngx_str_t *sealed, const ngx_str_t *key,
    const ngx_str_t *owner, u_char secret[NGX_NOTIFY_SECRET_BYTES])
{
    u_char     box[NGX_NOTIFY_SECRET_BOX], sealing[32];
    ngx_int_t  rc;

    if (sealed->len != NGX_NOTIFY_SECRET_SEALED
        || EVP_DecodeBlock(box, sealed->data, NGX_NOTIFY_SECRET_SEALED)
           != NGX_NOTIFY_SECRET_BOX)
    {
        return NGX_DECLINED;
    }

    if (ngx_notify_secret_key(key, sealing) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_notify_secret_crypt(box, secret, sealing, owner, 0);

    OPENSSL_cleanse(sealing, sizeof(sealing));

    return rc;
}


/* a key of its own: that of the server has other uses */

static ngx_int_t
ngx_notify_secret_key(const ngx_str_t *key, u_char *out)
{
    unsigned  n;

    static const u_char  use[] = "skep: secrets of webhooks, sealed";

    if (HMAC(EVP_sha256(), key->data, (int) key->len, use, sizeof(use) - 1,
             out, &n)
        == NULL)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/*
 * Between secret and what follows the nonce in the box.  NGX_DECLINED: the tag
 * does not fit.
 */

static ngx_int_t
ngx_notify_secret_crypt(u_char *box, u_char *secret, const u_char *key,
    const ngx_str_t *owner, int encrypt)
{
    int              n;
    u_char          *in, *out, *tag;
    ngx_int_t        rc;
    EVP_CIPHER_CTX  *ctx;

    ctx = EVP_CIPHER_CTX_new();
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    tag = box + NGX_NOTIFY_SECRET_NONCE + NGX_NOTIFY_SECRET_BYTES;
    in = encrypt ? secret : box + NGX_NOTIFY_SECRET_NONCE;
    out = encrypt ? box + NGX_NOTIFY_SECRET_NONCE : secret;

    rc = NGX_ERROR;

    if (EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, box, encrypt) != 1
        || EVP_CipherUpdate(ctx, NULL, &n, owner->data, (int) owner->len) != 1
        || EVP_CipherUpdate(ctx, out, &n, in, NGX_NOTIFY_SECRET_BYTES) != 1)
    {
        goto done;
    }

    if (encrypt) {

        if (EVP_CipherFinal_ex(ctx, out + n, &n) == 1
            && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG,
                                   NGX_NOTIFY_SECRET_TAG, tag)
               == 1)
        {
            rc = NGX_OK;
        }

        goto done;
    }

    if (EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, NGX_NOTIFY_SECRET_TAG,
                            tag)
        != 1)
    {
        goto done;
    }

    rc = NGX_OK;

    if (EVP_CipherFinal_ex(ctx, out + n, &n) != 1) {
        OPENSSL_cleanse(secret, NGX_NOTIFY_SECRET_BYTES);
        rc = NGX_DECLINED;
    }

done:

    EVP_CIPHER_CTX_free(ctx);

    return rc;
}
