
/*
 * Routes: the tables of a location, the match of a path, the dispatch.
 */


#include "ngx_api_module.h"


static ngx_api_path_t *ngx_api_path_get(ngx_conf_t *cf,
    ngx_api_loc_conf_t *alcf, const ngx_str_t *text);
static ngx_int_t ngx_api_path_allow(ngx_conf_t *cf, ngx_api_path_t *path);
static ngx_uint_t ngx_api_target_is_plain(ngx_http_request_t *r);
static ngx_uint_t ngx_api_segments(const ngx_str_t *uri, ngx_str_t *segments);
static ngx_uint_t ngx_api_path_match(const ngx_api_path_t *path,
    const ngx_str_t *segments, ngx_api_ctx_t *ctx);
static ngx_int_t ngx_api_other_method(ngx_http_request_t *r,
    const ngx_api_path_t *path);
static ngx_int_t ngx_api_check_args(ngx_http_request_t *r, ngx_api_ctx_t *ctx);


static const struct {
    ngx_uint_t  method;
    ngx_str_t   name;           /* as it stands in Allow */
} ngx_api_methods[NGX_API_METHODS] = {
    { NGX_HTTP_GET, ngx_string("GET, HEAD, ") },
    { NGX_HTTP_POST, ngx_string("POST, ") },
    { NGX_HTTP_PUT, ngx_string("PUT, ") },
    { NGX_HTTP_PATCH, ngx_string("PATCH, ") },
    { NGX_HTTP_DELETE, ngx_string("DELETE, ") }
};

/* all of these, and OPTIONS */
#define NGX_API_ALLOW_MAX  64


static const ngx_api_problem_t  ngx_api_method_not_allowed = {
    405, ngx_string("method_not_allowed"), ngx_string("Method not allowed"),
    ngx_string("The Allow header names the methods of this path."), 0
};

static const ngx_api_field_t  ngx_api_no_args[] = { ngx_api_null_field };


char *
ngx_api_route_switch(ngx_conf_t *cf, const ngx_api_route_t *routes,
    const ngx_api_pg_statement_t *statements, ngx_uint_t n)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    if (ngx_strcasecmp(value[1].data, (u_char *) "off") == 0) {
        return NGX_CONF_OK;
    }

    if (ngx_strcasecmp(value[1].data, (u_char *) "on") != 0) {
        return "must be \"on\" or \"off\"";
    }

    switch (ngx_api_route_add(cf, routes)) {

    case NGX_DECLINED:
        return "is duplicate";

    case NGX_OK:
        if (ngx_api_pg_register(cf, statements, n) == NGX_OK) {
            return NGX_CONF_OK;
        }
    }

    return NGX_CONF_ERROR;
}


