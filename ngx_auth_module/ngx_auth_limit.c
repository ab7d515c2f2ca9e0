
/*
 * Rate limits of a request: which of them it is under, whether it is let in,
 * and what it is told.
 *
 * The limits of a location are checked in the access phase, when it is known
 * who is calling, but for those whose key needs the body: these are a second
 * round, from the handler of a route.  In a round either all limits take the
 * request or none does.
 */


#include "ngx_auth_limit_module.h"


static ngx_int_t ngx_auth_limit_ctx_add(ngx_http_request_t *r,
    ngx_auth_limit_ctx_t *ctx);
static void ngx_auth_limit_cleanup(void *data);
static ngx_int_t ngx_auth_limit_account(ngx_http_request_t *r,
    const ngx_str_t *email, ngx_str_t *account);

static ngx_int_t ngx_auth_limit_round(ngx_auth_limit_ctx_t *ctx,
    ngx_uint_t late);
static void ngx_auth_limit_timed(ngx_auth_limit_ctx_t *ctx);
static ngx_int_t ngx_auth_limit_collect(ngx_auth_limit_ctx_t *ctx,
    ngx_uint_t late);
static ngx_int_t ngx_auth_limit_key(ngx_auth_limit_ctx_t *ctx,
    ngx_auth_limit_check_t *check);
static ngx_uint_t ngx_auth_limit_take(ngx_auth_limit_ctx_t *ctx,
    ngx_auth_limit_check_t *check, ngx_uint_t refused);
static void ngx_auth_limit_fallback(ngx_auth_limit_ctx_t *ctx);
static ngx_uint_t ngx_auth_limit_refused(ngx_auth_limit_ctx_t *ctx);

static ngx_int_t ngx_auth_limit_verdict(ngx_auth_limit_ctx_t *ctx);
static ngx_int_t ngx_auth_limit_refuse(ngx_auth_limit_ctx_t *ctx);
static ngx_int_t ngx_auth_limit_delay(ngx_auth_limit_ctx_t *ctx);
static ngx_int_t ngx_auth_limit_wait(ngx_auth_limit_ctx_t *ctx);
static void ngx_auth_limit_timer(ngx_event_t *ev);
static void ngx_auth_limit_resume(ngx_auth_limit_ctx_t *ctx, ngx_int_t rc);


ngx_int_t
ngx_auth_limit_resumed(ngx_http_request_t *r, ngx_int_t *rc)
{
    ngx_auth_limit_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_auth_limit_module);

    if (ctx == NULL) {
        return NGX_DECLINED;
    }

    *rc = ctx->waiting ? NGX_AGAIN : ctx->rc;

    return NGX_OK;
}


