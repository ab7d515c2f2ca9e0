
/*
 * What a client is told about the limits that it is under.
 */


#include "ngx_auth_limit_module.h"


static ngx_int_t ngx_auth_limit_header(ngx_http_request_t *r,
    ngx_table_elt_t **h, const char *name, const ngx_str_t *value);


/* "name";q=100;w=60, for the header RateLimit-Policy */

ngx_int_t
ngx_auth_limit_policy(ngx_pool_t *pool, ngx_auth_limit_t *limit)
{
    size_t      len;
    ngx_str_t  *policy;
    ngx_uint_t  quota, window;

    ngx_auth_gcra_policy(&limit->gcra, &quota, &window);

    len = limit->zone->name.len + sizeof("\"\";q=;w=") - 1
          + 2 * NGX_INT64_LEN;

    policy = &limit->policy;

    policy->data = ngx_pnalloc(pool, len);
    if (policy->data == NULL) {
        return NGX_ERROR;
    }

    policy->len = ngx_sprintf(policy->data, "\"%V\";q=%ui;w=%ui",
                              &limit->zone->name, quota, window)
                  - policy->data;

    return NGX_OK;
}


/*
 * RateLimit-Policy and RateLimit: one member for each limit that the request
 * is under.  A second round writes them anew.
 */

ngx_int_t
ngx_auth_limit_headers(ngx_auth_limit_ctx_t *ctx)
{
    size_t                   len;
    u_char                  *p, *q;
    ngx_str_t                policy, left;
    const ngx_auth_limit_t  *limit;
    ngx_auth_limit_check_t  *check, *last;

    last = &ctx->checks[ctx->nchecks];
    len = 0;

    for (check = ctx->checks; check < last; check++) {
        len += check->limit->policy.len + sizeof(", ") - 1
               + sizeof(";r=;t=") - 1 + 2 * NGX_INT64_LEN;
    }

    policy.data = ngx_pnalloc(ctx->request->pool, 2 * len);
    if (policy.data == NULL) {
        return NGX_ERROR;
    }

    left.data = policy.data + len;
    p = policy.data;
    q = left.data;

    for (check = ctx->checks; check < last; check++) {

        if (!check->counted) {
            continue;
        }

        if (p != policy.data) {
            *p++ = ',';
            *p++ = ' ';
            *q++ = ',';
            *q++ = ' ';
        }

        limit = check->limit;

        p = ngx_cpymem(p, limit->policy.data, limit->policy.len);
        q = ngx_sprintf(q, "\"%V\";r=%ui;t=%T", &limit->zone->name,
                        ngx_auth_gcra_remaining(&limit->gcra, check->ahead),
                        ngx_auth_gcra_reset(check->ahead));
    }

    policy.len = p - policy.data;
    left.len = q - left.data;

    if (policy.len == 0) {
        return NGX_OK;
    }

    if (ngx_auth_limit_header(ctx->request, &ctx->policy, "RateLimit-Policy",
                              &policy)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_auth_limit_header(ctx->request, &ctx->left, "RateLimit", &left);
}


static ngx_int_t
ngx_auth_limit_header(ngx_http_request_t *r, ngx_table_elt_t **h,
    const char *name, const ngx_str_t *value)
{
    if (*h == NULL) {
        *h = ngx_api_header_push(r, name, value);
        return *h ? NGX_OK : NGX_ERROR;
    }

    (*h)->value = *value;

    return NGX_OK;
}


ngx_int_t
ngx_auth_limit_retry_after(ngx_auth_limit_ctx_t *ctx, time_t seconds)
{
    ngx_str_t  value;

    value.data = ngx_pnalloc(ctx->request->pool, NGX_TIME_T_LEN);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    value.len = ngx_sprintf(value.data, "%T", seconds) - value.data;

    return ngx_api_header_add(ctx->request, "Retry-After", &value);
}
