
/*
 * Revoked sessions: who learns of them, from whom, and when.
 *
 *   ngx_auth_revoke()   a request of this instance, after its commit: into the
 *                       set, and into Redis for the other instances
 *   a message of Redis  from another instance
 *   a pull              PostgreSQL is asked for what was revoked since the last
 *                       pull: by one of the workers, every half a second; and
 *                       by each when its subscription stands (again), since it
 *                       may have missed messages
 *
 * A pull looks back further than to the one before, since a revocation is seen
 * only at its commit; and once a minute it reads all that still matters.
 */


#include "ngx_auth_revoked.h"
#include "ngx_auth_sql.h"

#include <ngx_api_redis.h>


#define NGX_AUTH_REVOKED_CHANNEL  "skep:auth:revoked"

#define NGX_AUTH_REVOKED_RETRY    100      /* ms until a failed pull is tried
                                              again, then twice as many .. */
#define NGX_AUTH_REVOKED_RETRY_MAX  1000

#define NGX_AUTH_REVOKED_WHOLE    60000    /* ms */

/* seconds that a pull looks back before the last one; to them the statement
 * adds as long as a statement may take */
#define NGX_AUTH_REVOKED_OVERLAP  5

/* seconds that a session is kept for longer than its tokens can live: a token
 * may be made in the moment in which its session is revoked */
#define NGX_AUTH_REVOKED_SLACK    60

/* seconds after it in which a token is taken for one that was made before */
#define NGX_AUTH_REVOKED_CUTOFF   5

#define NGX_AUTH_REVOKED_PAGE     1000     /* rows, as in the statement */

/* ids in one message of Redis */
#define NGX_AUTH_REVOKED_MESSAGE  100


/* one worker's reading of PostgreSQL */
typedef struct {
    ngx_auth_main_conf_t  *amcf;
    ngx_event_t            timer;
    ngx_msec_t             start;          /* of the pull under way */
    ngx_msec_t             retry;          /* ms; 0: the last one succeeded */
    char                   seconds[NGX_INT64_LEN + 1];
    char                   after[64];      /* the last row of a page: when, */
    char                   after_id[NGX_API_UUID_LEN + 1];      /* and which */
    unsigned               active:1;
    unsigned               whole:1;
    unsigned               again:1;        /* one more, when it is done */
} ngx_auth_revoked_pull_t;


static ngx_uint_t ngx_auth_revoked_ready(void *data);
static time_t ngx_auth_revoked_life(ngx_auth_main_conf_t *amcf);
static time_t ngx_auth_revoked_now(void);
static void ngx_auth_revoked_add(ngx_auth_main_conf_t *amcf,
    const u_char *session, time_t age);
static void ngx_auth_revoked_publish(ngx_http_request_t *r,
    const u_char (*sessions)[NGX_AUTH_REVOKED_SESSION], ngx_uint_t n);
static void ngx_auth_revoked_message(void *data, const ngx_str_t *text);
static void ngx_auth_revoked_subscribed(void *data);
static void ngx_auth_revoked_timer_handler(ngx_event_t *ev);
static void ngx_auth_revoked_pull(ngx_auth_revoked_pull_t *pull);
static ngx_int_t ngx_auth_revoked_pull_page(ngx_auth_revoked_pull_t *pull);
static void ngx_auth_revoked_pull_handler(void *data,
    ngx_api_pg_status_e status, const PGresult *res);
static ngx_int_t ngx_auth_revoked_pull_rows(ngx_auth_revoked_pull_t *pull,
    const PGresult *res);
static void ngx_auth_revoked_pull_done(ngx_auth_revoked_pull_t *pull);
static void ngx_auth_revoked_pull_failed(ngx_auth_revoked_pull_t *pull);


static ngx_auth_revoked_pull_t       ngx_auth_revoked_puller;
static ngx_api_redis_subscription_t  ngx_auth_revoked_subscription;


/* auth_revocations SIZE [poll=TIME]; */