ngx_int_t
ngx_auth_limit(ngx_http_request_t *r, ngx_int_t rc)
{
    ngx_auth_limit_ctx_t       *ctx;
    ngx_auth_limit_loc_conf_t  *llcf;

    llcf = ngx_http_get_module_loc_conf(r, ngx_auth_limit_module);

    if (llcf->limits == NULL || llcf->limits->nelts == 0
        || rc == NGX_ERROR || rc >= NGX_HTTP_INTERNAL_SERVER_ERROR)
    {
        return rc;
    }

    if (r->internal && ngx_auth_limit_ctx(r)) {

        /* redirected: it counts once */

        return rc;
    }

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_auth_limit_ctx_t));
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    ctx->checks = ngx_palloc(r->pool, llcf->limits->nelts
                                      * sizeof(ngx_auth_limit_check_t));
    if (ctx->checks == NULL) {
        return NGX_ERROR;
    }

    ctx->request = r;
    ctx->rc = rc;

    if (ngx_auth_limit_ctx_add(r, ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_auth_limit_round(ctx, NGX_AUTH_LIMIT_ACCESS);

    if (rc == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    ngx_auth_limit_timed(ctx);

    if (rc != NGX_OK) {
        ctx->rc = rc;
    }

    return ctx->rc;
}


void
ngx_auth_limit_late(ngx_http_request_t *r, ngx_auth_limit_late_e late,
    const ngx_str_t *value, void (*next)(ngx_http_request_t *r))
{
    ngx_int_t              rc;
    ngx_str_t             *text;
    ngx_auth_limit_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_auth_limit_module);

    if (ctx == NULL || value->len == 0 || ctx->late[late].len) {
        next(r);
        return;
    }

    text = &ctx->late[late];

    if (late == NGX_AUTH_LIMIT_ACCOUNT) {
        rc = ngx_auth_limit_account(r, value, text);

    } else {
        text->len = value->len;
        text->data = ngx_pstrdup(r->pool, (ngx_str_t *) value);
        rc = text->data ? NGX_OK : NGX_ERROR;
    }

    if (rc == NGX_OK) {
        ctx->next = next;
        rc = ngx_auth_limit_round(ctx, late);

        if (rc != NGX_AGAIN) {
            ngx_auth_limit_timed(ctx);
        }
    }

    switch (rc) {

    case NGX_AGAIN:
        return;

    case NGX_OK:
        next(r);
        return;

    default:
        ngx_api_finish(r, rc);
    }
}


/* the SHA-256 of the e-mail in lower case, in hexadecimal */

static ngx_int_t
ngx_auth_limit_account(ngx_http_request_t *r, const ngx_str_t *email,
    ngx_str_t *account)
{
    u_char     digest[NGX_AUTH_DIGEST_LEN];
    ngx_str_t  lower;

    lower.len = email->len;
    lower.data = ngx_pnalloc(r->pool, email->len);

    account->len = 2 * NGX_AUTH_DIGEST_LEN;
    account->data = ngx_pnalloc(r->pool, account->len);

    if (lower.data == NULL || account->data == NULL) {
        return NGX_ERROR;
    }

    ngx_strlow(lower.data, email->data, email->len);

    if (ngx_auth_digest(&lower, 1, digest) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_hex_dump(account->data, digest, NGX_AUTH_DIGEST_LEN);

    return NGX_OK;
}


ngx_auth_limit_ctx_t *
ngx_auth_limit_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t    *cln;
    ngx_auth_limit_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_auth_limit_module);

    if (ctx || !r->internal) {
        return ctx;
    }

    /* an internal redirect takes a request's contexts away; the pool stays */

    for (cln = r->pool->cleanup; cln; cln = cln->next) {
        if (cln->handler == ngx_auth_limit_cleanup) {
            return cln->data;
        }
    }

    return NULL;
}


static ngx_int_t
ngx_auth_limit_ctx_add(ngx_http_request_t *r, ngx_auth_limit_ctx_t *ctx)
{
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_auth_limit_cleanup;
    cln->data = ctx;

    ngx_http_set_ctx(r, ctx, ngx_auth_limit_module);

    return NGX_OK;
}


static void
ngx_auth_limit_cleanup(void *data)
{
    ngx_auth_limit_ctx_t *ctx = data;

    if (ctx->op) {
        ngx_api_redis_detach(ctx->op);
        ctx->op = NULL;
    }

    if (ctx->timer.timer_set) {
        ngx_del_timer(&ctx->timer);
    }
}


/* NGX_OK, NGX_AGAIN, NGX_ERROR or the status of the refusal */

static ngx_int_t
ngx_auth_limit_round(ngx_auth_limit_ctx_t *ctx, ngx_uint_t late)
{
    ngx_int_t                rc;
    ngx_uint_t               refused, redis;
    ngx_auth_limit_check_t  *check, *last;

    ctx->start = ngx_api_clock();

    if (ngx_auth_limit_collect(ctx, late) != NGX_OK) {
        return NGX_ERROR;
    }

    last = &ctx->checks[ctx->nchecks];
    refused = 0;
    redis = 0;

    for (check = &ctx->checks[ctx->first]; check < last; check++) {

        if (check->limit->zone->redis) {
            redis = 1;
            continue;
        }

        refused |= ngx_auth_limit_take(ctx, check, refused);
    }

    if (redis && !refused) {

        rc = ngx_auth_limit_redis(ctx);

        if (rc == NGX_AGAIN) {
            return ngx_auth_limit_wait(ctx);
        }

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        ngx_auth_limit_fallback(ctx);
    }

    return ngx_auth_limit_verdict(ctx);
}


