
/*
 * The configuration of PostgreSQL: api_pg checked, its hosts resolved, so that
 * a worker never waits for a name server, and the settings of a session that
 * the platform relies on.
 */


#include "ngx_api_module.h"


#define NGX_API_PG_KEYWORDS_MAX  64


/* where a server may be: lists of libpq's, of equal length */

typedef struct {
    ngx_array_t               host;          /* of u_char */
    ngx_array_t               hostaddr;
    ngx_array_t               port;
} ngx_api_pg_places_t;


static ngx_int_t ngx_api_pg_conf_lists(ngx_conf_t *cf,
    const PQconninfoOption *options, const char **lists);
static ngx_int_t ngx_api_pg_conf_resolve(ngx_conf_t *cf,
    const PQconninfoOption *options, ngx_api_pg_places_t *places);
static ngx_int_t ngx_api_pg_conf_place(ngx_conf_t *cf,
    ngx_api_pg_places_t *places, const ngx_str_t *host, const ngx_str_t *port);
static ngx_int_t ngx_api_pg_conf_append(ngx_array_t *list, const void *text,
    size_t len);
static const char *ngx_api_pg_conf_option(const PQconninfoOption *options,
    const char *keyword);
static const char *ngx_api_pg_conf_attrs(const PQconninfoOption *options,
    ngx_api_pg_lane_e lane);
static ngx_int_t ngx_api_pg_conf_lane(ngx_conf_t *cf,
    ngx_api_main_conf_t *amcf, ngx_api_pg_lane_e lane,
    const PQconninfoOption *options, const char *const *lists);
static ngx_int_t ngx_api_pg_conf_orders(ngx_conf_t *cf,
    ngx_api_main_conf_t *amcf, ngx_api_pg_lane_e lane, const char **values);
static char *ngx_api_pg_conf_options(ngx_conf_t *cf,
    ngx_api_main_conf_t *amcf, ngx_api_pg_lane_e lane,
    const PQconninfoOption *options);
static char *ngx_api_pg_conf_copy(ngx_conf_t *cf, const char *text);


ngx_int_t
ngx_api_pg_conf_init(ngx_conf_t *cf, ngx_api_main_conf_t *amcf)
{
    char              *error;
    ngx_int_t          rc;
    ngx_uint_t         lane;
    const char        *lists[NGX_API_PG_PLACE_LISTS];
    PQconninfoOption  *options, *o;

    error = NULL;

    options = PQconninfoParse((char *) amcf->pg_conninfo.data, &error);

    if (options == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "invalid connection string in \"api_pg\": %s",
                      error ? error : "out of memory");
        PQfreemem(error);
        return NGX_ERROR;
    }

    for (o = options; o->keyword; o++) {
        if (o->val && ngx_strcmp(o->keyword, "password") == 0) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "\"api_pg\" has a password in it, "
                          "use \"api_pg_password_file\"");
            PQconninfoFree(options);
            return NGX_ERROR;
        }
    }

    rc = ngx_api_pg_conf_lists(cf, options, lists);

    if (rc == NGX_OK) {
        rc = ngx_api_pg_places(cf->pool, &amcf->pg.places, lists);
    }

    for (lane = 0; rc == NGX_OK && lane < NGX_API_PG_LANES; lane++) {
        rc = ngx_api_pg_conf_lane(cf, amcf, lane, options, lists);
    }

    PQconninfoFree(options);

    return rc;
}


/* where the servers are: in the pool, or NULL */