char *
ngx_auth_revocations_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_auth_main_conf_t *amcf = conf;

    ssize_t     size;
    ngx_str_t  *value, text;
    ngx_int_t   poll;

    if (amcf->revocations_size != NGX_CONF_UNSET_SIZE) {
        return "is duplicate";
    }

    value = cf->args->elts;

    size = ngx_parse_size(&value[1]);

    if (size == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid size \"%V\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    if (size < (ssize_t) (8 * ngx_pagesize)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "size \"%V\" is too small, it must be at least %uz",
                           &value[1], 8 * ngx_pagesize);
        return NGX_CONF_ERROR;
    }

    amcf->revocations_size = size;

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value[2].data, "poll=", 5) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid parameter \"%V\"",
                           &value[2]);
        return NGX_CONF_ERROR;
    }

    text.data = value[2].data + 5;
    text.len = value[2].len - 5;

    poll = ngx_parse_time(&text, 0);

    if (poll == NGX_ERROR || poll < 10) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid time \"%V\", it must be at least 10ms",
                           &value[2]);
        return NGX_CONF_ERROR;
    }

    amcf->revocations_poll = (ngx_msec_t) poll;

    return NGX_CONF_OK;
}


ngx_int_t
ngx_auth_revoked_conf_init(ngx_conf_t *cf, ngx_auth_main_conf_t *amcf)
{
    ngx_api_health_check_t  check;

    amcf->revoked = ngx_auth_revoked_zone_add(cf, amcf->revocations_size,
                                              &ngx_auth_module);
    if (amcf->revoked == NULL) {
        return NGX_ERROR;
    }

    /* without a database there is nobody to ask */

    if (!ngx_api_pg_configured(cf)) {
        return NGX_OK;
    }

    amcf->revocations_pg = 1;

    ngx_str_set(&check.name, "sessions");
    check.ready = ngx_auth_revoked_ready;
    check.data = amcf;

    if (ngx_api_health_add(cf, &check) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_api_pg_register(cf, NGX_AUTH_SQL_SESSIONS_REVOKED, 1);
}


ngx_int_t
ngx_auth_revoked_init_process(ngx_cycle_t *cycle, ngx_auth_main_conf_t *amcf)
{
    ngx_auth_revoked_pull_t  *pull;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    if (amcf == NULL || amcf->revoked == NULL) {
        return NGX_OK;
    }

    pull = &ngx_auth_revoked_puller;

    pull->amcf = amcf;
    pull->timer.handler = ngx_auth_revoked_timer_handler;
    pull->timer.data = pull;
    pull->timer.log = cycle->log;
    pull->timer.cancelable = 1;

    if (amcf->revocations_pg) {
        ngx_add_timer(&pull->timer, 1);
    }

    ngx_str_set(&ngx_auth_revoked_subscription.channel,
                NGX_AUTH_REVOKED_CHANNEL);
    ngx_auth_revoked_subscription.message = ngx_auth_revoked_message;
    ngx_auth_revoked_subscription.connected = ngx_auth_revoked_subscribed;
    ngx_auth_revoked_subscription.data = pull;

    /* without api_redis it does nothing */

    return ngx_api_redis_subscribe(&ngx_auth_revoked_subscription);
}


/* whether the set was filled */

static ngx_uint_t
ngx_auth_revoked_ready(void *data)
{
    ngx_auth_main_conf_t *amcf = data;

    return !amcf->revocations_pg
           || ngx_auth_revoked_zone_pulls(amcf->revoked)->filled;
}


/* how long a revoked session is kept, seconds */

static time_t
ngx_auth_revoked_life(ngx_auth_main_conf_t *amcf)
{
    return amcf->access_ttl + amcf->jwt.leeway + NGX_AUTH_REVOKED_SLACK;
}


/*
 * Seconds that nobody can set: were the clock to go forward and back, sessions
 * would have left the set whose tokens are good again.
 */

static time_t
ngx_auth_revoked_now(void)
{
    return (time_t) (ngx_current_msec / 1000);
}


ngx_uint_t
ngx_auth_revoked(ngx_auth_main_conf_t *amcf,
    const u_char session[NGX_AUTH_REVOKED_SESSION])
{
    return ngx_auth_revoked_zone_find(amcf->revoked, session,
                                      ngx_auth_revoked_now());
}


ngx_auth_refused_reason_e
ngx_auth_revoked_reason(ngx_auth_main_conf_t *amcf,
    const ngx_auth_jwt_claims_t *claims)
{
    u_char  session[NGX_AUTH_REVOKED_SESSION];

    if (claims->session[0] == '\0') {
        return NGX_AUTH_REFUSED_NOT;
    }

    if (!ngx_auth_revoked_ready(amcf)) {
        return NGX_AUTH_REFUSED_UNKNOWN;
    }

    if (claims->expires <= ngx_auth_revoked_zone_cutoff(amcf->revoked)) {
        return NGX_AUTH_REFUSED_EXPIRED;
    }

    if (ngx_api_uuid_parse(claims->session, NGX_API_UUID_LEN, session)
        != NGX_OK)
    {
        return NGX_AUTH_REFUSED_INVALID;
    }

    return ngx_auth_revoked(amcf, session) ? NGX_AUTH_REFUSED_REVOKED
                                           : NGX_AUTH_REFUSED_NOT;
}


void
ngx_auth_revoke(ngx_http_request_t *r,
    const u_char (*sessions)[NGX_AUTH_REVOKED_SESSION], ngx_uint_t n)
{
    ngx_uint_t             i;
    ngx_auth_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(r, ngx_auth_module);

    for (i = 0; i < n; i++) {
        ngx_auth_revoked_add(amcf, sessions[i], 0);
    }

    for (i = 0; i < n; i += NGX_AUTH_REVOKED_MESSAGE) {
        ngx_auth_revoked_publish(r, sessions + i,
                                 ngx_min(n - i, NGX_AUTH_REVOKED_MESSAGE));
    }
}


/* age: seconds since it was revoked */

static void
ngx_auth_revoked_add(ngx_auth_main_conf_t *amcf, const u_char *session,
    time_t age)
{
    time_t  now, cutoff, old;

    now = ngx_auth_revoked_now();

    if (ngx_auth_revoked_zone_add_session(
            amcf->revoked, session, now + ngx_auth_revoked_life(amcf) - age,
            now)
        != NGX_ERROR)
    {
        return;
    }

    /*
     * No room.  This session's tokens must not pass, so those of all sessions
     * don't that were made until it was revoked: who has a refresh token gets
     * a new one.
     */

    cutoff = ngx_time() - age + amcf->access_ttl + amcf->jwt.leeway
             + NGX_AUTH_REVOKED_CUTOFF;

    old = ngx_auth_revoked_zone_set_cutoff(amcf->revoked, cutoff);

    if (cutoff > old) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "no room in \"auth_revocations\": all access tokens "
                      "issued until now are refused");
    }
}


