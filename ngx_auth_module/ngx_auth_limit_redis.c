
/*
 * Limits that all instances share, kept in Redis by a script, by its clock.
 */


#include "ngx_auth_limit_module.h"
#include <ngx_sha1.h>


struct ngx_auth_limit_script_s {
    ngx_uint_t     n;             /* keys */
    int            argc;
    const char   **argv;
    size_t        *argvlen;
    unsigned       sent:1;        /* the script itself, not its digest */
};


static ngx_int_t ngx_auth_limit_redis_build(ngx_auth_limit_ctx_t *ctx,
    ngx_uint_t n);
static ngx_int_t ngx_auth_limit_redis_key(ngx_auth_limit_ctx_t *ctx,
    ngx_auth_limit_check_t *check, ngx_str_t *key);
static ngx_int_t ngx_auth_limit_redis_send(ngx_auth_limit_ctx_t *ctx);
static void ngx_auth_limit_redis_reply(void *data, const redisReply *reply);
static ngx_int_t ngx_auth_limit_redis_read(ngx_auth_limit_ctx_t *ctx,
    const redisReply *reply);
static void ngx_auth_limit_redis_away(ngx_auth_limit_ctx_t *ctx,
    const char *why);


/*
 * KEYS: each has its theoretical arrival time, in microseconds.  ARGV: for
 * each key the largest limit of those that share it, the limit, the cost.
 * It returns for each key how far ahead it was and whether it refuses; if none
 * does, all move on.  A microsecond more is let through: numbers here have 53
 * bits, so that these are rounded to a quarter of one.
 */

static const char  ngx_auth_limit_script[] =
    "local time = redis.call('TIME')\n"
    "local now = time[1] * 1000000 + time[2]\n"
    "local tats = redis.call('MGET', unpack(KEYS))\n"
    "local answer = {}\n"
    "local next = {}\n"
    "local refused = false\n"
    "local function set(key, ahead)\n"
    "    redis.call('SET', key, string.format('%.2f', now + ahead),\n"
    "               'PX', math.ceil(ahead / 1000))\n"
    "end\n"
    "for i = 1, #KEYS do\n"
    "    local max = tonumber(ARGV[3 * i - 2])\n"
    "    local limit = tonumber(ARGV[3 * i - 1])\n"
    "    local cost = tonumber(ARGV[3 * i])\n"
    "    local tat = tonumber(tats[i] or 0) or 0\n"
    "    local ahead = math.min(math.max(tat - now, 0), max)\n"
    "    if tat - now > max then\n"
    "        set(KEYS[i], max)\n"
    "    end\n"
    "    next[i] = ahead + cost\n"
    "    answer[2 * i - 1] = math.ceil(ahead)\n"
    "    answer[2 * i] = 0\n"
    "    if next[i] > limit + 1 then\n"
    "        answer[2 * i] = 1\n"
    "        refused = true\n"
    "    end\n"
    "end\n"
    "if not refused then\n"
    "    for i = 1, #KEYS do\n"
    "        set(KEYS[i], next[i])\n"
    "    end\n"
    "end\n"
    "return answer\n";

static u_char      ngx_auth_limit_script_sha1[2 * 20];

static ngx_uint_t  ngx_auth_limit_redis_is_away;


ngx_int_t
ngx_auth_limit_redis_init(ngx_pool_t *pool, ngx_auth_limit_t *limit)
{
    u_char       digest[20];
    int64_t      times[NGX_AUTH_LIMIT_ARGS];
    ngx_str_t   *arg;
    ngx_uint_t   i;
    ngx_sha1_t   sha1;

    ngx_sha1_init(&sha1);
    ngx_sha1_update(&sha1, ngx_auth_limit_script,
                    sizeof(ngx_auth_limit_script) - 1);
    ngx_sha1_final(digest, &sha1);

    ngx_hex_dump(ngx_auth_limit_script_sha1, digest, sizeof(digest));

    times[0] = limit->zone->keys.max;
    times[1] = limit->gcra.limit;
    times[2] = limit->gcra.cost;

    for (i = 0; i < NGX_AUTH_LIMIT_ARGS; i++) {
        arg = &limit->args[i];

        arg->data = ngx_pnalloc(pool, NGX_INT64_LEN + sizeof(".000"));
        if (arg->data == NULL) {
            return NGX_ERROR;
        }

        arg->len = ngx_sprintf(arg->data, "%L.%03L", times[i] / 1000,
                               times[i] % 1000)
                   - arg->data;
    }

    return NGX_OK;
}


