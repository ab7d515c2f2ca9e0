
#include "ngx_auth_limit_module.h"


static const ngx_api_metric_family_t  ngx_auth_limit_family = {
    ngx_string("skep_rate_limit_requests_total"),
    ngx_string("Requests under a rate limit, by what its zone made of them."),
    NGX_API_METRIC_COUNTER, 0, NULL
};


ngx_int_t
ngx_auth_limit_metrics_add(ngx_conf_t *cf, ngx_auth_limit_conf_t *zone)
{
    u_char            *p;
    ngx_uint_t         i;
    ngx_api_metric_t  *metric;

    static const char  *outcomes[NGX_AUTH_LIMIT_METRICS] = {
        "passed", "delayed", "limited", "error"
    };

    /* names of zones have nothing that is to be escaped */

    for (i = 0; i < NGX_AUTH_LIMIT_METRICS; i++) {
        metric = &zone->metrics[i];

        p = ngx_pnalloc(cf->pool, zone->name.len
                                  + sizeof("zone=\"\",outcome=\"delayed\""));
        if (p == NULL) {
            return NGX_ERROR;
        }

        metric->family = &ngx_auth_limit_family;
        metric->value = ngx_api_metric_nowhere;
        metric->labels.data = p;
        metric->labels.len = ngx_sprintf(p, "zone=\"%V\",outcome=\"%s\"",
                                         &zone->name, outcomes[i])
                             - p;
    }

    return ngx_api_metrics_add(cf, zone->metrics, NGX_AUTH_LIMIT_METRICS);
}


void
ngx_auth_limit_metrics_count(ngx_auth_limit_ctx_t *ctx, ngx_uint_t refused)
{
    ngx_auth_limit_check_t   *check, *last;
    ngx_auth_limit_metric_e   outcome;

    last = &ctx->checks[ctx->nchecks];

    for (check = &ctx->checks[ctx->first]; check < last; check++) {

        if (refused) {

            if (!check->refused) {
                continue;
            }

            outcome = NGX_AUTH_LIMIT_METRIC_LIMITED;

        } else if (check->away) {
            outcome = NGX_AUTH_LIMIT_METRIC_ERROR;

        } else if (check->counted && !check->limit->nodelay
                   && check->ahead > check->limit->gcra.cost)
        {
            outcome = NGX_AUTH_LIMIT_METRIC_DELAYED;

        } else {
            outcome = NGX_AUTH_LIMIT_METRIC_PASSED;
        }

        ngx_api_metric_inc(&check->limit->zone->metrics[outcome]);
    }
}
