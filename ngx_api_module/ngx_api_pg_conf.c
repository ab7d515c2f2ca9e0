
/*
 * The configuration of PostgreSQL: api_pg checked, its hosts resolved, so that
 * a worker never waits for a name server, and the settings of a session that
 * the platform relies on.
 */


#include "ngx_api_module.h"


#define NGX_API_PG_KEYWORDS_MAX  64


static ngx_int_t ngx_api_pg_conf_resolve(ngx_conf_t *cf, const char *host,
    ngx_str_t *hostaddr);
static ngx_int_t ngx_api_pg_conf_lane(ngx_conf_t *cf,
    ngx_api_main_conf_t *amcf, ngx_api_pg_lane_e lane,
    const PQconninfoOption *options);
static char *ngx_api_pg_conf_options(ngx_conf_t *cf,
    ngx_api_main_conf_t *amcf, ngx_api_pg_lane_e lane, const char *user);
static char *ngx_api_pg_conf_copy(ngx_conf_t *cf, const char *text);


ngx_int_t
ngx_api_pg_conf_init(ngx_conf_t *cf, ngx_api_main_conf_t *amcf)
{
    char              *error;
    ngx_int_t          rc;
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

    rc = ngx_api_pg_conf_lane(cf, amcf, NGX_API_PG_READ, options);

    if (rc == NGX_OK) {
        rc = ngx_api_pg_conf_lane(cf, amcf, NGX_API_PG_WRITE, options);
    }

    PQconninfoFree(options);

    return rc;
}


static ngx_int_t
ngx_api_pg_conf_lane(ngx_conf_t *cf, ngx_api_main_conf_t *amcf,
    ngx_api_pg_lane_e lane, const PQconninfoOption *options)
{
    ngx_uint_t                i, n;
    ngx_str_t                 hostaddr;
    const char               *host, *user_options, **keywords, **values;
    const PQconninfoOption   *o;

    /* what the operator may have said otherwise, or not at all */

    struct {
        const char  *keyword;
        const char  *value;
        unsigned     always:1;
    } ours[] = {
        { "client_encoding", "UTF8", 1 },
        { "options", NULL, 1 },
        { "password", (char *) amcf->pg_password.data, 1 },
        { "hostaddr", NULL, 0 },
        { "application_name", "skep", 0 },
        { "gssencmode", "disable", 0 },
        { NULL, NULL, 0 }
    };

    host = NULL;
    user_options = NULL;
    ngx_str_null(&hostaddr);

    for (o = options; o->keyword; o++) {
        if (o->val && ngx_strcmp(o->keyword, "host") == 0) {
            host = o->val;
        }

        if (o->val && ngx_strcmp(o->keyword, "options") == 0) {
            user_options = o->val;
        }
    }

    if (host && ngx_api_pg_conf_resolve(cf, host, &hostaddr) != NGX_OK) {
        return NGX_ERROR;
    }

    ours[1].value = ngx_api_pg_conf_options(cf, amcf, lane, user_options);
    ours[3].value = (char *) hostaddr.data;

    keywords = ngx_pcalloc(cf->pool,
                           NGX_API_PG_KEYWORDS_MAX * sizeof(char *));
    values = ngx_pcalloc(cf->pool, NGX_API_PG_KEYWORDS_MAX * sizeof(char *));

    if (keywords == NULL || values == NULL || ours[1].value == NULL) {
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
            if (ours[i].always
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
    amcf->pg.values[lane] = values;

    return NGX_OK;
}


/*
 * Host names -> addresses, as libpq's "hostaddr" takes them: one for each host,
 * separated by commas, empty for a socket's directory.
 */

static ngx_int_t
ngx_api_pg_conf_resolve(ngx_conf_t *cf, const char *host, ngx_str_t *hostaddr)
{
    u_char      *p, *text;
    size_t       len;
    ngx_url_t    u;
    const char  *h;

    text = ngx_pcalloc(cf->pool, (ngx_strlen(host) + 1) * NGX_SOCKADDR_STRLEN);
    if (text == NULL) {
        return NGX_ERROR;
    }

    p = text;

    for (h = host; /* void */ ; h += len + 1) {
        len = strcspn(h, ",");

        if (len && *h != '/' && *h != '@') {

            ngx_memzero(&u, sizeof(ngx_url_t));

            u.url.len = len;
            u.url.data = ngx_pnalloc(cf->pool, len + 2);
            if (u.url.data == NULL) {
                return NGX_ERROR;
            }

            /* libpq writes an IPv6 address without brackets */

            if (memchr(h, ':', len)) {
                p = ngx_cpymem(p, h, len);

            } else {
                ngx_memcpy(u.url.data, h, len);
                u.default_port = 5432;

                if (ngx_parse_url(cf->pool, &u) != NGX_OK || u.naddrs == 0) {
                    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                                  "host not found in \"api_pg\": \"%*s\"",
                                  len, h);
                    return NGX_ERROR;
                }

                p += ngx_sock_ntop(u.addrs[0].sockaddr, u.addrs[0].socklen, p,
                                   NGX_SOCKADDR_STRLEN, 0);
            }
        }

        if (h[len] == '\0') {
            break;
        }

        *p++ = ',';
    }

    hostaddr->data = text;
    hostaddr->len = p - text;

    return NGX_OK;
}


static char *
ngx_api_pg_conf_options(ngx_conf_t *cf, ngx_api_main_conf_t *amcf,
    ngx_api_pg_lane_e lane, const char *user)
{
    u_char  *p;
    size_t   len;

    /*
     * One plan for every execution of a statement: they are written for that,
     * and with LIMIT as a parameter PostgreSQL would else plan lists each time,
     * which takes longer than to run them.
     */

    static const char  fmt[] = "%s -c timezone=UTC -c statement_timeout=%M"
                               " -c plan_cache_mode=force_generic_plan"
                               " -c default_transaction_read_only=%s";

    if (user == NULL) {
        user = "";
    }

    len = sizeof(fmt) + ngx_strlen(user) + NGX_INT64_LEN + sizeof("off");

    p = ngx_pcalloc(cf->pool, len);
    if (p == NULL) {
        return NULL;
    }

    ngx_snprintf(p, len - 1, fmt, user, amcf->pg.timeout,
                 lane == NGX_API_PG_READ ? "on" : "off");

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
