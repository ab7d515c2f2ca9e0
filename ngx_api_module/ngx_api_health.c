
/*
 * GET /livez: this worker's event loop turns.
 * GET /readyz: so does what it depends on; the body names each.
 *
 * PostgreSQL and Redis are asked at the same time, and each is given up by
 * itself when api_health_timeout is over.  Without PostgreSQL, its schema and
 * the revoked sessions nothing works: 503.  Without Redis something does:
 * "degraded", 200, or all servers would be taken out at once for nothing.
 */


#include "ngx_api_module.h"
#include "skep_schema.h"


/* what is said of each; the first four are those of ngx_api_pg_status_e */
typedef enum {
    NGX_API_HEALTH_OK = NGX_API_PG_OK,
    NGX_API_HEALTH_UNAVAILABLE = NGX_API_PG_UNAVAILABLE,
    NGX_API_HEALTH_TIMEOUT = NGX_API_PG_TIMEOUT,
    NGX_API_HEALTH_ERROR = NGX_API_PG_ERROR,
    NGX_API_HEALTH_OUTDATED,      /* a change of the schema is missing */
    NGX_API_HEALTH_UNKNOWN,       /* nobody could say */
    NGX_API_HEALTH_ABSENT         /* not configured: not named */
} ngx_api_health_e;


/* of one request */
typedef struct {
    ngx_http_request_t   *request;
    ngx_event_t           timer;
    ngx_api_pg_op_t      *pg;        /* under way */
    ngx_api_redis_op_t   *redis;
    ngx_api_health_e      database;
    ngx_api_health_e      schema;
    ngx_api_health_e      cache;     /* Redis */
} ngx_api_health_t;


static void ngx_api_health_live(ngx_http_request_t *r);
static void ngx_api_health_ready(ngx_http_request_t *r);
static void ngx_api_health_ask_pg(ngx_api_health_t *h);
static void ngx_api_health_pg_handler(void *data, ngx_api_pg_status_e status,
    const PGresult *res);
static void ngx_api_health_lanes(ngx_api_health_t *h);
static void ngx_api_health_ask_redis(ngx_api_health_t *h);
static void ngx_api_health_redis_handler(void *data, const redisReply *reply);
static void ngx_api_health_timer_handler(ngx_event_t *ev);
static void ngx_api_health_wake(ngx_api_health_t *h);
static void ngx_api_health_cleanup(void *data);
static void ngx_api_health_answer(ngx_api_health_t *h);
static ngx_uint_t ngx_api_health_status(ngx_api_health_t *h,
    ngx_api_main_conf_t *amcf, const char **word);
static void ngx_api_health_say(ngx_api_json_t *j, const ngx_str_t *name,
    ngx_api_health_e what, ngx_uint_t *n);


const ngx_api_route_t  ngx_api_health_routes[] = {

    { NGX_HTTP_GET, ngx_string("/livez"), ngx_api_health_live,
      NULL, NULL, NGX_API_ROUTE_PUBLIC },

    { NGX_HTTP_GET, ngx_string("/readyz"), ngx_api_health_ready,
      NULL, NULL, NGX_API_ROUTE_PUBLIC },

    { 0, ngx_null_string, NULL, NULL, NULL, 0 }
};


const ngx_api_pg_statement_t  ngx_api_health_statement = {
    "api_health", "SELECT api.is_deployed($1::text)", 1, NGX_API_PG_READ, 0
};


ngx_int_t
ngx_api_health_add(ngx_conf_t *cf, const ngx_api_health_check_t *check)
{
    ngx_api_main_conf_t     *amcf;
    ngx_api_health_check_t  *c;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_api_module);

    c = ngx_array_push(&amcf->health_checks);
    if (c == NULL) {
        return NGX_ERROR;
    }

    *c = *check;

    return NGX_OK;
}


/* api_health on | off; */

char *
ngx_api_health_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                 *rv;
    ngx_str_t            *value;
    ngx_api_main_conf_t  *amcf;

    rv = ngx_api_route_switch(cf, ngx_api_health_routes, NULL, 0);

    value = cf->args->elts;

    if (rv == NGX_CONF_OK
        && ngx_strcasecmp(value[1].data, (u_char *) "on") == 0)
    {
        /* a server without a database has health as well */

        amcf = ngx_http_conf_get_module_main_conf(cf, ngx_api_module);
        amcf->health = 1;
    }

    return rv;
}


