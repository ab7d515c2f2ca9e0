
/*
 * GET /.well-known/jwks.json: the public keys that our tokens are verified by
 * elsewhere (RFC 7517).
 */


#include "ngx_auth_module.h"


void
ngx_auth_jwks(ngx_http_request_t *r)
{
    ngx_api_json_t         j;
    ngx_auth_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(r, ngx_auth_module);

    ngx_api_json_init(&j, r->pool, amcf->jwks.len);
    ngx_api_json_raw(&j, amcf->jwks.data, amcf->jwks.len);

    ngx_api_send_json(r, NGX_HTTP_OK, &j, NULL, NGX_API_PUBLIC);
}