/* the end of a round, however long it had to wait */

static void
ngx_auth_limit_timed(ngx_auth_limit_ctx_t *ctx)
{
    if (ctx->nchecks > ctx->first) {
        ngx_api_timing_since(ctx->request, NGX_API_TIMING_LIMIT, ctx->start);
    }
}


static ngx_int_t
ngx_auth_limit_collect(ngx_auth_limit_ctx_t *ctx, ngx_uint_t late)
{
    ngx_int_t                   rc;
    ngx_uint_t                  i;
    ngx_auth_limit_t          **limits;
    ngx_auth_limit_check_t     *check;
    ngx_auth_limit_loc_conf_t  *llcf;

    llcf = ngx_http_get_module_loc_conf(ctx->request, ngx_auth_limit_module);

    limits = llcf->limits->elts;
    ctx->first = ctx->nchecks;

    for (i = 0; i < llcf->limits->nelts; i++) {

        if (limits[i]->zone->late != late) {
            continue;
        }

        check = &ctx->checks[ctx->nchecks];
        ngx_memzero(check, offsetof(ngx_auth_limit_check_t, hash));

        check->limit = limits[i];

        rc = ngx_auth_limit_key(ctx, check);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_OK) {
            ctx->nchecks++;
        }
    }

    return NGX_OK;
}


/* NGX_DECLINED: an empty key is exempt */

