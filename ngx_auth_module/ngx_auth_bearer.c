
/*
 * The bearer of a token: the token in its header, whether it is good, and what
 * else it says.
 */


#include "ngx_auth_module.h"
#include "ngx_auth_claim.h"
#include "ngx_auth_text.h"


static ngx_uint_t ngx_auth_bearer_early(ngx_auth_main_conf_t *amcf,
    const ngx_auth_jwt_claims_t *claims);
static void ngx_auth_bearer_cleanup(void *data);


ngx_int_t
ngx_auth_bearer_token(ngx_http_request_t *r, ngx_str_t *token)
{
    ngx_table_elt_t  *h;

    h = r->headers_in.authorization;

    if (h == NULL) {
        return NGX_DECLINED;
    }

    return ngx_auth_text_bearer(&h->value, token);
}


/*
 * Whether a token of ours was made at a time that is still to come: the clock
 * was set back since it was verified.  That is refused by its "iat", which is
 * not cached.
 */

static ngx_uint_t
ngx_auth_bearer_early(ngx_auth_main_conf_t *amcf,
    const ngx_auth_jwt_claims_t *claims)
{
    return claims->issuer == 0
           && claims->expires > ngx_time() + amcf->access_ttl
                                + amcf->jwt.leeway;
}


ngx_auth_jwt_status_e
ngx_auth_bearer_verify(ngx_http_request_t *r, ngx_auth_bearer_t *bearer)
{
    u_char                  key[NGX_AUTH_DIGEST_LEN];
    ngx_str_t               texts[2];
    const char             *fault;
    ngx_auth_cache_t       *cache;
    ngx_auth_main_conf_t   *amcf;
    ngx_auth_jwt_status_e   status;

    amcf = ngx_http_get_module_main_conf(r, ngx_auth_module);

    cache = amcf->cache;

    if (cache) {
        texts[0].data = amcf->fingerprint;
        texts[0].len = NGX_AUTH_DIGEST_LEN;
        texts[1] = bearer->token;

        if (ngx_auth_digest(texts, 2, key) != NGX_OK) {
            cache = NULL;

        } else if (ngx_auth_cache_get(cache, key,
                                      ngx_time() - amcf->jwt.leeway,
                                      &bearer->claims)
                   == NGX_OK
                   && !ngx_auth_bearer_early(amcf, &bearer->claims))
        {
            ngx_api_metric_inc(&ngx_auth_cache_hits);
            return NGX_AUTH_JWT_OK;

        } else {
            ngx_api_metric_inc(&ngx_auth_cache_misses);
        }
    }

    /*
     * Another worker may have made this token after the time of this one was
     * last updated: its "iat" is not to look as if it were to come.
     */

    ngx_time_update();

    status = ngx_auth_jwt_verify(&amcf->jwt, &bearer->token, ngx_time(),
                                 &bearer->claims, &fault);

    if (status != NGX_AUTH_JWT_OK) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "access token refused: %s", fault);
        return status;
    }

    if (cache) {
        ngx_auth_cache_set(cache, key, ngx_time() - amcf->jwt.leeway,
                           &bearer->claims);
    }

    return NGX_AUTH_JWT_OK;
}


ngx_auth_bearer_t *
ngx_auth_bearer(ngx_http_request_t *r)
{
    /* nobody but this module sets an identity, and always a bearer's */

    return (ngx_auth_bearer_t *) ngx_api_identity(r->main);
}


/* the cache of verified tokens holds no more than an identity: what else a
 * token says is read in the token, for those who ask */

const json_t *
ngx_auth_bearer_claim(ngx_auth_bearer_t *bearer, ngx_http_request_t *r,
    const ngx_str_t *name)
{
    ngx_pool_cleanup_t  *cln;

    if (bearer->payload == NULL) {

        cln = ngx_pool_cleanup_add(r->pool, 0);
        if (cln == NULL) {
            return NULL;
        }

        bearer->payload = ngx_auth_jwt_payload(&bearer->token);

        cln->handler = ngx_auth_bearer_cleanup;
        cln->data = bearer->payload;
    }

    return ngx_auth_claim_find(bearer->payload, name);
}


static void
ngx_auth_bearer_cleanup(void *data)
{
    json_decref(data);
}
