
/*
 * Cross-origin requests (CORS, the Fetch standard).
 *
 * A header filter tells browsers that pages of the origins named may read an
 * answer, whoever made it: the API, nginx, an upstream server.  A preflight is
 * answered before access is looked at, since it carries no credentials.
 */


#include "ngx_api_module.h"


#define NGX_API_CORS_PREFIX   "access-control-"
#define NGX_API_CORS_ASK_MAX  1024     /* bytes of what a preflight asks for */


static ngx_int_t ngx_api_cors_filter(ngx_http_request_t *r);
static ngx_int_t ngx_api_cors_vary(ngx_http_request_t *r);
static ngx_uint_t ngx_api_cors_varies(const ngx_str_t *vary);
static const ngx_str_t *ngx_api_cors_origin(ngx_http_request_t *r,
    const ngx_array_t *origins);
static ngx_int_t ngx_api_cors_preflight(ngx_http_request_t *r);
static ngx_int_t ngx_api_cors_allow(ngx_http_request_t *r);
static ngx_int_t ngx_api_cors_allow_asked(ngx_http_request_t *r,
    const char *key, const char *asked, size_t len, const ngx_str_t *preset);
static ngx_uint_t ngx_api_cors_is_list(const ngx_str_t *value);
static ngx_table_elt_t *ngx_api_cors_header(ngx_http_request_t *r,
    const char *name, size_t len);
static const char *ngx_api_cors_fault(const ngx_str_t *origin);
static const char *ngx_api_cors_authority_fault(u_char *p, u_char *last);
static u_char *ngx_api_cors_host_end(u_char *p, u_char *last);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;


static const ngx_str_t  ngx_api_cors_exposed = ngx_string(
    "ETag, Link, Location, RateLimit, RateLimit-Policy, Retry-After, "
    "X-Request-ID, Idempotent-Replayed");

static const ngx_str_t  ngx_api_cors_headers = ngx_string(
    "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, "
    "X-Request-ID, Last-Event-ID, traceparent, tracestate");

static const ngx_str_t  ngx_api_cors_methods = ngx_string(
    "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");

/* two hours: longer ones are cut by browsers */
static const ngx_str_t  ngx_api_cors_max_age = ngx_string("7200");


ngx_int_t
ngx_api_cors_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_api_cors_filter;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PREACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_api_cors_preflight;

    return NGX_OK;
}


static ngx_int_t
ngx_api_cors_filter(ngx_http_request_t *r)
{
    ngx_uint_t           i;
    const ngx_str_t     *origin;
    ngx_list_part_t     *part;
    ngx_table_elt_t     *h;
    ngx_api_loc_conf_t  *alcf;

    alcf = ngx_http_get_module_loc_conf(r, ngx_api_module);

    if (alcf->cors == NULL || r != r->main) {
        return ngx_http_next_header_filter(r);
    }

    origin = ngx_api_cors_origin(r, alcf->cors);

    /* what an upstream server says of origins is not what is said here, and
     * said twice a browser would believe neither */

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len > sizeof(NGX_API_CORS_PREFIX) - 1
                && ngx_strncasecmp(h[i].key.data,
                                   (u_char *) NGX_API_CORS_PREFIX,
                                   sizeof(NGX_API_CORS_PREFIX) - 1)
                   == 0)
            {
                h[i].hash = 0;
            }
        }
    }

    if (ngx_api_cors_vary(r) != NGX_OK) {
        return NGX_ERROR;
    }

    if (origin == NULL) {
        return ngx_http_next_header_filter(r);
    }

    if (ngx_api_header_add(r, "Access-Control-Allow-Origin", origin) != NGX_OK
        || ngx_api_cors_allow(r) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_next_header_filter(r);
}


/* caches are to keep the answers to different origins apart, also those to
 * none and to unknown ones */

static ngx_int_t
ngx_api_cors_vary(ngx_http_request_t *r)
{
    u_char           *p;
    ngx_str_t         value;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h, *vary;

    static const ngx_str_t  origin = ngx_string("Origin");

    vary = NULL;

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].hash && h[i].key.len == sizeof("Vary") - 1
                && ngx_strncasecmp(h[i].key.data, (u_char *) "Vary",
                                   sizeof("Vary") - 1)
                   == 0)
            {
                if (ngx_api_cors_varies(&h[i].value)) {
                    return NGX_OK;
                }

                vary = &h[i];
            }
        }
    }

    if (vary == NULL || vary->value.len == 0) {
        return ngx_api_header_add(r, "Vary", &origin);
    }

    value.len = vary->value.len + sizeof(", Origin") - 1;
    value.data = ngx_pnalloc(r->pool, value.len);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(value.data, vary->value.data, vary->value.len);
    ngx_memcpy(p, ", Origin", sizeof(", Origin") - 1);

    vary->value = value;

    return NGX_OK;
}