/* ids as text with a blank between them */

static void
ngx_auth_revoked_publish(ngx_http_request_t *r,
    const u_char (*sessions)[NGX_AUTH_REVOKED_SESSION], ngx_uint_t n)
{
    size_t       lens[3];
    u_char      *p;
    u_char       text[NGX_AUTH_REVOKED_MESSAGE * (NGX_API_UUID_LEN + 1)];
    ngx_uint_t   i;
    const char  *args[3];

    p = text;

    for (i = 0; i < n; i++) {
        p = ngx_api_uuid_format(p, sessions[i]);
        *p++ = ' ';
    }

    args[0] = "PUBLISH";
    lens[0] = sizeof("PUBLISH") - 1;
    args[1] = NGX_AUTH_REVOKED_CHANNEL;
    lens[1] = sizeof(NGX_AUTH_REVOKED_CHANNEL) - 1;
    args[2] = (char *) text;
    lens[2] = p - text - 1;

    /* if it does not arrive, the others will read it in PostgreSQL */

    ngx_api_redis_whose(ngx_api_redis_command(3, args, lens, NULL, NULL), r);
}


static void
ngx_auth_revoked_message(void *data, const ngx_str_t *text)
{
    ngx_auth_revoked_pull_t *pull = data;

    u_char  *p, *last, session[NGX_AUTH_REVOKED_SESSION];

    last = text->data + text->len;

    for (p = text->data;
         last - p >= NGX_API_UUID_LEN;
         p += NGX_API_UUID_LEN + 1)
    {
        if (ngx_api_uuid_parse(p, NGX_API_UUID_LEN, session) != NGX_OK) {
            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                          "a message in channel \"%s\" of Redis is not ours",
                          NGX_AUTH_REVOKED_CHANNEL);
            return;
        }

        ngx_auth_revoked_add(pull->amcf, session, 0);
    }
}