static ngx_int_t
ngx_api_pg_conf_lists(ngx_conf_t *cf, const PQconninfoOption *options,
    const char **lists)
{
    ngx_uint_t            list;
    const char           *text;
    ngx_api_pg_places_t   places;

    for (list = 0; list < NGX_API_PG_PLACE_LISTS; list++) {
        text = ngx_api_pg_conf_option(options, ngx_api_pg_place_keywords[list]);
        lists[list] = NULL;

        if (text) {
            lists[list] = ngx_api_pg_conf_copy(cf, text);

            if (lists[list] == NULL) {
                return NGX_ERROR;
            }
        }
    }

    if (lists[NGX_API_PG_PLACE_HOST] == NULL
        || lists[NGX_API_PG_PLACE_HOSTADDR])
    {
        return NGX_OK;
    }

    if (ngx_api_pg_conf_resolve(cf, options, &places) != NGX_OK) {
        return NGX_ERROR;
    }

    lists[NGX_API_PG_PLACE_HOST] = places.host.elts;
    lists[NGX_API_PG_PLACE_HOSTADDR] = places.hostaddr.elts;
    lists[NGX_API_PG_PLACE_PORT] = places.port.elts;

    return NGX_OK;
}


static ngx_int_t
ngx_api_pg_conf_lane(ngx_conf_t *cf, ngx_api_main_conf_t *amcf,
    ngx_api_pg_lane_e lane, const PQconninfoOption *options,
    const char *const *lists)
{
    ngx_uint_t                i, n;
    const char              **keywords, **values;
    const PQconninfoOption   *o;

    /* what the operator may have said otherwise, or not at all */

    struct {
        const char  *keyword;
        const char  *value;                     /* NULL: theirs, if any */
        unsigned     always:1;
    } ours[] = {
        { "options", ngx_api_pg_conf_options(cf, amcf, lane, options), 1 },
        { "client_encoding", "UTF8", 1 },
        { "password", (char *) amcf->pg_password.data, 1 },
        { "application_name", "skep", 0 },
        { "gssencmode", "disable", 0 },
        { "host", lists[NGX_API_PG_PLACE_HOST], 1 },
        { "hostaddr", lists[NGX_API_PG_PLACE_HOSTADDR], 1 },
        { "port", lists[NGX_API_PG_PLACE_PORT], 1 },
        { "target_session_attrs", ngx_api_pg_conf_attrs(options, lane), 1 },
        { "keepalives_idle", "3", 0 },          /* a server that vanished is */
        { "keepalives_interval", "1", 0 },      /* noticed without requests */
        { "keepalives_count", "2", 0 },
        { NULL, NULL, 0 }
    };

    keywords = ngx_pcalloc(cf->pool,
                           NGX_API_PG_KEYWORDS_MAX * sizeof(char *));
    values = ngx_pcalloc(cf->pool, NGX_API_PG_KEYWORDS_MAX * sizeof(char *));

    if (keywords == NULL || values == NULL || ours[0].value == NULL) {
        return NGX_ERROR;
    }

    n = 0;

    for (i = 0; ours[i].keyword; i++) {
        if (ours[i].value) {
            keywords[n] = ours[i].keyword;
            values[n++] = ours[i].value;
        }
    }

    /* libpq takes the last of two: ours that only fill a gap come first */

    for (o = options; o->keyword && n < NGX_API_PG_KEYWORDS_MAX - 1; o++) {

        if (o->val == NULL) {
            continue;
        }

        for (i = 0; ours[i].keyword; i++) {
            if (ours[i].always && ours[i].value
                && ngx_strcmp(ours[i].keyword, o->keyword) == 0)
            {
                break;
            }
        }

        if (ours[i].keyword) {
            continue;
        }

        keywords[n] = ngx_api_pg_conf_copy(cf, o->keyword);
        values[n] = ngx_api_pg_conf_copy(cf, o->val);

        if (keywords[n] == NULL || values[n] == NULL) {
            return NGX_ERROR;
        }

        n++;
    }

    amcf->pg.keywords[lane] = keywords;

    return ngx_api_pg_conf_orders(cf, amcf, lane, values);
}


/* the values once for each place, with the lists of servers in its order */

