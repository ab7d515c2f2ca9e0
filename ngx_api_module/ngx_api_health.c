
/*
 * GET /livez: this worker's event loop turns.
 * GET /readyz: so does what it depends on; 503 names what does not.
 */


#include "ngx_api_module.h"


static void ngx_api_health_live(ngx_http_request_t *r);
static void ngx_api_health_ready(ngx_http_request_t *r);
static void ngx_api_health_ready_done(ngx_http_request_t *r,
    ngx_api_pg_status_e status, const PGresult *res);


const ngx_api_route_t  ngx_api_health_routes[] = {

    { NGX_HTTP_GET, ngx_string("/livez"), ngx_api_health_live,
      NULL, NULL, NGX_API_ROUTE_PUBLIC },

    { NGX_HTTP_GET, ngx_string("/readyz"), ngx_api_health_ready,
      NULL, NULL, NGX_API_ROUTE_PUBLIC },

    { 0, ngx_null_string, NULL, NULL, NULL, 0 }
};


const ngx_api_pg_statement_t  ngx_api_health_statement = {
    "api_health", "SELECT true AS ok", 0, NGX_API_PG_READ
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
    ngx_api_pg_exec_status(r, &ngx_api_health_statement, NULL,
                           ngx_api_health_ready_done);
}


static void
ngx_api_health_ready_done(ngx_http_request_t *r, ngx_api_pg_status_e status,
    const PGresult *res)
{
    ngx_uint_t               i, ready, ok;
    const char              *word;
    ngx_api_json_t           j;
    ngx_api_main_conf_t     *amcf;
    ngx_api_health_check_t  *checks;

    static const char  *words[] = { "ok", "unavailable", "timeout", "error" };

    /* a worker that is about to leave wants no new clients */

    ready = (status == NGX_API_PG_OK && !ngx_exiting);
    word = words[status];

    amcf = ngx_http_get_module_main_conf(r, ngx_api_module);
    checks = amcf->health_checks.elts;

    for (i = 0; i < amcf->health_checks.nelts; i++) {
        ready = ready && checks[i].ready(checks[i].data);
    }

    ngx_api_json_init(&j, r->pool, 512);

    if (ready) {
        ngx_api_json_literal(&j, "{\"status\":\"ok\"");

    } else {
        ngx_api_json_literal(&j, "{\"status\":\"unavailable\"");
    }

    ngx_api_json_literal(&j, ",\"checks\":{\"database\":\"");
    ngx_api_json_raw(&j, word, ngx_strlen(word));
    ngx_api_json_literal(&j, "\"");

    for (i = 0; i < amcf->health_checks.nelts; i++) {
        ok = checks[i].ready(checks[i].data);
        word = ok ? "\"ok\"" : "\"unavailable\"";

        ngx_api_json_literal(&j, ",");
        ngx_api_json_string(&j, checks[i].name.data, checks[i].name.len);
        ngx_api_json_literal(&j, ":");
        ngx_api_json_raw(&j, word, ngx_strlen(word));
    }

    ngx_api_json_literal(&j, "}}");

    ngx_api_send_json(r, ready ? NGX_HTTP_OK : NGX_HTTP_SERVICE_UNAVAILABLE,
                      &j, NULL, NGX_API_NO_STORE);
}
