
/*
 * What handlers of all features do: the parameters of a page, the fields that a
 * write is given, the ids of what it makes.
 */


#include "ngx_api_module.h"


ngx_int_t
ngx_api_page_values(ngx_http_request_t *r, const ngx_api_value_t *limit,
    const ngx_api_value_t *cursor, ngx_uint_t sort, const char **values)
{
    u_char            text[NGX_INT64_LEN + 1], id[NGX_API_UUID_LEN];
    ngx_int_t         rc;
    ngx_api_cursor_t  start;

    *ngx_sprintf(text, "%L", limit->integer + 1) = '\0';

    values[0] = ngx_api_cstr(r, text, ngx_strlen(text));
    if (values[0] == NULL) {
        return NGX_ERROR;
    }

    if (!cursor->set) {
        return NGX_OK;
    }

    rc = ngx_api_page_start(r, cursor, sort, &start);

    if (rc != NGX_OK) {
        return rc;
    }

    (void) ngx_api_uuid_format(id, start.id);

    values[2] = ngx_api_cstr(r, id, sizeof(id));

    /* where the id is the key, it stands there once */

    values[1] = start.key_len ? ngx_api_cstr(r, start.key, start.key_len)
                              : values[2];

    return values[1] && values[2] ? NGX_OK : NGX_ERROR;
}


ngx_uint_t
ngx_api_given(const ngx_api_value_t *fields, ngx_uint_t n)
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
ngx_api_mask(ngx_http_request_t *r, ngx_uint_t mask)
{
    u_char  text[NGX_INT_T_LEN + 1];

    return ngx_api_cstr(r, text, ngx_sprintf(text, "%ui", mask) - text);
}


void
ngx_api_values(const ngx_api_value_t *fields, ngx_uint_t n,
    const char **values)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        values[i] = fields[i].text;
    }
}


ngx_api_ids_t *
ngx_api_ids(ngx_http_request_t *r)
{
    u_char          *p, uuid[16];
    uint64_t         msec;
    ngx_uint_t       i;
    ngx_time_t      *tp;
    ngx_api_ids_t   *ids;

    ids = ngx_pcalloc(r->pool, sizeof(ngx_api_ids_t));
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

    p = ngx_api_time_format((u_char *) ids->created_at, (int64_t) msec * 1000);
    *p = '\0';

    if (ngx_api_uuid_v7(uuid, msec) != NGX_OK) {
        return NULL;
    }

    (void) ngx_api_uuid_format((u_char *) ids->event_id, uuid);

    return ids;
}


ngx_uint_t
ngx_api_refused(ngx_http_request_t *r, const PGresult *res,
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
