
/*
 * Bodies: JSON against a table of fields.  The first byte is "p" for a PATCH;
 * the rest is the body.
 */


#include "fuzz_fields.h"
#include "ngx_api_body.h"
#include "ngx_notify_url.h"


static ngx_uint_t body_url(const u_char *url, size_t len);


static const ngx_api_check_t  body_check = {
    body_url, ngx_notify_url_faults
};


static const ngx_api_field_t  body_part[] = {
    { ngx_string("id"), NGX_API_UUID, NGX_API_ONE_OF, 0, 0, 0, NULL, NULL },
    { ngx_string("no"), NGX_API_INTEGER, NGX_API_ONE_OF|NGX_API_NULLABLE,
      -9, 9, 0, NULL, NULL },
    { ngx_string("a/b~c"), NGX_API_STRING, 0, 0, 3, 0, NULL, "" },
    ngx_api_null_field
};


static const ngx_api_field_t  body_fields[] = {
    { ngx_string("title"), NGX_API_STRING, NGX_API_REQUIRED, 1, 20, 0, NULL,
      NULL },
    { ngx_string("secret"), NGX_API_TEXT_BYTES, 0, 2, 12, 0, NULL, NULL },
    { ngx_string("mail"), NGX_API_EMAIL, 0, 0, 254, 0, NULL, NULL },
    { ngx_string("id"), NGX_API_UUID, NGX_API_NULLABLE, 0, 0, 0, NULL, NULL },
    { ngx_string("at"), NGX_API_TIMESTAMP, NGX_API_NULLABLE, 0, 0, 0, NULL,
      NULL },
    { ngx_string("prio"), NGX_API_ENUM, 0, 0, 0, 0, fuzz_names, "low" },
    { ngx_string("tags"), NGX_API_LABELS, 0, 1, 5, 3, NULL, "{}" },
    { ngx_string("ids"), NGX_API_UUIDS, 0, 1, 3, 0, NULL, NULL },
    { ngx_string("uses"), NGX_API_NAMES, 0, 1, 2, 0, fuzz_names, NULL },
    { ngx_string("url"), NGX_API_CHECKED, 0, 1, 60, 0, &body_check, NULL },
    { ngx_string("part"), NGX_API_OBJECT, NGX_API_PARTIAL, 0, 0, 0, body_part,
      NULL },
    { ngx_string("parts"), NGX_API_OBJECTS, 0, 1, 4, 0, body_part, NULL },
    { ngx_string("n"), NGX_API_INTEGER, 0, -100, 9007199254740992, 0, NULL,
      "7" },
    { ngx_string("flag"), NGX_API_BOOLEAN, NGX_API_NULLABLE, 0, 0, 0, NULL,
      NULL },
    { ngx_string("made"), NGX_API_STRING, NGX_API_READ_ONLY, 0, 0, 0, NULL,
      NULL },
    ngx_api_null_field
};


static ngx_uint_t
body_url(const u_char *url, size_t len)
{
    static const ngx_notify_url_policy_t  policy = { 0, NULL, 0 };

    return ngx_notify_url_check(url, len, &policy);
}


/* how deep it is */

static unsigned
body_depth(json_t *json)
{
    void      *at;
    size_t     i;
    unsigned   depth, most;

    most = 0;

    for (i = 0; i < json_array_size(json); i++) {
        depth = body_depth(json_array_get(json, i));
        most = depth > most ? depth : most;
    }

    for (at = json_object_iter(json); at; at = json_object_iter_next(json, at))
    {
        depth = body_depth(json_object_iter_value(at));
        most = depth > most ? depth : most;
    }

    return most + (json_is_array(json) || json_is_object(json));
}


static void
body_values(const ngx_api_field_t *fields, const ngx_api_value_t *values,
    const json_t *json, ngx_uint_t partial)
{
    size_t           i, k, n;
    ngx_uint_t       inner;
    json_t          *given;

    for (i = 0; fields[i].name.len; i++) {
        given = json_object_get(json, (char *) fields[i].name.data);

        fuzz_check(values[i].set == (given != NULL));
        fuzz_check(values[i].set || !partial || values[i].text == NULL);

        if (fields[i].type != NGX_API_OBJECT
            && fields[i].type != NGX_API_OBJECTS)
        {
            fuzz_is_value(&fields[i], &values[i]);

            if (fields[i].type == NGX_API_STRING && json_is_string(given)) {
                fuzz_check(strcmp(values[i].text, json_string_value(given))
                           == 0);
            }

            continue;
        }

        if (given == NULL) {
            continue;
        }

        inner = (fields[i].flags & NGX_API_PARTIAL) != 0;
        n = json_is_array(given) ? json_array_size(given) : 1;
        fuzz_check(fields[i].type == NGX_API_OBJECT
                   || values[i].integer == (int64_t) n);

        for (k = 0; k < n; k++) {
            body_values(fields[i].of,
                        values[i].members + k * values[i].nmembers,
                        json_is_array(given) ? json_array_get(given, k)
                                             : given,
                        inner);
        }
    }
}


static void
body_check_fields(json_t *json, ngx_uint_t partial)
{
    ngx_pool_t       *pool;
    ngx_array_t      *faults;
    ngx_api_value_t   values[FUZZ_FIELDS];

    pool = unit_pool();
    faults = ngx_array_create(pool, 4, sizeof(ngx_api_fault_t));

    fuzz_check(ngx_api_schema_check(pool, body_fields, json, partial, values,
                                    faults)
               == NGX_OK);

    if (faults->nelts) {
        fuzz_are_faults(faults, NGX_API_FAULTS_ALL, 1);

    } else {
        body_values(body_fields, values, json, partial);
    }

    ngx_destroy_pool(pool);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t        *json;
    ngx_str_t      text;
    ngx_uint_t     partial;
    const char    *fault;
    json_error_t   error;

    if (size == 0) {
        return 0;
    }

    partial = (data[0] == 'p');

    text.data = (u_char *) data + 1;
    text.len = size - 1;

    if (ngx_api_body_too_deep(&text)) {
        return 0;
    }

    json = ngx_api_body_json_load(&text, &error);

    if (json == NULL) {
        fault = ngx_api_body_fault(&error);
        fuzz_check(fault != NULL && *fault);
        return 0;
    }

    fuzz_check(body_depth(json) <= NGX_API_BODY_DEPTH);
    fuzz_check(fuzz_utf8(text.data, text.len));

    body_check_fields(json, partial);

    json_decref(json);

    return 0;
}
