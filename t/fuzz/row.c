
/*
 * Rows of PostgreSQL -> JSON: columns one after another, a byte for the type,
 * two for the length, and the value.  The server sends valid UTF-8 and valid
 * JSON; all else of a value is not believed.
 */


#include "fuzz.h"
#include "ngx_unit.h"
#include "ngx_api_pg_json.h"

#include <jansson.h>


#define ROW_COLUMNS  8
#define ROW_NULL     0xffff

enum {
    ROW_TEXT = 25, ROW_INT8 = 20, ROW_JSON = 114, ROW_ARRAY = 1009,
    ROW_TIME = 1184, ROW_UUID = 2950, ROW_JSONB = 3802, ROW_ENUM = 16384
};


static const Oid  row_types[] = {
    16, 19, ROW_INT8, 21, 23, ROW_TEXT, ROW_JSON, ROW_ARRAY, 1042, 1043,
    ROW_TIME, ROW_UUID, ROW_JSONB, ROW_ENUM, 701
};

static char  *row_names[ROW_COLUMNS] = {
    "a", "b", "c", "d", "_e", "f", "g", "h"
};


/* whether the server would send it, as far as nobody else looks at it */

static int
row_sent(Oid type, const uint8_t *p, size_t len)
{
    json_t  *json;

    if (type == ROW_JSONB && len) {
        p++;
        len--;
    }

    if (type == ROW_JSON || type == ROW_JSONB) {
        json = json_loadb((const char *) p, len,
                          JSON_DECODE_ANY|JSON_ALLOW_NUL, NULL);
        json_decref(json);

        return json != NULL;
    }

    if (type == ROW_ARRAY) {

        /* its texts are looked at as they come out */

        return 1;
    }

    return fuzz_utf8(p, len) || type == ROW_INT8 || type == 16 || type == 21
           || type == 23 || type == ROW_TIME || type == ROW_UUID;
}


static PGresult *
row_result(fuzz_input_t *input, int *n, int *sent)
{
    int             i, k, lens[ROW_COLUMNS];
    size_t          left;
    PGresult       *res;
    PGresAttDesc    desc[ROW_COLUMNS];
    const uint8_t  *values[ROW_COLUMNS];

    memset(desc, 0, sizeof(desc));
    *sent = 1;

    for (i = 0; i < ROW_COLUMNS && input->p < input->end; i++) {
        k = (int) (fuzz_number(input, 1)
                   % (sizeof(row_types) / sizeof(row_types[0])));
        lens[i] = (int) fuzz_number(input, 2);
        left = (size_t) (input->end - input->p);

        if (lens[i] != ROW_NULL && (size_t) lens[i] > left) {
            lens[i] = (int) left;
        }

        desc[i].name = row_names[i];
        desc[i].format = 1;
        desc[i].typid = row_types[k];
        desc[i].typlen = -1;
        values[i] = input->p;

        if (lens[i] != ROW_NULL) {
            input->p += lens[i];
            *sent = *sent && row_sent(desc[i].typid, values[i],
                                      (size_t) lens[i]);
        }
    }

    *n = i;

    res = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    fuzz_check(res != NULL && PQsetResultAttrs(res, i, desc));

    for (i = 0; i < *n; i++) {
        fuzz_check(PQsetvalue(res, 0, i, (char *) values[i],
                              lens[i] == ROW_NULL ? -1 : lens[i]));
    }

    return res;
}


static void
row_value(const PGresult *res, int column, const json_t *value)
{
    char       *end;
    Oid         type;
    size_t      len;
    const char *text;

    type = PQftype(res, column);
    text = PQgetvalue(res, 0, column);
    len = (size_t) PQgetlength(res, 0, column);

    if (PQgetisnull(res, 0, column)) {
        fuzz_check(json_is_null(value));
        return;
    }

    switch (type) {

    case ROW_TEXT:
    case ROW_ENUM:
        fuzz_check(json_string_length(value) == len);
        fuzz_check(memcmp(json_string_value(value), text, len) == 0);
        break;

    case ROW_INT8:
        fuzz_check(json_is_integer(value));
        fuzz_check(json_integer_value(value)
                   == ngx_api_pg_integer(res, 0, column));
        break;

    case ROW_ARRAY:
        fuzz_check(json_is_array(value));
        break;

    case ROW_UUID:
        fuzz_check(json_string_length(value) == 36);
        break;

    case ROW_TIME:
        fuzz_check(strtol(json_string_value(value), &end, 10) >= 1);
        fuzz_check(*end == '-');
        break;

    case ROW_JSON:
    case ROW_JSONB:
        break;

    default:
        fuzz_check(value != NULL);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int              i, n, sent;
    char            *text;
    size_t           len;
    json_t          *json, *value;
    PGresult        *res;
    ngx_pool_t      *pool;
    fuzz_input_t     input;
    ngx_api_json_t   j;

    input = fuzz_input(data, size);
    res = row_result(&input, &n, &sent);

    pool = unit_pool();

    ngx_api_json_init(&j, pool, 0);
    ngx_api_pg_json_row(&j, res, 0);

    if (n && !j.failed) {
        text = unit_chain(pool, ngx_api_json_close(&j, 1), &len);
        fuzz_check(len == j.size);

        json = json_loadb(text, len, JSON_ALLOW_NUL|JSON_REJECT_DUPLICATES,
                          NULL);

        /* of an array only the texts could be what makes it no JSON */

        fuzz_check(!sent || json != NULL || !fuzz_utf8(text, len));

        for (i = 0; json && i < n; i++) {
            value = json_object_get(json, row_names[i]);

            if (row_names[i][0] == '_') {
                fuzz_check(value == NULL);

            } else {
                row_value(res, i, value);
            }
        }

        json_decref(json);
    }

    ngx_destroy_pool(pool);
    PQclear(res);

    return 0;
}