static ngx_int_t
ngx_api_pg_conf_orders(ngx_conf_t *cf, ngx_api_main_conf_t *amcf,
    ngx_api_pg_lane_e lane, const char **values)
{
    size_t                size;
    ngx_uint_t            i, n, list;
    const char           *lists[NGX_API_PG_PLACE_LISTS];
    const char         ***orders, **keywords;
    ngx_uint_t            at[NGX_API_PG_PLACE_LISTS];
    ngx_api_pg_place_t   *place;

    keywords = amcf->pg.keywords[lane];

    for (list = 0; list < NGX_API_PG_PLACE_LISTS; list++) {
        lists[list] = NULL;
        at[list] = 0;

        for (n = 0; keywords[n]; n++) {
            if (ngx_strcmp(keywords[n], ngx_api_pg_place_keywords[list]) == 0) {
                lists[list] = values[n];
                at[list] = n;
            }
        }
    }

    size = NGX_API_PG_KEYWORDS_MAX * sizeof(char *);
    place = amcf->pg.places.elts;

    orders = ngx_palloc(cf->pool, amcf->pg.places.nelts * sizeof(char **));
    if (orders == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < amcf->pg.places.nelts; i++) {
        orders[i] = ngx_palloc(cf->pool, size);
        if (orders[i] == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(orders[i], values, size);

        for (list = 0; list < NGX_API_PG_PLACE_LISTS; list++) {
            if (lists[list]) {
                orders[i][at[list]] = place[i].lists[list];
            }
        }
    }

    amcf->pg.values[lane] = orders;

    return NGX_OK;
}


/*
 * Host names -> addresses, as libpq's "hostaddr" takes them.  A name with
 * several addresses is named with each of them: libpq tries one after another.
 */

static ngx_int_t
ngx_api_pg_conf_resolve(ngx_conf_t *cf, const PQconninfoOption *options,
    ngx_api_pg_places_t *places)
{
    ngx_str_t     host, port;
    const char   *h, *p;
    ngx_array_t  *list[] = { &places->host, &places->hostaddr, &places->port };
    ngx_uint_t    i;

    for (i = 0; i < 3; i++) {
        if (ngx_array_init(list[i], cf->pool, 64, 1) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    h = ngx_api_pg_conf_option(options, "host");
    p = ngx_api_pg_conf_option(options, "port");

    if (p == NULL) {
        p = "";
    }

    for ( ;; ) {
        host.data = (u_char *) h;
        host.len = strcspn(h, ",");

        port.data = (u_char *) p;
        port.len = strcspn(p, ",");

        if (ngx_api_pg_conf_place(cf, places, &host, &port) != NGX_OK) {
            return NGX_ERROR;
        }

        if (h[host.len] == '\0') {
            break;
        }

        h += host.len + 1;

        /* a single port is that of every host */

        if (p[port.len] == ',') {
            p += port.len + 1;
        }
    }

    for (i = 0; i < 3; i++) {

        /* the last comma */

        ((u_char *) list[i]->elts)[list[i]->nelts - 1] = '\0';
    }

    return NGX_OK;
}


static ngx_int_t
ngx_api_pg_conf_place(ngx_conf_t *cf, ngx_api_pg_places_t *places,
    const ngx_str_t *host, const ngx_str_t *port)
{
    size_t       len;
    u_char       text[NGX_SOCKADDR_STRLEN];
    ngx_url_t    u;
    ngx_uint_t   i;

    ngx_memzero(&u, sizeof(ngx_url_t));
    text[0] = '\0';

    /* not a socket's directory, nor an IPv6 address, which libpq writes
     * without brackets */

    if (host->len && host->data[0] != '/' && host->data[0] != '@'
        && ngx_strlchr(host->data, host->data + host->len, ':') == NULL)
    {
        u.url.len = host->len;
        u.url.data = ngx_pstrdup(cf->pool, (ngx_str_t *) host);
        if (u.url.data == NULL) {
            return NGX_ERROR;
        }

        u.default_port = 5432;

        if (ngx_parse_url(cf->pool, &u) != NGX_OK || u.naddrs == 0) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "host not found in \"api_pg\": \"%V\"", host);
            return NGX_ERROR;
        }
    }

    /* what is not a name has one place, whose "hostaddr" is empty */

    for (i = 0; i == 0 || i < u.naddrs; i++) {
        len = 0;

        if (u.naddrs) {
            len = ngx_sock_ntop(u.addrs[i].sockaddr, u.addrs[i].socklen, text,
                                NGX_SOCKADDR_STRLEN, 0);
        }

        if (ngx_api_pg_conf_append(&places->host, host->data, host->len)
            != NGX_OK
            || ngx_api_pg_conf_append(&places->hostaddr, text, len) != NGX_OK
            || ngx_api_pg_conf_append(&places->port, port->data, port->len)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* the text and a comma */

static ngx_int_t
ngx_api_pg_conf_append(ngx_array_t *list, const void *text, size_t len)
{
    u_char  *p;

    p = ngx_array_push_n(list, len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(p, text, len);
    *p = ',';

    return NGX_OK;
}


static const char *
ngx_api_pg_conf_option(const PQconninfoOption *options, const char *keyword)
{
    const PQconninfoOption  *o;

    for (o = options; o->keyword; o++) {
        if (ngx_strcmp(o->keyword, keyword) == 0) {
            return o->val;
        }
    }

    return NULL;
}


/*
 * What a lane asks for in place of "target_session_attrs", or NULL.  A standby
 * takes no writes, and a read from it would miss what was just written: so the
 * primary, unless the operator says otherwise.  Lanes for reads have read-only
 * transactions, by which libpq would take every server for one that can't be
 * written to: "read-write" is the primary for them.
 */

static const char *
ngx_api_pg_conf_attrs(const PQconninfoOption *options, ngx_api_pg_lane_e lane)
{
    const char  *attrs;

    attrs = ngx_api_pg_conf_option(options, "target_session_attrs");

    if (attrs == NULL
        || (lane != NGX_API_PG_WRITE && ngx_strcmp(attrs, "read-write") == 0))
    {
        return "primary";
    }

    return NULL;
}


static char *
ngx_api_pg_conf_options(ngx_conf_t *cf, ngx_api_main_conf_t *amcf,
    ngx_api_pg_lane_e lane, const PQconninfoOption *options)
{
    u_char      *p;
    size_t       len;
    const char  *user;

    /*
     * One plan for every execution of a statement: they are written for that,
     * and with LIMIT as a parameter PostgreSQL would else plan lists each time,
     * which takes longer than to run them.  Searches must never read a whole
     * table, however frequent a word looks.  Neither to compile a plan nor to
     * share it among processes pays.
     *
     * PostgreSQL ends a session whose client has vanished within half a minute,
     * in place of two hours: an outage of the network must not use up its
     * connections.
     */

    static const char  fmt[] = "%s -c timezone=UTC -c statement_timeout=%M"
                               " -c jit=off"
                               " -c plan_cache_mode=force_generic_plan"
                               " -c max_parallel_workers_per_gather=0"
                               " -c enable_seqscan=%s"
                               " -c default_transaction_read_only=%s"
                               " -c tcp_keepalives_idle=15"
                               " -c tcp_keepalives_interval=5"
                               " -c tcp_keepalives_count=3";

    user = ngx_api_pg_conf_option(options, "options");

    if (user == NULL) {
        user = "";
    }

    len = sizeof(fmt) + ngx_strlen(user) + NGX_INT64_LEN
          + sizeof("offoff");

    p = ngx_pcalloc(cf->pool, len);
    if (p == NULL) {
        return NULL;
    }

    ngx_snprintf(p, len - 1, fmt, user, amcf->pg.timeout,
                 lane == NGX_API_PG_SEARCH ? "off" : "on",
                 lane == NGX_API_PG_WRITE ? "off" : "on");

    return (char *) p;
}


static char *
ngx_api_pg_conf_copy(ngx_conf_t *cf, const char *text)
{
    size_t   len;
    u_char  *p;

    len = ngx_strlen(text) + 1;

    p = ngx_pnalloc(cf->pool, len);
    if (p == NULL) {
        return NULL;
    }

    ngx_memcpy(p, text, len);

    return (char *) p;
}
