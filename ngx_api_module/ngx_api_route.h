
/*
 * Routes: static tables of {method, path template, handler}.  A feature's
 * switch ("task_api on;") adds its table to the location.  What no table names
 * is 404; a known path with another method is 405 with Allow; HEAD goes where
 * GET goes; OPTIONS is answered here.
 */


#ifndef _NGX_API_ROUTE_H_INCLUDED_
#define _NGX_API_ROUTE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_api_schema.h"
#include "ngx_api_pg.h"


#define NGX_API_ROUTE_PARAMS_MAX  3

#define NGX_API_ROUTE_PUBLIC   0x01   /* needs no identity */
#define NGX_API_ROUTE_PARTIAL  0x02   /* the body is a merge patch (RFC 7396) */
#define NGX_API_ROUTE_KEYED    0x04   /* honours Idempotency-Key */


/*
 * Ends the request, now or later, by exactly one of: a function of
 * ngx_api_response.h, ngx_api_finish(), or ngx_api_pg_exec().
 */
typedef void (*ngx_api_handler_pt)(ngx_http_request_t *r);


typedef struct {
    ngx_uint_t               method;      /* NGX_HTTP_GET, ... */
    ngx_str_t                path;        /* "/v1/tasks/{id}"; a segment in
                                             braces is a UUID, any other text
                                             there is 404 */
    ngx_api_handler_pt       handler;
    const ngx_api_field_t   *body;        /* NULL: takes no body */
    const ngx_api_field_t   *args;        /* NULL: takes no parameter */
    ngx_uint_t               flags;
} ngx_api_route_t;


/*
 * At configuration time, from a feature's directive: adds a table, ended by a
 * route of a null path, to the location, and makes the platform its content
 * handler.  NGX_OK, NGX_DECLINED if it is there already, or NGX_ERROR.
 */
ngx_int_t ngx_api_route_add(ngx_conf_t *cf, const ngx_api_route_t *routes);


/*
 * The whole of a feature's switch ("task_api on|off;"): adds the table and
 * registers the statements; for its directive's handler to return.
 */
char *ngx_api_route_switch(ngx_conf_t *cf, const ngx_api_route_t *routes,
    const ngx_api_pg_statement_t *statements, ngx_uint_t n);


/* whether the request's location has routes at all */
ngx_uint_t ngx_api_location(ngx_http_request_t *r);


/*
 * The route of the request, looked up once: NULL if there is none in this
 * location, or no memory to note it.  Usable from the access phase on.
 */
const ngx_api_route_t *ngx_api_route(ngx_http_request_t *r);


/*
 * Whether the request of a location with routes needs an identity: NGX_OK, it
 * does; NGX_DECLINED, it is of a public route, or of none, which the content
 * handler answers by 404 or 405; NGX_ERROR, out of memory.
 */
ngx_int_t ngx_api_route_guarded(ngx_http_request_t *r);


#endif /* _NGX_API_ROUTE_H_INCLUDED_ */