ngx_int_t
ngx_api_route_add(ngx_conf_t *cf, const ngx_api_route_t *routes)
{
    ngx_uint_t                 i;
    ngx_api_path_t            *path;
    ngx_api_loc_conf_t        *alcf;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    alcf = ngx_http_conf_get_module_loc_conf(cf, ngx_api_module);

    clcf->handler = ngx_api_handler;

    if (alcf->paths == NULL) {
        alcf->paths = ngx_array_create(cf->pool, 32, sizeof(ngx_api_path_t));
        if (alcf->paths == NULL) {
            return NGX_ERROR;
        }
    }

    for ( /* void */ ; routes->path.len; routes++) {

        path = ngx_api_path_get(cf, alcf, &routes->path);
        if (path == NULL) {
            return NGX_ERROR;
        }

        for (i = 0; i < NGX_API_METHODS; i++) {
            if (ngx_api_methods[i].method == routes->method) {

                if (path->routes[i]) {
                    return NGX_DECLINED;
                }

                path->routes[i] = routes;
            }
        }

        if (ngx_api_path_allow(cf, path) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_api_path_t *
ngx_api_path_get(ngx_conf_t *cf, ngx_api_loc_conf_t *alcf,
    const ngx_str_t *text)
{
    ngx_uint_t       i;
    ngx_api_path_t  *path;

    path = alcf->paths->elts;

    for (i = 0; i < alcf->paths->nelts; i++) {
        if (path[i].text.len == text->len
            && ngx_strncmp(path[i].text.data, text->data, text->len) == 0)
        {
            return &path[i];
        }
    }

    path = ngx_array_push(alcf->paths);
    if (path == NULL) {
        return NULL;
    }

    ngx_memzero(path, sizeof(ngx_api_path_t));

    path->text = *text;
    path->number = ngx_api_metrics_route(cf, text);

    if (path->number == 0) {
        return NULL;
    }

    path->nsegments = ngx_api_segments(text, path->segments);

    for (i = 0; i < path->nsegments; i++) {
        if (path->segments[i].len && path->segments[i].data[0] == '{') {
            ngx_str_null(&path->segments[i]);
        }
    }

    return path;
}


static ngx_int_t
ngx_api_path_allow(ngx_conf_t *cf, ngx_api_path_t *path)
{
    u_char      *p;
    ngx_uint_t   i;

    p = ngx_pnalloc(cf->pool, NGX_API_ALLOW_MAX);
    if (p == NULL) {
        return NGX_ERROR;
    }

    path->allow.data = p;

    for (i = 0; i < NGX_API_METHODS; i++) {
        if (path->routes[i]) {
            p = ngx_cpymem(p, ngx_api_methods[i].name.data,
                           ngx_api_methods[i].name.len);
        }
    }

    p = ngx_cpymem(p, "OPTIONS", sizeof("OPTIONS") - 1);

    path->allow.len = p - path->allow.data;

    return NGX_OK;
}


/*
 * nginx takes "%2F" for a slash and drops a fragment.  By RFC 3986 the first is
 * no slash, and the second has no place in a request: who stands in front, and
 * lets some paths pass, reads them so.
 */

static ngx_uint_t
ngx_api_target_is_plain(ngx_http_request_t *r)
{
    u_char  *p, *last;

    if (!r->quoted_uri && !r->complex_uri) {
        return 1;
    }

    p = r->unparsed_uri.data;
    last = p + r->unparsed_uri.len;

    if (ngx_strlchr(p, last, '#')) {
        return 0;
    }

    for ( /* void */ ; p < last && *p != '?'; p++) {

        if (last - p >= 3 && p[0] == '%' && p[1] == '2'
            && (p[2] == 'F' || p[2] == 'f'))
        {
            return 0;
        }
    }

    return 1;
}


/* "/a/b" -> "a", "b"; returns their number, or 0 if there are too many */

static ngx_uint_t
ngx_api_segments(const ngx_str_t *uri, ngx_str_t *segments)
{
    u_char      *p, *start, *last;
    ngx_uint_t   n;

    last = uri->data + uri->len;
    n = 0;

    for (p = uri->data; p < last; p = start + segments[n++].len) {

        if (n == NGX_API_SEGMENTS_MAX) {
            return 0;
        }

        start = p + 1;
        p = ngx_strlchr(start, last, '/');

        segments[n].data = start;
        segments[n].len = (p ? p : last) - start;
    }

    return n;
}


static ngx_uint_t
ngx_api_path_match(const ngx_api_path_t *path, const ngx_str_t *segments,
    ngx_api_ctx_t *ctx)
{
    u_char            uuid[16];
    ngx_uint_t        i, n;
    const ngx_str_t  *s;

    n = 0;

    for (i = 0; i < path->nsegments; i++) {
        s = &path->segments[i];

        if (s->len) {
            if (s->len != segments[i].len
                || ngx_memcmp(s->data, segments[i].data, s->len) != 0)
            {
                return 0;
            }

            continue;
        }

        if (n == NGX_API_ROUTE_PARAMS_MAX
            || ngx_api_uuid_parse(segments[i].data, segments[i].len, uuid)
               != NGX_OK)
        {
            return 0;
        }

        *ngx_api_uuid_format((u_char *) ctx->ids[n++], uuid) = '\0';
    }

    return 1;
}


ngx_uint_t
ngx_api_location(ngx_http_request_t *r)
{
    ngx_api_loc_conf_t  *alcf;

    alcf = ngx_http_get_module_loc_conf(r, ngx_api_module);

    return alcf->paths != NULL;
}


const ngx_api_route_t *
ngx_api_route(ngx_http_request_t *r)
{
    ngx_str_t            segments[NGX_API_SEGMENTS_MAX];
    ngx_uint_t           i, n, method;
    ngx_api_ctx_t       *ctx;
    ngx_api_path_t      *path;
    ngx_api_loc_conf_t  *alcf;

    alcf = ngx_http_get_module_loc_conf(r, ngx_api_module);

    if (alcf->paths == NULL) {
        return NULL;
    }

    ctx = ngx_api_ctx(r);

    if (ctx == NULL || ctx->routed) {
        return ctx ? ctx->route : NULL;
    }

    ctx->routed = 1;

    if (!ngx_api_target_is_plain(r)) {
        return NULL;
    }

    n = ngx_api_segments(&r->uri, segments);

    path = alcf->paths->elts;

    for (i = 0; i < alcf->paths->nelts; i++) {
        if (path[i].nsegments == n
            && ngx_api_path_match(&path[i], segments, ctx))
        {
            ctx->path = &path[i];
            break;
        }
    }

    if (ctx->path == NULL) {
        return NULL;
    }

    method = (r->method == NGX_HTTP_HEAD) ? NGX_HTTP_GET : r->method;

    for (i = 0; i < NGX_API_METHODS; i++) {
        if (ngx_api_methods[i].method == method) {
            ctx->route = ctx->path->routes[i];
        }
    }

    return ctx->route;
}


ngx_int_t
ngx_api_route_guarded(ngx_http_request_t *r)
{
    const ngx_api_route_t  *route;

    if (ngx_api_ctx(r) == NULL) {
        return NGX_ERROR;
    }

    route = ngx_api_route(r);

    return route && !(route->flags & NGX_API_ROUTE_PUBLIC) ? NGX_OK
                                                           : NGX_DECLINED;
}


ngx_int_t
ngx_api_handler(ngx_http_request_t *r)
{
    ngx_int_t               rc;
    ngx_api_ctx_t          *ctx;
    const ngx_api_route_t  *route;

    ctx = ngx_api_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->answered = 1;

    route = ngx_api_route(r);

    if (ctx->path == NULL) {
        return ngx_api_problem(r, &ngx_api_not_found, NULL);
    }

    if (route == NULL) {
        return ngx_api_other_method(r, ctx->path);
    }

    if (!(route->flags & NGX_API_ROUTE_PUBLIC) && ctx->identity == NULL) {

        /* the location says auth_token off or optional */

        return ngx_api_problem(r, &ngx_api_token_missing, NULL);
    }

    rc = ngx_api_check_args(r, ctx);

    if (rc != NGX_OK) {
        return rc;
    }

    if (route->flags & NGX_API_ROUTE_KEYED) {
        rc = ngx_api_idempotency_check(r);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (route->body) {
        return ngx_api_request_body(r);
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    r->main->count++;

    ngx_api_run(r);

    return NGX_DONE;
}


void
ngx_api_run(ngx_http_request_t *r)
{
    ngx_api_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_api_module);

    /* a client that goes away ends its request */

    r->read_event_handler = ngx_http_test_reading;

    ctx->route->handler(r);
}


static ngx_int_t
ngx_api_other_method(ngx_http_request_t *r, const ngx_api_path_t *path)
{
    ngx_int_t  rc;

    if (ngx_api_header_add(r, "Allow", &path->allow) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (r->method != NGX_HTTP_OPTIONS) {
        return ngx_api_problem(r, &ngx_api_method_not_allowed, NULL);
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    r->main->count++;

    ngx_api_finish(r, NGX_HTTP_NO_CONTENT);

    return NGX_DONE;
}


static ngx_int_t
ngx_api_check_args(ngx_http_request_t *r, ngx_api_ctx_t *ctx)
{
    ngx_uint_t              n;
    ngx_array_t            *faults;
    ngx_api_value_t        *values;
    const ngx_api_field_t  *args;

    args = ctx->route->args;

    if (args == NULL) {

        if (r->args.len == 0) {
            return NGX_OK;
        }

        args = ngx_api_no_args;
    }

    for (n = 0; args[n].name.len; n++) { /* void */ }

    values = ngx_pcalloc(r->pool, (n + 1) * sizeof(ngx_api_value_t));
    faults = ngx_array_create(r->pool, 4, sizeof(ngx_api_fault_t));

    if (values == NULL || faults == NULL
        || ngx_api_schema_check_args(r->pool, args, &r->args, values, faults)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (faults->nelts) {
        return ngx_api_problem(r, &ngx_api_invalid_parameter, faults);
    }

    ctx->args = values;

    return NGX_OK;
}