static ngx_int_t
ngx_auth_limit_key(ngx_auth_limit_ctx_t *ctx, ngx_auth_limit_check_t *check)
{
    if (ngx_http_complex_value(ctx->request, &check->limit->zone->key,
                               &check->key)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (check->key.len == 0) {
        return NGX_DECLINED;
    }

    if (check->key.len > NGX_AUTH_LIMIT_KEY_MAX) {

        if (ngx_auth_digest(&check->key, 1, check->hash) != NGX_OK) {
            return NGX_ERROR;
        }

        check->key.data = check->hash;
        check->key.len = NGX_AUTH_DIGEST_LEN;
    }

    return NGX_OK;
}


/* after another limit refused the request it is only looked up here; returns
 * whether this one refuses it */

static ngx_uint_t
ngx_auth_limit_take(ngx_auth_limit_ctx_t *ctx, ngx_auth_limit_check_t *check,
    ngx_uint_t refused)
{
    const ngx_auth_gcra_t   *gcra;
    ngx_auth_limit_conf_t   *zone;
    ngx_auth_limit_state_t   state;

    zone = check->limit->zone;
    gcra = &check->limit->gcra;

    ngx_auth_limit_zone_take(&zone->keys, gcra, &check->key,
                             (int64_t) ngx_current_msec * NGX_AUTH_GCRA_MSEC,
                             !refused, &state);

    if (state.evicted) {
        ngx_log_error(NGX_LOG_WARN, ctx->request->connection->log, 0,
                      "rate limit zone \"%V\" is full: the %ui keys not seen "
                      "longest were dropped", &zone->name, state.evicted);
    }

    check->counted = 1;
    check->refused = !state.admitted;
    check->taken = state.admitted && !refused;
    check->ahead = state.ahead + (check->taken ? gcra->cost : 0);

    return check->refused;
}


/* Redis is away */

static void
ngx_auth_limit_fallback(ngx_auth_limit_ctx_t *ctx)
{
    ngx_uint_t               refused;
    ngx_auth_limit_check_t  *check, *last;

    last = &ctx->checks[ctx->nchecks];
    refused = 0;

    for (check = &ctx->checks[ctx->first]; check < last; check++) {

        if (!check->limit->zone->redis) {
            continue;
        }

        check->away = 1;

        switch (check->limit->zone->fallback) {

        case NGX_AUTH_LIMIT_LOCAL:
            refused |= ngx_auth_limit_take(ctx, check, refused);
            break;

        case NGX_AUTH_LIMIT_CLOSED:
            check->refused = 1;
            check->closed = 1;
            refused = 1;
            break;

        default: /* NGX_AUTH_LIMIT_OPEN */
            break;
        }
    }
}


void
ngx_auth_limit_redis_done(ngx_auth_limit_ctx_t *ctx, ngx_uint_t answered)
{
    ngx_int_t  rc;

    if (!answered) {
        ngx_auth_limit_fallback(ctx);
    }

    rc = ngx_auth_limit_verdict(ctx);

    if (rc != NGX_AGAIN) {
        ngx_auth_limit_resume(ctx, rc);
    }
}


/* the same as of ngx_auth_limit_round() */

static ngx_int_t
ngx_auth_limit_verdict(ngx_auth_limit_ctx_t *ctx)
{
    ngx_auth_limit_check_t     *check, *last;
    ngx_auth_limit_loc_conf_t  *llcf;

    if (ctx->first == ctx->nchecks) {
        return NGX_OK;
    }

    if (ngx_auth_limit_refused(ctx)) {
        ngx_auth_limit_metrics_count(ctx, 1);
        return ngx_auth_limit_refuse(ctx);
    }

    ngx_auth_limit_metrics_count(ctx, 0);

    if (ctx->status == NGX_AUTH_LIMIT_NONE) {
        ctx->status = NGX_AUTH_LIMIT_PASSED;
    }

    llcf = ngx_http_get_module_loc_conf(ctx->request, ngx_auth_limit_module);

    if (!llcf->dry_run && ngx_auth_limit_headers(ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    last = &ctx->checks[ctx->nchecks];

    for (check = &ctx->checks[ctx->first]; check < last; check++) {
        if (!check->limit->nodelay) {
            return ngx_auth_limit_delay(ctx);
        }
    }

    return NGX_OK;
}


/* whether any limit of the round refuses; then all get back what they took */

static ngx_uint_t
ngx_auth_limit_refused(ngx_auth_limit_ctx_t *ctx)
{
    ngx_uint_t               refused;
    const ngx_auth_gcra_t   *gcra;
    ngx_auth_limit_check_t  *check, *last;

    last = &ctx->checks[ctx->nchecks];
    refused = 0;

    for (check = &ctx->checks[ctx->first]; check < last; check++) {
        refused |= check->refused;
    }

    if (!refused) {
        return 0;
    }

    for (check = &ctx->checks[ctx->first]; check < last; check++) {

        if (check->taken) {
            gcra = &check->limit->gcra;

            ngx_auth_limit_zone_give(&check->limit->zone->keys, gcra,
                                     &check->key);

            check->ahead -= gcra->cost;
            check->taken = 0;
        }
    }

    return 1;
}


static ngx_int_t
ngx_auth_limit_refuse(ngx_auth_limit_ctx_t *ctx)
{
    time_t                      seconds, max;
    const ngx_str_t            *name;
    ngx_http_request_t         *r;
    ngx_auth_limit_check_t     *check, *last;
    ngx_auth_limit_loc_conf_t  *llcf;

    r = ctx->request;
    llcf = ngx_http_get_module_loc_conf(r, ngx_auth_limit_module);

    last = &ctx->checks[ctx->nchecks];
    name = NULL;
    max = 0;

    for (check = &ctx->checks[ctx->first]; check < last; check++) {

        if (!check->refused) {
            continue;
        }

        seconds = check->closed
                  ? 1 : ngx_auth_gcra_retry_after(&check->limit->gcra,
                                                  check->ahead);
        if (seconds > max) {
            max = seconds;
            name = &check->limit->zone->name;
        }
    }

    ngx_log_error(llcf->log_level, r->connection->log, 0,
                  "limiting requests%s, retry after %Ts, by zone \"%V\"",
                  llcf->dry_run ? ", dry run" : "", max, name);

    if (llcf->dry_run) {
        ctx->status = NGX_AUTH_LIMIT_REJECTED_DRY_RUN;
        return NGX_OK;
    }

    ctx->status = NGX_AUTH_LIMIT_REJECTED;

    if (ngx_auth_limit_headers(ctx) != NGX_OK
        || ngx_auth_limit_retry_after(ctx, max) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (r->headers_out.www_authenticate) {

        /* it would have been refused for another reason, too */

        r->headers_out.www_authenticate->hash = 0;
        r->headers_out.www_authenticate = NULL;
    }

    return ngx_api_problem(r, &llcf->problem, NULL);
}


static ngx_int_t
ngx_auth_limit_delay(ngx_auth_limit_ctx_t *ctx)
{
    int64_t                     ahead, max;
    ngx_msec_t                  delay;
    const ngx_str_t            *name;
    ngx_auth_limit_check_t     *check, *last;
    ngx_auth_limit_loc_conf_t  *llcf;

    last = &ctx->checks[ctx->nchecks];
    name = NULL;
    max = 0;

    for (check = &ctx->checks[ctx->first]; check < last; check++) {

        ahead = check->ahead - check->limit->gcra.cost;

        if (check->counted && !check->limit->nodelay && ahead > max) {
            max = ahead;
            name = &check->limit->zone->name;
        }
    }

    if (max == 0) {
        return NGX_OK;
    }

    llcf = ngx_http_get_module_loc_conf(ctx->request, ngx_auth_limit_module);
    delay = ngx_auth_gcra_delay(max);

    ngx_log_error(llcf->delay_log_level, ctx->request->connection->log, 0,
                  "delaying request%s, by %Mms, by zone \"%V\"",
                  llcf->dry_run ? ", dry run" : "", delay, name);

    if (llcf->dry_run) {
        ctx->status = NGX_AUTH_LIMIT_DELAYED_DRY_RUN;
        return NGX_OK;
    }

    ctx->status = NGX_AUTH_LIMIT_DELAYED;

    ctx->timer.handler = ngx_auth_limit_timer;
    ctx->timer.data = ctx;
    ctx->timer.log = ctx->request->connection->log;

    ngx_add_timer(&ctx->timer, delay);

    return ngx_auth_limit_wait(ctx);
}


static ngx_int_t
ngx_auth_limit_wait(ngx_auth_limit_ctx_t *ctx)
{
    ngx_http_request_t  *r;

    r = ctx->request;

    /* a client that goes away ends its request */

    if (ngx_handle_read_event(r->connection->read, 0) != NGX_OK) {
        ngx_auth_limit_cleanup(ctx);
        return NGX_ERROR;
    }

    r->read_event_handler = ngx_http_test_reading;

    ctx->waiting = 1;

    return NGX_AGAIN;
}


static void
ngx_auth_limit_timer(ngx_event_t *ev)
{
    ngx_auth_limit_resume(ev->data, NGX_OK);
}


static void
ngx_auth_limit_resume(ngx_auth_limit_ctx_t *ctx, ngx_int_t rc)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = ctx->request;
    c = r->connection;

    ctx->waiting = 0;
    ngx_auth_limit_timed(ctx);

    if (ctx->next == NULL) {

        if (rc != NGX_OK) {
            ctx->rc = rc;
        }

        r->read_event_handler = ngx_http_block_reading;
        r->write_event_handler = ngx_http_core_run_phases;

        ngx_http_core_run_phases(r);

    } else if (rc == NGX_OK) {
        ctx->next(r);

    } else {
        ngx_api_finish(r, rc);
    }

    ngx_http_run_posted_requests(c);
}