static void
ngx_api_health_live(ngx_http_request_t *r)
{
    ngx_api_json_t  j;

    ngx_api_json_init(&j, r->pool, 512);
    ngx_api_json_literal(&j, "{\"status\":\"ok\"}");

    ngx_api_send_json(r, NGX_HTTP_OK, &j, NULL, NGX_API_NO_STORE);
}


static void
ngx_api_health_ready(ngx_http_request_t *r)
{
    ngx_api_health_t     *h;
    ngx_http_cleanup_t   *cln;
    ngx_api_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(r, ngx_api_module);

    h = ngx_pcalloc(r->pool, sizeof(ngx_api_health_t));
    cln = ngx_http_cleanup_add(r, 0);

    if (h == NULL || cln == NULL) {
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    h->request = r;
    h->timer.handler = ngx_api_health_timer_handler;
    h->timer.data = h;
    h->timer.log = r->connection->log;

    cln->handler = ngx_api_health_cleanup;
    cln->data = h;

    h->database = NGX_API_HEALTH_ABSENT;
    h->schema = NGX_API_HEALTH_ABSENT;
    h->cache = NGX_API_HEALTH_ABSENT;

    if (amcf->pg_conninfo.data) {
        ngx_api_health_ask_pg(h);
    }

    if (amcf->redis.naddrs) {
        ngx_api_health_ask_redis(h);
    }

    if (h->pg || h->redis) {
        ngx_add_timer(&h->timer, amcf->health_timeout);
        return;
    }

    ngx_api_health_answer(h);
}


static void
ngx_api_health_ask_pg(ngx_api_health_t *h)
{
    static const char *const  values[] = { SKEP_SCHEMA };

    h->database = NGX_API_HEALTH_UNAVAILABLE;
    h->schema = NGX_API_HEALTH_UNKNOWN;

    h->pg = ngx_api_pg_submit(&ngx_api_health_statement, values,
                              ngx_api_health_pg_handler, h);

    if (h->pg == NULL) {
        ngx_api_health_lanes(h);
    }
}


static void
ngx_api_health_pg_handler(void *data, ngx_api_pg_status_e status,
    const PGresult *res)
{
    ngx_api_health_t *h = data;

    h->pg = NULL;
    h->database = (ngx_api_health_e) status;

    if (status == NGX_API_PG_OK) {
        h->schema = ngx_api_pg_boolean(res, 0, 0) ? NGX_API_HEALTH_OK
                                               : NGX_API_HEALTH_OUTDATED;
    }

    ngx_api_health_lanes(h);

    ngx_api_health_wake(h);
}


/* the statement was a read: can one write and search, too? */

static void
ngx_api_health_lanes(ngx_api_health_t *h)
{
    ngx_uint_t  ready, refused;

    ready = ngx_api_pg_ready(&refused);

    if (refused) {
        h->database = NGX_API_HEALTH_ERROR;
        h->schema = NGX_API_HEALTH_OUTDATED;

    } else if (!ready && h->database == NGX_API_HEALTH_OK) {
        h->database = NGX_API_HEALTH_UNAVAILABLE;
    }
}


static void
ngx_api_health_ask_redis(ngx_api_health_t *h)
{
    static const size_t       lens[] = { sizeof("PING") - 1 };
    static const char *const  words[] = { "PING" };

    h->cache = NGX_API_HEALTH_UNAVAILABLE;

    h->redis = ngx_api_redis_command(1, (const char **) words, lens,
                                     ngx_api_health_redis_handler, h);
}


static void
ngx_api_health_redis_handler(void *data, const redisReply *reply)
{
    ngx_api_health_t *h = data;

    h->redis = NULL;

    if (reply == NULL) {
        h->cache = NGX_API_HEALTH_TIMEOUT;

    } else if (reply->type == REDIS_REPLY_ERROR) {
        h->cache = NGX_API_HEALTH_ERROR;

    } else {
        h->cache = NGX_API_HEALTH_OK;
    }

    ngx_api_health_wake(h);
}


static void
ngx_api_health_timer_handler(ngx_event_t *ev)
{
    ngx_api_health_t *h = ev->data;

    if (h->pg) {
        ngx_api_pg_detach(h->pg);
        h->pg = NULL;
        h->database = NGX_API_HEALTH_TIMEOUT;
    }

    if (h->redis) {
        ngx_api_redis_detach(h->redis);
        h->redis = NULL;
        h->cache = NGX_API_HEALTH_TIMEOUT;
    }

    ngx_api_health_wake(h);
}


/* answers when all have; called by events that are not the request's own */

static void
ngx_api_health_wake(ngx_api_health_t *h)
{
    ngx_connection_t  *c;

    if (h->pg || h->redis) {
        return;
    }

    c = h->request->connection;

    ngx_http_set_log_request(c->log, h->request);

    ngx_api_health_answer(h);

    ngx_http_run_posted_requests(c);
}


static void
ngx_api_health_cleanup(void *data)
{
    ngx_api_health_t *h = data;

    if (h->timer.timer_set) {
        ngx_del_timer(&h->timer);
    }

    if (h->pg) {
        ngx_api_pg_detach(h->pg);
        h->pg = NULL;
    }

    if (h->redis) {
        ngx_api_redis_detach(h->redis);
        h->redis = NULL;
    }
}


static void
ngx_api_health_answer(ngx_api_health_t *h)
{
    ngx_uint_t               i, n, status;
    const char              *word;
    ngx_api_json_t           j;
    ngx_http_request_t      *r;
    ngx_api_main_conf_t     *amcf;
    ngx_api_health_check_t  *check;

    static const ngx_str_t  database = ngx_string("database");
    static const ngx_str_t  schema = ngx_string("schema");
    static const ngx_str_t  redis = ngx_string("redis");

    r = h->request;
    amcf = ngx_http_get_module_main_conf(r, ngx_api_module);
    check = amcf->health_checks.elts;

    status = ngx_api_health_status(h, amcf, &word);

    ngx_api_json_init(&j, r->pool, 512);

    ngx_api_json_literal(&j, "{\"status\":\"");
    ngx_api_json_raw(&j, word, ngx_strlen(word));
    ngx_api_json_literal(&j, "\",\"checks\":{");

    n = 0;

    ngx_api_health_say(&j, &database, h->database, &n);
    ngx_api_health_say(&j, &schema, h->schema, &n);

    for (i = 0; i < amcf->health_checks.nelts; i++) {
        ngx_api_health_say(&j, &check[i].name,
                           check[i].ready(check[i].data)
                           ? NGX_API_HEALTH_OK : NGX_API_HEALTH_UNAVAILABLE,
                           &n);
    }

    ngx_api_health_say(&j, &redis, h->cache, &n);

    ngx_api_json_literal(&j, "}}");

    ngx_api_send_json(r, status, &j, NULL, NGX_API_NO_STORE);
}


/* the HTTP status, and the word for the whole */

static ngx_uint_t
ngx_api_health_status(ngx_api_health_t *h, ngx_api_main_conf_t *amcf,
    const char **word)
{
    ngx_uint_t               i, ready;
    ngx_api_health_check_t  *check;

    check = amcf->health_checks.elts;

    ready = (h->database == NGX_API_HEALTH_OK
             || h->database == NGX_API_HEALTH_ABSENT)
            && (h->schema == NGX_API_HEALTH_OK
                || h->schema == NGX_API_HEALTH_ABSENT);

    for (i = 0; i < amcf->health_checks.nelts; i++) {
        ready = ready && check[i].ready(check[i].data);
    }

    if (ngx_api_drain(amcf)) {
        *word = "draining";
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    if (!ready) {
        *word = "unavailable";
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    *word = (h->cache == NGX_API_HEALTH_OK
             || h->cache == NGX_API_HEALTH_ABSENT) ? "ok" : "degraded";

    return NGX_HTTP_OK;
}


static void
ngx_api_health_say(ngx_api_json_t *j, const ngx_str_t *name,
    ngx_api_health_e what, ngx_uint_t *n)
{
    static const ngx_str_t  words[] = {
        ngx_string("\"ok\""),
        ngx_string("\"unavailable\""),
        ngx_string("\"timeout\""),
        ngx_string("\"error\""),
        ngx_string("\"outdated\""),
        ngx_string("\"unknown\"")
    };

    if (what == NGX_API_HEALTH_ABSENT) {
        return;
    }

    if ((*n)++) {
        ngx_api_json_literal(j, ",");
    }

    ngx_api_json_string(j, name->data, name->len);
    ngx_api_json_literal(j, ":");
    ngx_api_json_raw(j, words[what].data, words[what].len);
}