/* there may have been messages before that nobody heard here */

static void
ngx_auth_revoked_subscribed(void *data)
{
    ngx_auth_revoked_pull_t *pull = data;

    if (pull->amcf->revocations_pg && !ngx_exiting) {
        ngx_auth_revoked_pull(pull);
    }
}


/* begins a pull if no other worker did so of late */

static void
ngx_auth_revoked_timer_handler(ngx_event_t *ev)
{
    ngx_msec_t                 poll, past;
    ngx_auth_revoked_pull_t   *pull;
    ngx_auth_revoked_zone_t   *zone;
    ngx_auth_revoked_pulls_t  *pulls;

    pull = ev->data;

    if (ngx_exiting) {
        return;
    }

    zone = pull->amcf->revoked;
    pulls = ngx_auth_revoked_zone_pulls(zone);

    poll = pull->amcf->revocations_poll;

    ngx_shmtx_lock(&zone->shpool->mutex);

    past = ngx_current_msec - pulls->claimed;

    if (pulls->claimed == 0 || past >= poll || pull->retry
        || (!pulls->filled && past >= NGX_AUTH_REVOKED_RETRY_MAX))
    {
        pulls->claimed = ngx_current_msec;
        past = poll;

    } else if (!pulls->filled) {
        poll = NGX_AUTH_REVOKED_RETRY_MAX;
    }

    ngx_shmtx_unlock(&zone->shpool->mutex);

    if (past < poll) {
        /* the others' turns come a bit before ours then */
        ngx_add_timer(ev, poll - past + 1 + ngx_random() % 16);
        return;
    }

    ngx_add_timer(ev, poll);

    ngx_auth_revoked_pull(pull);
}


static void
ngx_auth_revoked_pull(ngx_auth_revoked_pull_t *pull)
{
    time_t                     seconds;
    ngx_auth_revoked_zone_t   *zone;
    ngx_auth_revoked_pulls_t  *pulls;

    if (pull->active) {
        pull->again = 1;
        return;
    }

    zone = pull->amcf->revoked;
    pulls = ngx_auth_revoked_zone_pulls(zone);

    pull->start = ngx_current_msec;
    pull->again = 0;

    seconds = ngx_auth_revoked_life(pull->amcf);

    ngx_shmtx_lock(&zone->shpool->mutex);

    pull->whole = (!pulls->filled
                   || pull->start - pulls->whole >= NGX_AUTH_REVOKED_WHOLE);

    if (!pull->whole) {
        seconds = ngx_min(seconds, NGX_AUTH_REVOKED_OVERLAP
                          + (time_t) (pull->start - pulls->pulled) / 1000);
    }

    ngx_shmtx_unlock(&zone->shpool->mutex);

    *ngx_sprintf((u_char *) pull->seconds, "%T", seconds) = '\0';

    pull->after[0] = '\0';

    if (ngx_auth_revoked_pull_page(pull) != NGX_OK) {
        ngx_auth_revoked_pull_failed(pull);
    }
}


static ngx_int_t
ngx_auth_revoked_pull_page(ngx_auth_revoked_pull_t *pull)
{
    const char  *values[3];

    values[0] = pull->seconds;
    values[1] = pull->after[0] ? pull->after : NULL;
    values[2] = pull->after[0] ? pull->after_id : NULL;

    pull->active = (ngx_api_pg_submit(NGX_AUTH_SQL_SESSIONS_REVOKED, values,
                                      ngx_auth_revoked_pull_handler, pull)
                    != NULL);

    return pull->active ? NGX_OK : NGX_ERROR;
}


