
#include "ngx_auth_metrics.h"


static const ngx_api_metric_family_t  ngx_auth_cache_family = {
    ngx_string("skep_auth_token_cache_total"),
    ngx_string("Access tokens looked up in the cache of verified ones."),
    NGX_API_METRIC_COUNTER, 0, NULL
};

static const ngx_api_metric_family_t  ngx_auth_refused_family = {
    ngx_string("skep_auth_tokens_refused_total"),
    ngx_string("Requests refused for their access token, by reason."),
    NGX_API_METRIC_COUNTER, 0, NULL
};

static const ngx_api_metric_family_t  ngx_auth_logins_family = {
    ngx_string("skep_auth_logins_total"),
    ngx_string("Logins by what became of them."),
    NGX_API_METRIC_COUNTER, 0, NULL
};

static const ngx_api_metric_family_t  ngx_auth_queue_family = {
    ngx_string("skep_auth_hash_queue_length"),
    ngx_string("Passwords that are being hashed, or wait for it."),
    NGX_API_METRIC_GAUGE, 0, NULL
};

static const ngx_api_metric_family_t  ngx_auth_hash_refused_family = {
    ngx_string("skep_auth_hash_refused_total"),
    ngx_string("Passwords not hashed, since too many were waiting."),
    NGX_API_METRIC_COUNTER, 0, NULL
};


ngx_api_metric_t  ngx_auth_cache_hits =
    ngx_api_metric(&ngx_auth_cache_family, "result=\"hit\"");

ngx_api_metric_t  ngx_auth_cache_misses =
    ngx_api_metric(&ngx_auth_cache_family, "result=\"miss\"");

ngx_api_metric_t  ngx_auth_tokens_refused[NGX_AUTH_REFUSED_REASONS] = {
    ngx_api_metric(&ngx_auth_refused_family, "reason=\"missing\""),
    ngx_api_metric(&ngx_auth_refused_family, "reason=\"malformed\""),
    ngx_api_metric(&ngx_auth_refused_family, "reason=\"invalid\""),
    ngx_api_metric(&ngx_auth_refused_family, "reason=\"expired\""),
    ngx_api_metric(&ngx_auth_refused_family, "reason=\"foreign\""),
    ngx_api_metric(&ngx_auth_refused_family, "reason=\"revoked\""),
    ngx_api_metric(&ngx_auth_refused_family, "reason=\"unknown\"")
};

ngx_api_metric_t  ngx_auth_logins[NGX_AUTH_LOGIN_OUTCOMES] = {
    ngx_api_metric(&ngx_auth_logins_family, "outcome=\"ok\""),
    ngx_api_metric(&ngx_auth_logins_family, "outcome=\"invalid\""),
    ngx_api_metric(&ngx_auth_logins_family, "outcome=\"disabled\""),
    ngx_api_metric(&ngx_auth_logins_family, "outcome=\"busy\""),
    ngx_api_metric(&ngx_auth_logins_family, "outcome=\"error\"")
};

ngx_api_metric_t  ngx_auth_hash_queue =
    ngx_api_metric(&ngx_auth_queue_family, "");

ngx_api_metric_t  ngx_auth_hash_refused =
    ngx_api_metric(&ngx_auth_hash_refused_family, "");


ngx_int_t
ngx_auth_metrics_add(ngx_conf_t *cf, ngx_uint_t accounts)
{
    ngx_uint_t  i;

    static const struct {
        ngx_api_metric_t  *metrics;
        ngx_uint_t         n;
        unsigned           accounts:1;
    } all[] = {
        { &ngx_auth_cache_hits, 1, 0 },
        { &ngx_auth_cache_misses, 1, 0 },
        { ngx_auth_tokens_refused, NGX_AUTH_REFUSED_REASONS, 0 },
        { ngx_auth_logins, NGX_AUTH_LOGIN_OUTCOMES, 1 },
        { &ngx_auth_hash_queue, 1, 1 },
        { &ngx_auth_hash_refused, 1, 1 }
    };

    for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {

        if (all[i].accounts && !accounts) {
            continue;
        }

        if (ngx_api_metrics_add(cf, all[i].metrics, all[i].n) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