/* whether a Vary has "*" or "Origin" in its list */

static ngx_uint_t
ngx_api_cors_varies(const ngx_str_t *vary)
{
    u_char  *p, *start, *last;

    p = vary->data;
    last = p + vary->len;

    while (p < last) {

        if (*p == ',' || *p == ' ' || *p == '\t') {
            p++;
            continue;
        }

        start = p;

        while (p < last && *p != ',' && *p != ' ' && *p != '\t') {
            p++;
        }

        if ((p - start == 1 && *start == '*')
            || (p - start == sizeof("Origin") - 1
                && ngx_strncasecmp(start, (u_char *) "Origin",
                                   sizeof("Origin") - 1)
                   == 0))
        {
            return 1;
        }
    }

    return 0;
}


/* the request's origin if it is one of those; else NULL.  Browsers write an
 * origin in one way only, so the same bytes are the same origin. */

static const ngx_str_t *
ngx_api_cors_origin(ngx_http_request_t *r, const ngx_array_t *origins)
{
    ngx_str_t        *origin;
    ngx_uint_t        i;
    ngx_table_elt_t  *h;

    h = ngx_api_cors_header(r, "origin", sizeof("origin") - 1);

    if (h == NULL) {
        return NULL;
    }

    origin = origins->elts;

    for (i = 0; i < origins->nelts; i++) {
        if (origin[i].len == h->value.len
            && ngx_memcmp(origin[i].data, h->value.data, h->value.len) == 0)
        {
            return &origin[i];
        }
    }

    return NULL;
}


/*
 * The preaccess phase.  An OPTIONS of an unknown origin is no preflight here:
 * it goes on as any other request.
 */

static ngx_int_t
ngx_api_cors_preflight(ngx_http_request_t *r)
{
    ngx_int_t            rc;
    ngx_api_ctx_t       *ctx;
    ngx_api_loc_conf_t  *alcf;

    alcf = ngx_http_get_module_loc_conf(r, ngx_api_module);

    if (alcf->cors == NULL
        || r->method != NGX_HTTP_OPTIONS
        || r != r->main
        || ngx_api_cors_header(r, "access-control-request-method",
                               sizeof("access-control-request-method") - 1)
           == NULL
        || ngx_api_cors_origin(r, alcf->cors) == NULL)
    {
        return NGX_DECLINED;
    }

    ctx = ngx_api_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    (void) ngx_api_route(r);

    ctx->answered = ngx_api_location(r);
    ctx->preflight = 1;

    if (ctx->path && ngx_api_header_add(r, "Allow", &ctx->path->allow)
                     != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_api_finish(r, NGX_HTTP_NO_CONTENT);

    return NGX_DONE;
}


/* what a page may read of an answer or, told by a preflight, send */

static ngx_int_t
ngx_api_cors_allow(ngx_http_request_t *r)
{
    ngx_int_t       rc;
    ngx_api_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_api_module);

    if (ctx == NULL || !ctx->preflight) {
        return ngx_api_header_add(r, "Access-Control-Expose-Headers",
                                  &ngx_api_cors_exposed);
    }

    if (ctx->path) {
        rc = ngx_api_header_add(r, "Access-Control-Allow-Methods",
                                &ctx->path->allow);

    } else {

        /* a server behind this one, or a path that is not there: who answers
         * the request decides, and the page may read its decision */

        rc = ngx_api_cors_allow_asked(r, "Access-Control-Allow-Methods",
                                      "access-control-request-method",
                                      sizeof("access-control-request-method")
                                      - 1, &ngx_api_cors_methods);
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_api_location(r)) {
        rc = ngx_api_header_add(r, "Access-Control-Allow-Headers",
                                &ngx_api_cors_headers);

    } else {
        rc = ngx_api_cors_allow_asked(r, "Access-Control-Allow-Headers",
                                      "access-control-request-headers",
                                      sizeof("access-control-request-headers")
                                      - 1, &ngx_api_cors_headers);
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_api_header_add(r, "Access-Control-Max-Age",
                              &ngx_api_cors_max_age);
}


/* what the preflight asks for, if that is a list of names; else the preset */

static ngx_int_t
ngx_api_cors_allow_asked(ngx_http_request_t *r, const char *key,
    const char *asked, size_t len, const ngx_str_t *preset)
{
    ngx_table_elt_t  *h;

    h = ngx_api_cors_header(r, asked, len);

    if (h && ngx_api_cors_is_list(&h->value)) {
        return ngx_api_header_add(r, key, &h->value);
    }

    return ngx_api_header_add(r, key, preset);
}


static ngx_uint_t
ngx_api_cors_is_list(const ngx_str_t *value)
{
    size_t  i;
    u_char  ch;

    if (value->len == 0 || value->len > NGX_API_CORS_ASK_MAX) {
        return 0;
    }

    for (i = 0; i < value->len; i++) {
        ch = value->data[i];

        if ((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
            || (ch >= '0' && ch <= '9') || ch == '-' || ch == '_'
            || ch == ',' || ch == ' ')
        {
            continue;
        }

        return 0;
    }

    return 1;
}


/* a header that is there once; NULL if it is not, or repeated */

static ngx_table_elt_t *
ngx_api_cors_header(ngx_http_request_t *r, const char *name, size_t len)
{
    ngx_uint_t        n;
    ngx_table_elt_t  *h;

    h = ngx_api_header_find(r, name, len, &n);

    return n == 1 ? h : NULL;
}


char *
ngx_api_cors_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_api_loc_conf_t *alcf = conf;

    ngx_str_t   *value, *origin;
    ngx_uint_t   i;
    const char  *fault;

    if (alcf->cors != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        alcf->cors = NULL;
        return NGX_CONF_OK;
    }

    alcf->cors = ngx_array_create(cf->pool, cf->args->nelts - 1,
                                  sizeof(ngx_str_t));
    if (alcf->cors == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        fault = ngx_api_cors_fault(&value[i]);

        if (fault) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" is no origin for \"api_cors\": %s",
                               &value[i], fault);
            return NGX_CONF_ERROR;
        }

        origin = ngx_array_push(alcf->cors);
        if (origin == NULL) {
            return NGX_CONF_ERROR;
        }

        *origin = value[i];
    }

    return NGX_CONF_OK;
}


