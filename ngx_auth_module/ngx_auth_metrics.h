
/*
 * What is counted of tokens, logins and password hashes.
 */


#ifndef _NGX_AUTH_METRICS_H_INCLUDED_
#define _NGX_AUTH_METRICS_H_INCLUDED_


#include "ngx_api.h"


typedef enum {
    NGX_AUTH_REFUSED_MISSING = 0,
    NGX_AUTH_REFUSED_MALFORMED,     /* no "Bearer" and a token */
    NGX_AUTH_REFUSED_INVALID,
    NGX_AUTH_REFUSED_EXPIRED,
    NGX_AUTH_REFUSED_FOREIGN,       /* of another issuer, for the API */
    NGX_AUTH_REFUSED_REVOKED,
    NGX_AUTH_REFUSED_UNKNOWN,       /* whether it is revoked: 503 */
    NGX_AUTH_REFUSED_REASONS,
    NGX_AUTH_REFUSED_NOT = NGX_AUTH_REFUSED_REASONS
} ngx_auth_refused_reason_e;


typedef enum {
    NGX_AUTH_LOGIN_OK = 0,
    NGX_AUTH_LOGIN_INVALID,
    NGX_AUTH_LOGIN_DISABLED,
    NGX_AUTH_LOGIN_BUSY,
    NGX_AUTH_LOGIN_ERROR,
    NGX_AUTH_LOGIN_OUTCOMES
} ngx_auth_login_outcome_e;


extern ngx_api_metric_t  ngx_auth_cache_hits;
extern ngx_api_metric_t  ngx_auth_cache_misses;
extern ngx_api_metric_t  ngx_auth_tokens_refused[NGX_AUTH_REFUSED_REASONS];

extern ngx_api_metric_t  ngx_auth_logins[NGX_AUTH_LOGIN_OUTCOMES];
extern ngx_api_metric_t  ngx_auth_hash_queue;
extern ngx_api_metric_t  ngx_auth_hash_refused;


/* at configuration time; accounts: logins and hashes, too.  NGX_OK or
 * NGX_ERROR */
ngx_int_t ngx_auth_metrics_add(ngx_conf_t *cf, ngx_uint_t accounts);


#endif /* _NGX_AUTH_METRICS_H_INCLUDED_ */
