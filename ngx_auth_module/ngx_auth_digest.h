
/*
 * SHA-256, with what OpenSSL needs for it looked up once in each worker: to
 * fetch the algorithm costs more than to hash a token.
 */


#ifndef _NGX_AUTH_DIGEST_H_INCLUDED_
#define _NGX_AUTH_DIGEST_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_AUTH_DIGEST_LEN  32


/*
 * Between these, which may be nested, there are digests.  NGX_OK or NGX_ERROR,
 * after which nothing is to be done.  A worker has them all its life, who reads
 * a configuration for that moment: the module may be unloaded after it, and
 * what it kept would be lost.
 */
ngx_int_t ngx_auth_digest_init(void);
void ngx_auth_digest_done(void);

/* the digest of n texts after one another; NGX_OK or NGX_ERROR */
ngx_int_t ngx_auth_digest(const ngx_str_t *texts, ngx_uint_t n,
    u_char digest[NGX_AUTH_DIGEST_LEN]);


#endif /* _NGX_AUTH_DIGEST_H_INCLUDED_ */
