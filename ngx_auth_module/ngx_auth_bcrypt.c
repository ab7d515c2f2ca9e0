
#include "ngx_auth_bcrypt.h"

#include <crypt.h>
#include <openssl/crypto.h>


#define NGX_AUTH_BCRYPT_SETTING  29     /* "$2b$10$" and 22 of salt */


static ngx_int_t ngx_auth_bcrypt_setting(ngx_uint_t cost, char *setting);
static ngx_int_t ngx_auth_bcrypt_crypt(const char *password,
    const char *setting, char *hash);


ngx_int_t
ngx_auth_bcrypt_hash(const char *password, ngx_uint_t cost, char *hash)
{
    char  setting[CRYPT_GENSALT_OUTPUT_SIZE];

    if (ngx_auth_bcrypt_setting(cost, setting) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_auth_bcrypt_crypt(password, setting, hash);
}


ngx_int_t
ngx_auth_bcrypt_verify(const char *password, const char *hash)
{
    char       found[NGX_AUTH_BCRYPT_LEN + 1];
    ngx_int_t  rc;

    if (ngx_strlen(hash) != NGX_AUTH_BCRYPT_LEN
        || ngx_auth_bcrypt_crypt(password, hash, found) != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = CRYPTO_memcmp(found, hash, NGX_AUTH_BCRYPT_LEN) == 0 ? NGX_OK
                                                              : NGX_DECLINED;

    explicit_bzero(found, sizeof(found));

    return rc;
}


ngx_int_t
ngx_auth_bcrypt_dummy(ngx_uint_t cost, char *hash)
{
    char  setting[CRYPT_GENSALT_OUTPUT_SIZE];

    if (ngx_auth_bcrypt_setting(cost, setting) != NGX_OK) {
        return NGX_ERROR;
    }

    /* a hash that ends so is no more likely than any other: 2^-184 */

    ngx_memcpy(hash, setting, NGX_AUTH_BCRYPT_SETTING);
    ngx_memset(hash + NGX_AUTH_BCRYPT_SETTING, '.',
               NGX_AUTH_BCRYPT_LEN - NGX_AUTH_BCRYPT_SETTING);
    hash[NGX_AUTH_BCRYPT_LEN] = '\0';

    return NGX_OK;
}


ngx_uint_t
ngx_auth_bcrypt_cost(const char *hash)
{
    /* "$2b$10$..." */

    if (ngx_strlen(hash) != NGX_AUTH_BCRYPT_LEN
        || hash[0] != '$' || hash[1] != '2' || hash[3] != '$'
        || hash[4] < '0' || hash[4] > '9' || hash[5] < '0' || hash[5] > '9')
    {
        return 0;
    }

    return (hash[4] - '0') * 10 + (hash[5] - '0');
}


static ngx_int_t
ngx_auth_bcrypt_setting(ngx_uint_t cost, char *setting)
{
    if (cost < NGX_AUTH_BCRYPT_COST_MIN || cost > NGX_AUTH_BCRYPT_COST_MAX) {
        return NGX_ERROR;
    }

    /* no bytes given: they come from the system */

    if (crypt_gensalt_rn("$2b$", cost, NULL, 0, setting,
                         CRYPT_GENSALT_OUTPUT_SIZE)
        == NULL)
    {
        return NGX_ERROR;
    }

    return ngx_strlen(setting) == NGX_AUTH_BCRYPT_SETTING ? NGX_OK
                                                          : NGX_ERROR;
}


static ngx_int_t
ngx_auth_bcrypt_crypt(const char *password, const char *setting, char *hash)
{
    char               *text;
    ngx_int_t           rc;
    struct crypt_data   data;

    if (ngx_strlen(password) > NGX_AUTH_BCRYPT_PASSWORD) {
        return NGX_ERROR;
    }

    data.initialized = 0;

    text = crypt_r(password, setting, &data);

    /* a failure is told by a text that begins with "*", or by NULL */

    if (text == NULL || text[0] == '*'
        || ngx_strlen(text) != NGX_AUTH_BCRYPT_LEN)
    {
        rc = NGX_ERROR;

    } else {
        ngx_memcpy(hash, text, NGX_AUTH_BCRYPT_LEN + 1);
        rc = NGX_OK;
    }

    explicit_bzero(&data, sizeof(struct crypt_data));

    return rc;
}
