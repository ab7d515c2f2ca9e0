
/*
 * Query strings against a table of fields.
 */


#include "fuzz_fields.h"


static const ngx_api_field_t  args_fields[] = {
    { ngx_string("q"), NGX_API_STRING, 0, 1, 20, 0, NULL, NULL },
    { ngx_string("mail"), NGX_API_EMAIL, 0, 0, 254, 0, NULL, NULL },
    { ngx_string("id"), NGX_API_UUID, 0, 0, 0, 0, NULL, NULL },
    { ngx_string("who"), NGX_API_UUID, 0, 0, 0, 0, fuzz_names, NULL },
    { ngx_string("at"), NGX_API_TIMESTAMP, 0, 0, 0, 0, NULL, NULL },
    { ngx_string("sort"), NGX_API_ENUM, 0, 0, 0, 0, fuzz_names, "low" },
    { ngx_string("prio"), NGX_API_ENUM_LIST, 0, 0, 0, 0, fuzz_names, NULL },
    { ngx_string("limit"), NGX_API_INTEGER, 0, 1, 200, 0, NULL, "50" },
    { ngx_string("n"), NGX_API_INTEGER, 0, INT64_MIN, INT64_MAX, 0, NULL,
      NULL },
    { ngx_string("flag"), NGX_API_BOOLEAN, 0, 0, 0, 0, NULL, "f" },
    { ngx_string("cursor"), NGX_API_CURSOR, 0, 0, 0, 0, NULL, NULL },
    ngx_api_null_field
};


static ngx_array_t *
args_read(ngx_pool_t *pool, const u_char *data, size_t len,
    ngx_api_value_t *values)
{
    ngx_str_t     args;
    ngx_array_t  *faults;

    args.data = (u_char *) data;
    args.len = len;

    faults = ngx_array_create(pool, 4, sizeof(ngx_api_fault_t));

    fuzz_check(ngx_api_schema_check_args(pool, args_fields, &args, values,
                                         faults)
               == NGX_OK);

    return faults;
}


/* the texts as a query again, with each byte as %XX; of lists of names and of
 * booleans, which come out otherwise, what they come of */

static size_t
args_write(u_char *p, const ngx_api_value_t *values)
{
    size_t       i, k;
    u_char      *start;
    const char  *text;

    start = p;

    for (i = 0; args_fields[i].name.len; i++) {
        if (!values[i].set) {
            continue;
        }

        text = values[i].text;
        k = values[i].len;

        if (args_fields[i].type == NGX_API_BOOLEAN) {
            text = values[i].integer ? "true" : "false";
            k = strlen(text);
        }

        p = ngx_cpymem(p, args_fields[i].name.data, args_fields[i].name.len);
        *p++ = '=';

        for ( /* void */ ; k; k--, text++) {
            if (args_fields[i].type == NGX_API_ENUM_LIST
                && strchr("{}\"", *text))
            {
                continue;
            }

            p += sprintf((char *) p, "%%%02x", (u_char) *text);
        }

        *p++ = '&';
    }

    return (size_t) (p - start);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t            i, len;
    u_char           *query;
    ngx_pool_t       *pool;
    ngx_array_t      *faults;
    ngx_api_value_t   values[FUZZ_FIELDS], again[FUZZ_FIELDS];

    pool = unit_pool();
    faults = args_read(pool, data, size, values);

    fuzz_are_faults(faults, NGX_API_FAULTS_MAX, 0);

    if (faults->nelts == 0) {

        len = 0;

        for (i = 0; args_fields[i].name.len; i++) {
            fuzz_is_value(&args_fields[i], &values[i]);
            len += values[i].len * 3 + 40;
        }

        /* the same, however it is written */

        query = ngx_pnalloc(pool, len);
        len = args_write(query, values);

        faults = args_read(pool, query, len, again);
        fuzz_check(faults->nelts == 0);

        for (i = 0; args_fields[i].name.len; i++) {
            fuzz_check(values[i].set == again[i].set);
            fuzz_check(values[i].len == again[i].len);
            fuzz_check(values[i].integer == again[i].integer);
            fuzz_check(values[i].text == NULL
                       || strcmp(values[i].text, again[i].text) == 0);
        }
    }

    ngx_destroy_pool(pool);

    return 0;
}
