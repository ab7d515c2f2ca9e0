
/*
 * Password hashes: bcrypt, "$2b$", by libxcrypt's crypt_r().
 *
 * Pure and slow: to hash and to verify takes what the cost asks for, 50 ms and
 * more, and belongs in a thread.  Any number of threads may call at once.
 */


#ifndef _NGX_AUTH_BCRYPT_H_INCLUDED_
#define _NGX_AUTH_BCRYPT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_AUTH_BCRYPT_LEN       60   /* of a hash, without a NUL */

#define NGX_AUTH_BCRYPT_COST_MIN  4    /* log2 of the rounds */
#define NGX_AUTH_BCRYPT_COST_MAX  31

/* bcrypt looks at no byte beyond this one: longer passwords are refused */
#define NGX_AUTH_BCRYPT_PASSWORD  72


/*
 * A new hash with a salt of its own; password is NUL-terminated, hash takes
 * NGX_AUTH_BCRYPT_LEN + 1 bytes.  NGX_OK, or NGX_ERROR if the system gives no
 * random bytes, the password is longer than 72 bytes, or the cost is not
 * 4 .. 31.
 */
ngx_int_t ngx_auth_bcrypt_hash(const char *password, ngx_uint_t cost,
    char *hash);

/* NGX_OK if the password is that of the hash, NGX_DECLINED if it is not,
 * NGX_ERROR if the hash is none */
ngx_int_t ngx_auth_bcrypt_verify(const char *password, const char *hash);

/*
 * A hash that is no password's: to verify against it takes as long as against
 * an account's of the same cost.  hash as above; NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_auth_bcrypt_dummy(ngx_uint_t cost, char *hash);

/* the cost of a hash; 0 if it is none */
ngx_uint_t ngx_auth_bcrypt_cost(const char *hash);


#endif /* _NGX_AUTH_BCRYPT_H_INCLUDED_ */