static void
ngx_auth_revoked_pull_handler(void *data, ngx_api_pg_status_e status,
    const PGresult *res)
{
    ngx_auth_revoked_pull_t *pull = data;

    pull->active = 0;

    if (status != NGX_API_PG_OK
        || ngx_auth_revoked_pull_rows(pull, res) != NGX_OK)
    {
        ngx_auth_revoked_pull_failed(pull);
        return;
    }

    if (PQntuples(res) < NGX_AUTH_REVOKED_PAGE) {
        ngx_auth_revoked_pull_done(pull);
        return;
    }

    if (ngx_auth_revoked_pull_page(pull) != NGX_OK) {
        ngx_auth_revoked_pull_failed(pull);
    }
}


/* columns: id uuid, age bigint (seconds), revoked_at as text */

static ngx_int_t
ngx_auth_revoked_pull_rows(ngx_auth_revoked_pull_t *pull, const PGresult *res)
{
    int        i, n;
    time_t     age;
    u_char    *id;
    ngx_str_t  when;

    n = PQntuples(res);
    id = NULL;

    for (i = 0; i < n; i++) {

        if (PQgetlength(res, i, 0) != NGX_AUTH_REVOKED_SESSION) {
            return NGX_ERROR;
        }

        id = (u_char *) PQgetvalue(res, i, 0);
        age = (time_t) ngx_api_pg_integer(res, i, 1);

        ngx_auth_revoked_add(pull->amcf, id, ngx_max(age, 0));
    }

    if (n == 0) {
        return NGX_OK;
    }

    when = ngx_api_pg_text(res, n - 1, 2);

    if (when.len >= sizeof(pull->after)) {
        return NGX_ERROR;
    }

    *ngx_cpymem(pull->after, when.data, when.len) = '\0';
    *ngx_api_uuid_format((u_char *) pull->after_id, id) = '\0';

    return NGX_OK;
}


static void
ngx_auth_revoked_pull_done(ngx_auth_revoked_pull_t *pull)
{
    ngx_uint_t                 first;
    ngx_auth_revoked_zone_t   *zone;
    ngx_auth_revoked_pulls_t  *pulls;

    zone = pull->amcf->revoked;
    pulls = ngx_auth_revoked_zone_pulls(zone);

    pull->retry = 0;

    ngx_shmtx_lock(&zone->shpool->mutex);

    first = (pull->whole && !pulls->filled);

    if (first || (ngx_msec_int_t) (pull->start - pulls->pulled) > 0) {
        pulls->pulled = pull->start;
    }

    if (pull->whole) {
        pulls->whole = pull->start;

        ngx_memory_barrier();
        pulls->filled = 1;
    }

    ngx_shmtx_unlock(&zone->shpool->mutex);

    if (first) {
        ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, 0,
                      "revoked sessions were read from PostgreSQL");
    }

    if (pull->again && !ngx_exiting) {
        ngx_auth_revoked_pull(pull);
    }
}


/* this worker tries again soon, whatever the others do */

static void
ngx_auth_revoked_pull_failed(ngx_auth_revoked_pull_t *pull)
{
    ngx_msec_t  retry;

    retry = pull->retry ? pull->retry * 2 : NGX_AUTH_REVOKED_RETRY;
    pull->retry = ngx_min(retry, NGX_AUTH_REVOKED_RETRY_MAX);

    if (!ngx_auth_revoked_ready(pull->amcf)) {
        ngx_auth_revoked_zone_pulls(pull->amcf->revoked)->failed = 1;

        /* everybody waits for it; to ask a database that is away costs
         * nothing */
        pull->retry = NGX_AUTH_REVOKED_RETRY;
    }

    if (!ngx_exiting) {
        ngx_add_timer(&pull->timer,
                      pull->retry / 2 + ngx_random() % (pull->retry / 2 + 1));
    }
}
