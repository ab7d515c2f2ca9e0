
/*
 * Faults of values, and the places that they are found at.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <jansson.h>

#include "ngx_api_schema.h"
#include "ngx_api_value.h"


ngx_int_t
ngx_api_value_fault(const ngx_api_place_t *at, const char *code,
    const char *detail)
{
    char       *copy;
    size_t      size;
    ngx_str_t   where;

    if (*at->room == 0
        || at->faults->nelts + at->kept >= NGX_API_FAULTS_ALL)
    {
        return NGX_OK;
    }

    (*at->room)--;

    where = at->name;

    if (at->pointer && ngx_api_value_pointer(at, &where) != NGX_OK) {
        return NGX_ERROR;
    }

    size = ngx_strlen(detail) + 1;

    copy = ngx_pnalloc(at->faults->pool, size);
    if (copy == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(copy, detail, size);

    return ngx_api_fault_add(at->faults, &where, code, copy);
}


/* the base, "/name" and "/item"; "~" and "/" are "~0" and "~1" in a name */

ngx_int_t
ngx_api_value_pointer(const ngx_api_place_t *at, ngx_str_t *where)
{
    u_char  *p;
    size_t   i;

    if (at->name.data == NULL) {
        *where = at->base;
        return NGX_OK;
    }

    p = ngx_pnalloc(at->pool, at->base.len + 2 * at->name.len + sizeof("//")
                              + NGX_INT_T_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    where->data = p;
    p = ngx_cpymem(p, at->base.data, at->base.len);
    *p++ = '/';

    for (i = 0; i < at->name.len; i++) {

        switch (at->name.data[i]) {

        case '~':
            p = ngx_cpymem(p, "~0", 2);
            break;

        case '/':
            p = ngx_cpymem(p, "~1", 2);
            break;

        default:
            *p++ = at->name.data[i];
        }
    }

    if (at->item >= 0) {
        p += snprintf((char *) p, NGX_INT_T_LEN + sizeof("/"), "/%ld",
                      (long) at->item);
    }

    where->len = p - where->data;

    return NGX_OK;
}
