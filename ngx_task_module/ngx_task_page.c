
/*
 * The start of a page of any list.
 */


#include "ngx_task.h"


ngx_int_t
ngx_task_page(ngx_http_request_t *r, const ngx_api_value_t *limit,
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