ngx_int_t
ngx_auth_limit_redis(ngx_auth_limit_ctx_t *ctx)
{
    ngx_uint_t               n;
    ngx_auth_limit_check_t  *check, *last;

    last = &ctx->checks[ctx->nchecks];
    n = 0;

    for (check = &ctx->checks[ctx->first]; check < last; check++) {
        n += check->limit->zone->redis;
    }

    if (ngx_auth_limit_redis_build(ctx, n) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_auth_limit_redis_send(ctx);
}


/* EVALSHA digest n key... argument... */

static ngx_int_t
ngx_auth_limit_redis_build(ngx_auth_limit_ctx_t *ctx, ngx_uint_t n)
{
    u_char                   *count;
    ngx_str_t                *texts;
    ngx_uint_t                i, k, argc;
    ngx_pool_t               *pool;
    ngx_auth_limit_check_t   *check, *last;
    ngx_auth_limit_script_t  *script;

    pool = ctx->request->pool;
    argc = 3 + n + NGX_AUTH_LIMIT_ARGS * n;

    script = ngx_pcalloc(pool, sizeof(ngx_auth_limit_script_t));
    texts = ngx_palloc(pool, argc * sizeof(ngx_str_t));
    count = ngx_pnalloc(pool, NGX_INT_T_LEN);

    if (script == NULL || texts == NULL || count == NULL) {
        return NGX_ERROR;
    }

    script->n = n;
    script->argc = argc;
    script->argv = ngx_palloc(pool, argc * sizeof(char *));
    script->argvlen = ngx_palloc(pool, argc * sizeof(size_t));

    if (script->argv == NULL || script->argvlen == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&texts[0], "EVALSHA");
    texts[1].data = ngx_auth_limit_script_sha1;
    texts[1].len = sizeof(ngx_auth_limit_script_sha1);
    texts[2].data = count;
    texts[2].len = ngx_sprintf(count, "%ui", n) - count;

    last = &ctx->checks[ctx->nchecks];
    k = 0;

    for (check = &ctx->checks[ctx->first]; check < last; check++) {

        if (!check->limit->zone->redis) {
            continue;
        }

        if (ngx_auth_limit_redis_key(ctx, check, &texts[3 + k]) != NGX_OK) {
            return NGX_ERROR;
        }

        ngx_memcpy(&texts[3 + n + NGX_AUTH_LIMIT_ARGS * k], check->limit->args,
                   sizeof(check->limit->args));
        k++;
    }

    for (i = 0; i < argc; i++) {
        script->argv[i] = (const char *) texts[i].data;
        script->argvlen[i] = texts[i].len;
    }

    ctx->script = script;

    return NGX_OK;
}


static ngx_int_t
ngx_auth_limit_redis_key(ngx_auth_limit_ctx_t *ctx,
    ngx_auth_limit_check_t *check, ngx_str_t *key)
{
    u_char           *p;
    const ngx_str_t  *prefix;

    prefix = &check->limit->zone->prefix;

    key->len = prefix->len + check->key.len;
    key->data = ngx_pnalloc(ctx->request->pool, key->len);

    if (key->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(key->data, prefix->data, prefix->len);
    ngx_memcpy(p, check->key.data, check->key.len);

    return NGX_OK;
}


static ngx_int_t
ngx_auth_limit_redis_send(ngx_auth_limit_ctx_t *ctx)
{
    ngx_auth_limit_script_t  *script;

    script = ctx->script;

    ctx->op = ngx_api_redis_command(script->argc, script->argv,
                                    script->argvlen,
                                    ngx_auth_limit_redis_reply, ctx);
    if (ctx->op == NULL) {
        ngx_auth_limit_redis_away(ctx, "not connected");
        return NGX_DECLINED;
    }

    ngx_api_redis_whose(ctx->op, ctx->request);

    return NGX_AGAIN;
}


static void
ngx_auth_limit_redis_reply(void *data, const redisReply *reply)
{
    ngx_auth_limit_ctx_t *ctx = data;

    ngx_auth_limit_script_t  *script;

    ctx->op = NULL;
    script = ctx->script;

    if (reply && reply->type == REDIS_REPLY_ERROR && !script->sent
        && ngx_strncmp(reply->str, "NOSCRIPT", sizeof("NOSCRIPT") - 1) == 0)
    {
        /* the first one since Redis was started */

        script->sent = 1;
        script->argv[0] = "EVAL";
        script->argvlen[0] = sizeof("EVAL") - 1;
        script->argv[1] = ngx_auth_limit_script;
        script->argvlen[1] = sizeof(ngx_auth_limit_script) - 1;

        if (ngx_auth_limit_redis_send(ctx) != NGX_AGAIN) {
            ngx_auth_limit_redis_done(ctx, 0);
        }

        return;
    }

    if (ngx_auth_limit_redis_read(ctx, reply) != NGX_OK) {
        ngx_auth_limit_redis_away(ctx,
            reply == NULL ? "no answer"
            : reply->type == REDIS_REPLY_ERROR ? reply->str
            : "unexpected answer");

        ngx_auth_limit_redis_done(ctx, 0);
        return;
    }

    if (ngx_auth_limit_redis_is_away) {
        ngx_auth_limit_redis_is_away = 0;

        ngx_log_error(NGX_LOG_NOTICE, ctx->request->connection->log, 0,
                      "rate limits are kept in Redis again");
    }

    ngx_auth_limit_redis_done(ctx, 1);
}


static ngx_int_t
ngx_auth_limit_redis_read(ngx_auth_limit_ctx_t *ctx, const redisReply *reply)
{
    ngx_uint_t               i;
    ngx_auth_limit_check_t  *check, *last;

    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY
        || reply->elements != 2 * ctx->script->n)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < reply->elements; i++) {
        if (reply->element[i]->type != REDIS_REPLY_INTEGER) {
            return NGX_ERROR;
        }
    }

    last = &ctx->checks[ctx->nchecks];
    i = 0;

    for (check = &ctx->checks[ctx->first]; check < last; check++) {

        if (!check->limit->zone->redis) {
            continue;
        }

        check->counted = 1;
        check->ahead = reply->element[i++]->integer * 1000;
        check->refused = (reply->element[i++]->integer != 0);
    }

    /* it took from all, or from none */

    for (check = &ctx->checks[ctx->first]; check < last; check++) {
        if (check->refused) {
            return NGX_OK;
        }
    }

    for (check = &ctx->checks[ctx->first]; check < last; check++) {
        if (check->limit->zone->redis) {
            check->ahead += check->limit->gcra.cost;
        }
    }

    return NGX_OK;
}


static void
ngx_auth_limit_redis_away(ngx_auth_limit_ctx_t *ctx, const char *why)
{
    if (!ngx_auth_limit_redis_is_away) {
        ngx_log_error(NGX_LOG_ERR, ctx->request->connection->log, 0,
                      "rate limits are not kept in Redis for now: %s", why);
    }

    ngx_auth_limit_redis_is_away = 1;
}
