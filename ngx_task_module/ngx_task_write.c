
/*
 * What all writes share: their condition, the fields they are given, and the
 * ids of what they make.
 */


#include "ngx_task.h"


ngx_int_t
ngx_task_if_match(ngx_http_request_t *r, const char **versions)
{
    ngx_uint_t            present;
    ngx_task_loc_conf_t  *tlcf;

    if (ngx_api_if_match(r, versions, &present) != NGX_OK) {
        return NGX_ERROR;
    }

    tlcf = ngx_http_get_module_loc_conf(r, ngx_task_module);

    /* complete and reopen are POSTs: they say what they mean, whatever the
     * version */

    if (!present && tlcf->require_if_match && r->method != NGX_HTTP_POST) {
        return ngx_api_problem(r, &ngx_api_precondition_required, NULL);
    }

    return NGX_OK;
}
