
/*
 * What users want to be told, and how: GET, PATCH
 * /v1/me/notification-settings.
 */


#include "ngx_notify.h"


#define NGX_NOTIFY_TYPES_N                                                    \
    (sizeof(ngx_notify_event_types) / sizeof(ngx_str_t) - 1)


typedef enum {
    NGX_NOTIFY_SETTINGS_OWN_ACTIONS = 0,
    NGX_NOTIFY_SETTINGS_IN_APP,
    NGX_NOTIFY_SETTINGS_EMAIL
} ngx_notify_settings_field_e;


static const char *ngx_notify_settings_types(ngx_http_request_t *r,
    const ngx_api_value_t *object, int64_t on);
static void ngx_notify_settings_send(ngx_http_request_t *r,
    const PGresult *res);


#define ngx_notify_type_name(name, type)   ngx_string(type),
#define ngx_notify_type_field(name, text)                                     \
    { ngx_string(text), .type = NGX_API_BOOLEAN },


static const ngx_str_t  ngx_notify_event_types[] = {
    SKEP_EVENT_TYPES(ngx_notify_type_name)
    SKEP_OWN_EVENT_TYPES(ngx_notify_type_name)
    ngx_null_string
};


/* by index the same as the names */

static const ngx_api_field_t  ngx_notify_type_fields[] = {
    SKEP_EVENT_TYPES(ngx_notify_type_field)
    SKEP_OWN_EVENT_TYPES(ngx_notify_type_field)
    ngx_api_null_field
};


const ngx_api_field_t  ngx_notify_settings_fields[] = {

    { ngx_string("own_actions"), NGX_API_BOOLEAN, 0, 0, 0, 0, NULL, NULL },

    { ngx_string("in_app"), NGX_API_OBJECT, NGX_API_PARTIAL, 0, 0, 0,
      ngx_notify_type_fields, NULL },

    { ngx_string("email"), NGX_API_OBJECT, NGX_API_PARTIAL, 0, 0, 0,
      ngx_notify_type_fields, NULL },

    ngx_api_null_field
};


void
ngx_notify_settings_get(ngx_http_request_t *r)
{
    const char  *values[2];

    values[0] = (char *) ngx_api_identity(r)->user.data;
    values[1] = ngx_notify_settings_types(r, NULL, 0);

    if (values[1] == NULL) {
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    ngx_api_pg_exec(r, NGX_NOTIFY_SQL_SETTINGS_GET, values,
                    ngx_notify_settings_send);
}


void
ngx_notify_settings_patch(ngx_http_request_t *r)
{
    ngx_uint_t              present;
    const char             *values[8];
    const ngx_api_value_t  *body, *in_app, *email;

    body = ngx_api_body(r);
    in_app = &body[NGX_NOTIFY_SETTINGS_IN_APP];
    email = &body[NGX_NOTIFY_SETTINGS_EMAIL];

    values[0] = (char *) ngx_api_identity(r)->user.data;
    values[2] = ngx_notify_settings_types(r, NULL, 0);
    values[3] = body[NGX_NOTIFY_SETTINGS_OWN_ACTIONS].text;
    values[4] = ngx_notify_settings_types(r, in_app, 1);
    values[5] = ngx_notify_settings_types(r, in_app, 0);
    values[6] = ngx_notify_settings_types(r, email, 1);
    values[7] = ngx_notify_settings_types(r, email, 0);

    if (ngx_api_if_match(r, &values[1], &present) != NGX_OK
        || values[2] == NULL || values[4] == NULL || values[5] == NULL
        || values[6] == NULL || values[7] == NULL)
    {
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    ngx_api_pg_exec(r, NGX_NOTIFY_SQL_SETTINGS_UPDATE, values,
                    ngx_notify_settings_send);
}


/*
 * An array literal of the types that an object turns on, or off; without an
 * object, of all.  In the request's pool; NULL when out of memory.
 */

static const char *
ngx_notify_settings_types(ngx_http_request_t *r, const ngx_api_value_t *object,
    int64_t on)
{
    u_char                 *p, *text;
    size_t                  len;
    ngx_uint_t              i;
    const ngx_api_value_t  *value;

    len = sizeof("{}");

    for (i = 0; i < NGX_NOTIFY_TYPES_N; i++) {
        len += ngx_notify_event_types[i].len + 1;
    }

    text = ngx_pnalloc(r->pool, len);
    if (text == NULL) {
        return NULL;
    }

    p = text;
    *p++ = '{';

    for (i = 0; i < NGX_NOTIFY_TYPES_N; i++) {

        if (object) {
            value = object->set ? &object->members[i] : NULL;

            if (value == NULL || !value->set || value->integer != on) {
                continue;
            }
        }

        if (p != text + 1) {
            *p++ = ',';
        }

        p = ngx_cpymem(p, ngx_notify_event_types[i].data,
                       ngx_notify_event_types[i].len);
    }

    *p++ = '}';
    *p = '\0';

    return (char *) text;
}


static void
ngx_notify_settings_send(ngx_http_request_t *r, const PGresult *res)
{
    ngx_api_send_row(r, NGX_HTTP_OK, res, NULL);
}
