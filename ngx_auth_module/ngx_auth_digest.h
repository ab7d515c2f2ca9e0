
/*
 * SHA-256, with what OpenSSL needs for it looked up once in each worker: to
 * fetch the algorithm costs more than to hash a token.
 */


#ifndef _NGX_AUTH_DIGEST_H_INCLUDED_
#define _NGX_AUTH_DIGEST_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_AUTH_DIGEST_LEN  32


/* may be called again; NGX_OK or NGX_ERROR */
ngx_int_t ngx_auth_digest_init(void);
void ngx_auth_digest_done(void);

/* the digest of n texts after one another; NGX_OK or NGX_ERROR */
ngx_int_t ngx_auth_digest(const ngx_str_t *texts, ngx_uint_t n,
    u_char digest[NGX_AUTH_DIGEST_LEN]);


#endif /* _NGX_AUTH_DIGEST_H_INCLUDED_ */
