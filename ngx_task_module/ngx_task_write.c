
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


ngx_uint_t
ngx_task_given(const ngx_api_value_t *fields, ngx_uint_t n)
{
    ngx_uint_t  i, mask;

    for (mask = 0, i = 0; i < n; i++) {
        if (fields[i].set) {
            mask |= 1 << i;
        }
    }

    return mask;
}


const char *
ngx_task_mask(ngx_http_request_t *r, ngx_uint_t mask)
{
    u_char  text[NGX_INT_T_LEN + 1];

    return ngx_api_cstr(r, text, ngx_sprintf(text, "%ui", mask) - text);
}


void
ngx_task_values(const ngx_api_value_t *fields, ngx_uint_t n,
    const char **values)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        values[i] = fields[i].text;
    }
}


ngx_task_ids_t *
ngx_task_ids(ngx_http_request_t *r)
{
    u_char           uuid[16];
    uint64_t         msec;
    ngx_uint_t       i;
    ngx_time_t      *tp;
    ngx_task_ids_t  *ids;

    ids = ngx_pcalloc(r->pool, sizeof(ngx_task_ids_t));
    if (ids == NULL) {
        return NULL;
    }

    tp = ngx_timeofday();
    msec = (uint64_t) tp->sec * 1000 + tp->msec;

    if (ngx_api_uuid_v7(uuid, msec) != NGX_OK) {
        return NULL;
    }

    (void) ngx_api_uuid_format((u_char *) ids->id, uuid);

    for (msec = 0, i = 0; i < 6; i++) {
        msec = msec << 8 | uuid[i];
    }

    (void) ngx_api_time_format((u_char *) ids->created_at,
                               (int64_t) msec * 1000);

    if (ngx_api_uuid_v7(uuid, msec) != NGX_OK) {
        return NULL;
    }

    (void) ngx_api_uuid_format((u_char *) ids->event_id, uuid);

    return ids;
}


ngx_uint_t
ngx_task_refused(ngx_http_request_t *r, const PGresult *res,
    const ngx_api_problem_t *problem)
{
    ngx_str_t  outcome;

    if (PQntuples(res) == 0) {
        return 0;
    }

    outcome = ngx_api_pg_text(res, 0, PQfnumber(res, "_outcome"));

    if (outcome.len != problem->code.len
        || ngx_memcmp(outcome.data, problem->code.data, outcome.len) != 0)
    {
        return 0;
    }

    ngx_api_finish(r, ngx_api_problem(r, problem, NULL));

    return 1;
}
