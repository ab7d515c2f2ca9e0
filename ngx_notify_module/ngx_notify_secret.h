
/*
 * Secrets of webhooks: 32 random bytes, as text "whsec_" and their base64, as
 * the Standard Webhooks specification has them.
 *
 * A secret is shown once.  But a request with an Idempotency-Key is answered
 * again as it was, so for as long as such an answer is kept its secret has to
 * be there, too: sealed by AES-256-GCM under a key made of the server's own, so
 * that what lies in the database tells nobody anything.  It is not derived from
 * that key instead: the key may change, or leak, and secrets that receivers
 * have in use shall neither change nor leak with it.
 *
 * Pure, but for RAND_bytes().
 */


#ifndef _NGX_NOTIFY_SECRET_H_INCLUDED_
#define _NGX_NOTIFY_SECRET_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_NOTIFY_SECRET_BYTES   32
#define NGX_NOTIFY_SECRET_TEXT    50        /* "whsec_..." */
#define NGX_NOTIFY_SECRET_SEALED  80        /* base64: nonce, bytes, tag */


/* NGX_OK or NGX_ERROR */
ngx_int_t ngx_notify_secret_make(u_char secret[NGX_NOTIFY_SECRET_BYTES]);

/* writes NGX_NOTIFY_SECRET_TEXT bytes, no NUL */
void ngx_notify_secret_text(u_char *p,
    const u_char secret[NGX_NOTIFY_SECRET_BYTES]);

/*
 * Writes NGX_NOTIFY_SECRET_SEALED bytes, no NUL.  key: the server's; owner: who
 * may have it shown, in any form.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_notify_secret_seal(u_char *p, const ngx_str_t *key,
    const ngx_str_t *owner, const u_char secret[NGX_NOTIFY_SECRET_BYTES]);

/* NGX_OK; NGX_DECLINED if it was not sealed by this key for this owner; or
 * NGX_ERROR */
ngx_int_t ngx_notify_secret_open(const ngx_str_t *sealed, const ngx_str_t *key,
    const ngx_str_t *owner, u_char secret[NGX_NOTIFY_SECRET_BYTES]);


#endif /* _NGX_NOTIFY_SECRET_H_INCLUDED_ */