/*
 * NULL if a browser may send it as an origin (RFC 6454, 6.2: a scheme and a
 * host in lower case, a port that is not the scheme's own), else what is wrong:
 * a name that never matches would be found out by nobody.
 */

static const char *
ngx_api_cors_fault(const ngx_str_t *origin)
{
    u_char  *p, *host, *last;
    size_t   scheme;

    if (ngx_strcmp(origin->data, "*") == 0) {
        return "each has to be named";
    }

    if (ngx_strcmp(origin->data, "null") == 0) {
        return "any page can send that";
    }

    last = origin->data + origin->len;

    for (p = origin->data; p < last; p++) {
        if (*p >= 'A' && *p <= 'Z') {
            return "browsers send it in lower case";
        }
    }

    for (p = origin->data; p < last && *p != ':'; p++) {
        if ((*p < 'a' || *p > 'z')
            && (p == origin->data
                || ((*p < '0' || *p > '9')
                    && *p != '+' && *p != '-' && *p != '.')))
        {
            return "it must be scheme://host or scheme://host:port";
        }
    }

    scheme = p - origin->data;
    host = p + sizeof("://") - 1;

    if (scheme == 0 || host >= last || ngx_strncmp(p, "://", 3) != 0) {
        return "it must be scheme://host or scheme://host:port";
    }

    p = ngx_api_cors_host_end(host, last);

    if ((scheme == 4 && ngx_strncmp(origin->data, "http", 4) == 0
         && ngx_strcmp(p, ":80") == 0)
        || (scheme == 5 && ngx_strncmp(origin->data, "https", 5) == 0
            && ngx_strcmp(p, ":443") == 0))
    {
        return "browsers leave out the port that is the scheme's own";
    }

    return ngx_api_cors_authority_fault(host, last);
}


static const char *
ngx_api_cors_authority_fault(u_char *host, u_char *last)
{
    u_char     *p, *digits;
    ngx_int_t   port;

    p = ngx_api_cors_host_end(host, last);

    if (p == host) {
        return "it has no host, or one with characters that none has "
               "(browsers send international names in Punycode)";
    }

    if (p == last) {
        return NULL;
    }

    digits = p + 1;

    if (*p == ':') {
        for (p++; p < last && *p >= '0' && *p <= '9'; p++) { /* void */ }
    }

    if (*p == '/' || *p == '?' || *p == '#') {
        return "it ends with the host or the port, without a path or a slash";
    }

    if (digits[-1] != ':') {
        return "it has a character that no host has (browsers send "
               "international names in Punycode)";
    }

    port = ngx_atoi(digits, last - digits);

    if (port < 1 || port > 65535 || *digits == '0') {
        return "its port must be a number from 1 to 65535";
    }

    return NULL;
}


/* the end of a name, an IPv4 address, or an IPv6 address in brackets */

static u_char *
ngx_api_cors_host_end(u_char *p, u_char *last)
{
    u_char  *start;

    start = p;

    if (p < last && *p == '[') {

        for (p++; p < last; p++) {
            if ((*p < '0' || *p > '9') && (*p < 'a' || *p > 'f')
                && *p != ':' && *p != '.')
            {
                break;
            }
        }

        return p < last && *p == ']' && p - start > 2 ? p + 1 : start;
    }

    while (p < last
           && ((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9')
               || *p == '.' || *p == '-' || *p == '_'))
    {
        p++;
    }

    return p;
}
