
#include "ngx_unit.h"
#include "ngx_api_pg_json.h"
#include "ngx_api_time.h"


enum {
    BOOL = 16, BYTEA = 17, NAME = 19, INT8 = 20, INT2 = 21, INT4 = 23,
    TEXT = 25, JSON = 114, FLOAT8 = 701, INT8_ARRAY = 1016, TEXT_ARRAY = 1009,
    BPCHAR = 1042, VARCHAR = 1043, DATE = 1082, TIMESTAMP = 1114,
    TIMESTAMPTZ = 1184, NUMERIC = 1700, UUID = 2950, JSONB = 3802,
    LAST_OF_SERVER = 16383, ENUM = 16384
};


typedef struct {
    const char  *name;
    Oid          type;
    const void  *value;      /* NULL: SQL NULL */
    int          len;
} column_t;


/* a result of one row, as it comes from the server in binary format */

static PGresult *
result(const column_t *columns, int n)
{
    int              i;
    PGresult        *res;
    PGresAttDesc     desc[32];

    assert_true(n <= 32);
    memset(desc, 0, sizeof(desc));

    for (i = 0; i < n; i++) {
        desc[i].name = (char *) columns[i].name;
        desc[i].format = 1;
        desc[i].typid = columns[i].type;
        desc[i].typlen = -1;
    }

    res = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    assert_non_null(res);
    assert_true(PQsetResultAttrs(res, n, desc));

    for (i = 0; i < n; i++) {
        assert_true(PQsetvalue(res, 0, i, (char *) columns[i].value,
                               columns[i].value ? columns[i].len : -1));
    }

    return res;
}


/* what one value becomes; NULL if it sets failed */

static char *
value(ngx_pool_t *pool, Oid type, const void *bytes, int len)
{
    PGresult        *res;
    column_t         column;
    ngx_api_json_t   j;

    column.name = "a";
    column.type = type;
    column.value = bytes;
    column.len = len;

    res = result(&column, 1);

    ngx_api_json_init(&j, pool, 0);
    ngx_api_pg_json_value(&j, res, 0, 0);

    PQclear(res);

    return j.failed ? NULL : unit_chain(pool, ngx_api_json_close(&j, 1), NULL);
}


static void
assert_value(Oid type, const void *bytes, int len, const char *expected)
{
    char        *got;
    ngx_pool_t  *pool;

    pool = unit_pool();
    got = value(pool, type, bytes, len);

    if (expected) {
        assert_non_null(got);
        assert_string_equal(got, expected);

    } else if (got) {
        fail_msg("type %u, %d bytes: %s", type, len, got);
    }

    ngx_destroy_pool(pool);
}


#define assert_bytes(type, bytes, expected)                                   \
    assert_value(type, bytes, sizeof(bytes) - 1, expected)


static u_char *
put32(u_char *p, uint32_t n)
{
    *p++ = (u_char) (n >> 24);
    *p++ = (u_char) (n >> 16);
    *p++ = (u_char) (n >> 8);
    *p++ = (u_char) n;

    return p;
}


static u_char *
put64(u_char *p, uint64_t n)
{
    return put32(put32(p, (uint32_t) (n >> 32)), (uint32_t) n);
}


static void
assert_int64(Oid type, int64_t n, const char *expected)
{
    u_char  bytes[8];

    put64(bytes, (uint64_t) n);
    assert_value(type, bytes, 8, expected);
}


static void
writes_each_type(void **state)
{
    (void) state;

    assert_bytes(BOOL, "\x01", "true");
    assert_bytes(BOOL, "\x00", "false");

    assert_bytes(INT2, "\x00\x01", "1");
    assert_bytes(INT2, "\x7f\xff", "32767");
    assert_bytes(INT2, "\x80\x00", "-32768");
    assert_bytes(INT4, "\x00\x00\x00\x00", "0");
    assert_bytes(INT4, "\x7f\xff\xff\xff", "2147483647");
    assert_bytes(INT4, "\x80\x00\x00\x00", "-2147483648");
    assert_bytes(INT4, "\xff\xff\xff\xff", "-1");
    assert_int64(INT8, INT64_MAX, "9223372036854775807");
    assert_int64(INT8, INT64_MIN, "-9223372036854775808");
    assert_int64(INT8, 4294967296, "4294967296");

    assert_bytes(UUID, "\x01\x7f\x22\xe2\x79\xb0\x7c\xc3"
                       "\x98\xc4\xdc\x0c\x0c\x07\x39\x8f",
                 "\"017f22e2-79b0-7cc3-98c4-dc0c0c07398f\"");

    assert_bytes(TEXT, "", "\"\"");
    assert_bytes(TEXT, "a\"b\\c\n\xc3\xa9", "\"a\\\"b\\\\c\\n\xc3\xa9\"");
    assert_bytes(VARCHAR, "v", "\"v\"");
    assert_bytes(BPCHAR, "b  ", "\"b  \"");
    assert_bytes(NAME, "n", "\"n\"");
    assert_bytes(ENUM, "in_progress", "\"in_progress\"");
    assert_bytes(4000000000u, "todo", "\"todo\"");

    assert_bytes(JSON, "{\"a\" : 1}", "{\"a\" : 1}");
    assert_bytes(JSONB, "\x01[1, \"x\"]", "[1, \"x\"]");
}


static void
writes_null_for_null(void **state)
{
    size_t            i;
    static const Oid  types[] = {
        BOOL, INT2, INT4, INT8, UUID, TEXT, JSON, JSONB, TEXT_ARRAY,
        TIMESTAMPTZ, ENUM, FLOAT8
    };

    (void) state;

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        assert_value(types[i], NULL, 0, "null");
    }
}


static void
writes_times(void **state)
{
    (void) state;

    assert_int64(TIMESTAMPTZ, 0, "\"2000-01-01T00:00:00Z\"");
    assert_int64(TIMESTAMPTZ, 1, "\"2000-01-01T00:00:00.000001Z\"");
    assert_int64(TIMESTAMPTZ, -1, "\"1999-12-31T23:59:59.999999Z\"");
    assert_int64(TIMESTAMPTZ, -NGX_API_TIME_PG_EPOCH,
                 "\"1970-01-01T00:00:00Z\"");
    assert_int64(TIMESTAMPTZ, INT64_C(823176000500000),
                 "\"2026-01-31T12:00:00.5Z\"");

    assert_int64(TIMESTAMPTZ, NGX_API_TIME_MIN - NGX_API_TIME_PG_EPOCH,
                 "\"0001-01-01T00:00:00Z\"");
    assert_int64(TIMESTAMPTZ, NGX_API_TIME_MAX - NGX_API_TIME_PG_EPOCH,
                 "\"9999-12-31T23:59:59.999999Z\"");

    assert_int64(TIMESTAMPTZ, NGX_API_TIME_MIN - NGX_API_TIME_PG_EPOCH - 1,
                 NULL);
    assert_int64(TIMESTAMPTZ, NGX_API_TIME_MAX - NGX_API_TIME_PG_EPOCH + 1,
                 NULL);

    /* infinity and -infinity */

    assert_int64(TIMESTAMPTZ, INT64_MAX, NULL);
    assert_int64(TIMESTAMPTZ, INT64_MIN, NULL);
}


static void
refuses_wrong_lengths(void **state)
{
    int     len;
    size_t  i;
    char    bytes[40];

    static const struct {
        Oid  type;
        int  len;
    } types[] = {
        { BOOL, 1 }, { INT2, 2 }, { INT4, 4 }, { INT8, 8 }, { UUID, 16 },
        { TIMESTAMPTZ, 8 }
    };

    (void) state;

    memset(bytes, 0, sizeof(bytes));

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        for (len = 0; len < (int) sizeof(bytes); len++) {
            if (len != types[i].len) {
                assert_value(types[i].type, bytes, len, NULL);
            }
        }
    }

    assert_bytes(JSON, "", NULL);
    assert_bytes(JSONB, "", NULL);
    assert_bytes(JSONB, "\x01", NULL);
    assert_bytes(JSONB, "\x02{}", NULL);
    assert_bytes(JSONB, "{}", NULL);
}


static void
refuses_other_types(void **state)
{
    size_t            i;
    static const Oid  types[] = {
        0, BYTEA, FLOAT8, INT8_ARRAY, DATE, TIMESTAMP, NUMERIC, LAST_OF_SERVER
    };

    (void) state;

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        assert_value(types[i], "12345678", 8, NULL);
    }
}


#define ARRAY  "\0\0\0\1" "\0\0\0\0" "\0\0\0\x19"
#define NULLS  "\0\0\0\1" "\0\0\0\1" "\0\0\0\x19"


static void
writes_arrays(void **state)
{
    (void) state;

    assert_bytes(TEXT_ARRAY, "\0\0\0\0" "\0\0\0\0" "\0\0\0\x19", "[]");

    assert_bytes(TEXT_ARRAY, ARRAY "\0\0\0\1" "\0\0\0\1" "\0\0\0\1" "a",
                 "[\"a\"]");

    assert_bytes(TEXT_ARRAY, ARRAY "\0\0\0\3" "\0\0\0\1"
                 "\0\0\0\0" "\0\0\0\2" "b\"" "\0\0\0\3" "c\\d",
                 "[\"\",\"b\\\"\",\"c\\\\d\"]");

    assert_bytes(TEXT_ARRAY, NULLS "\0\0\0\3" "\0\0\0\1"
                 "\xff\xff\xff\xff" "\0\0\0\1" "x" "\xff\xff\xff\xff",
                 "[null,\"x\",null]");

    /* the lower bound does not matter */

    assert_bytes(TEXT_ARRAY, ARRAY "\0\0\0\1" "\xff\xff\xff\xf0"
                 "\0\0\0\1" "a", "[\"a\"]");

    assert_bytes(TEXT_ARRAY, ARRAY "\0\0\0\0" "\0\0\0\1", "[]");
}


static void
refuses_malformed_arrays(void **state)
{
    int  len;

    static const char  good[] =
        ARRAY "\0\0\0\2" "\0\0\0\1" "\0\0\0\1" "a" "\0\0\0\2" "bc";

    (void) state;

    assert_bytes(TEXT_ARRAY, good, "[\"a\",\"bc\"]");

    for (len = 0; len < (int) sizeof(good) - 1; len++) {
        assert_value(TEXT_ARRAY, good, len, NULL);
    }

    /* a byte too many */
    assert_value(TEXT_ARRAY, good, sizeof(good), NULL);

    /* elements of another type, unknown flags, more dimensions */
    assert_bytes(TEXT_ARRAY, "\0\0\0\1" "\0\0\0\0" "\0\0\0\x14"
                 "\0\0\0\1" "\0\0\0\1" "\0\0\0\1" "a", NULL);
    assert_bytes(TEXT_ARRAY, "\0\0\0\1" "\0\0\0\2" "\0\0\0\x19"
                 "\0\0\0\1" "\0\0\0\1" "\0\0\0\1" "a", NULL);
    assert_bytes(TEXT_ARRAY, "\0\0\0\2" "\0\0\0\0" "\0\0\0\x19"
                 "\0\0\0\1" "\0\0\0\1" "\0\0\0\1" "\0\0\0\1"
                 "\0\0\0\1" "a", NULL);
    assert_bytes(TEXT_ARRAY, "\0\0\0\0" "\0\0\0\0" "\0\0\0\x19" "\0", NULL);
    assert_bytes(TEXT_ARRAY, "\xff\xff\xff\xff" "\0\0\0\0" "\0\0\0\x19", NULL);

    /* sizes that promise more than there is */
    assert_bytes(TEXT_ARRAY, ARRAY "\0\0\0\2" "\0\0\0\1" "\0\0\0\1" "a", NULL);
    assert_bytes(TEXT_ARRAY, ARRAY "\xff\xff\xff\xff" "\0\0\0\1"
                 "\0\0\0\1" "a", NULL);
    assert_bytes(TEXT_ARRAY, ARRAY "\0\0\0\1" "\0\0\0\1" "\0\0\0\2" "a", NULL);
    assert_bytes(TEXT_ARRAY, ARRAY "\0\0\0\1" "\0\0\0\1"
                 "\x7f\xff\xff\xff" "a", NULL);
    assert_bytes(TEXT_ARRAY, ARRAY "\0\0\0\1" "\0\0\0\1"
                 "\xff\xff\xff\xfe" "a", NULL);
}


/*
 * Arrays over the size from which libpq gives a value its own malloc(), so
 * that the sanitizer sees the first byte read beyond it.
 */

static void
stands_damaged_arrays(void **state)
{
    u_char       good[4096], bytes[4096], *p;
    size_t       len, n, at, k;
    ngx_uint_t   i;
    ngx_pool_t  *pool;

    (void) state;

    p = put32(good, 1);
    p = put32(p, 1);
    p = put32(p, TEXT);
    p = put32(p, 150);
    p = put32(p, 1);

    for (i = 0; i < 150; i++) {
        n = i % 25;

        if (n == 24) {
            p = put32(p, (uint32_t) -1);
            continue;
        }

        p = put32(p, (uint32_t) n);
        memset(p, 'a' + n, n);
        p += n;
    }

    len = p - good;
    assert_in_range(len, 2100, sizeof(good));

    for (i = 0; i < 4000; i++) {
        memcpy(bytes, good, len);
        n = len;

        if (i % 2) {
            n -= unit_random() % 1000;
        }

        for (k = unit_random() % 4; k > 0; k--) {
            at = unit_random() % n;
            bytes[at] = (u_char) (unit_random() >> 20);
        }

        pool = unit_pool();
        (void) value(pool, TEXT_ARRAY, bytes, (int) n);
        ngx_destroy_pool(pool);
    }

    pool = unit_pool();
    assert_non_null(value(pool, TEXT_ARRAY, good, (int) len));
    ngx_destroy_pool(pool);
}


static void
writes_a_row(void **state)
{
    PGresult        *res;
    ngx_pool_t      *pool;
    ngx_api_json_t   j;

    static const column_t  columns[] = {
        { "_outcome", TEXT, "ok", 2 },
        { "id", INT4, "\0\0\0\7", 4 },
        { "_key", NUMERIC, "x", 1 },
        { "title", TEXT, "a \"b\"", 5 },
        { "due_at", TIMESTAMPTZ, NULL, 0 },
        { "done", BOOL, "\1", 1 },
        { "_", TEXT, "x", 1 },
        { "labels", TEXT_ARRAY, "\0\0\0\0" "\0\0\0\0" "\0\0\0\x19", 12 },
    };

    (void) state;

    pool = unit_pool();
    res = result(columns, 8);

    ngx_api_json_init(&j, pool, 0);
    ngx_api_json_literal(&j, "[");
    ngx_api_pg_json_row(&j, res, 0);
    ngx_api_json_literal(&j, ",");
    ngx_api_pg_json_row(&j, res, 0);
    ngx_api_json_literal(&j, "]");

    assert_string_equal(unit_chain(pool, ngx_api_json_close(&j, 1), NULL),
        "[{\"id\":7,\"title\":\"a \\\"b\\\"\",\"due_at\":null,"
        "\"done\":true,\"labels\":[]},"
        "{\"id\":7,\"title\":\"a \\\"b\\\"\",\"due_at\":null,"
        "\"done\":true,\"labels\":[]}]");

    /* with more to follow */

    ngx_api_json_init(&j, pool, 0);
    assert_int_equal(ngx_api_pg_json_open(&j, res, 0), 1);
    assert_string_equal(unit_chain(pool, ngx_api_json_close(&j, 1), NULL),
        "{\"id\":7,\"title\":\"a \\\"b\\\"\",\"due_at\":null,"
        "\"done\":true,\"labels\":[]");

    PQclear(res);

    /* nothing to show */

    res = result(columns, 1);

    ngx_api_json_init(&j, pool, 0);
    assert_int_equal(ngx_api_pg_json_open(&j, res, 0), 0);
    assert_null(ngx_api_json_close(&j, 1));

    ngx_api_json_init(&j, pool, 0);
    ngx_api_pg_json_row(&j, res, 0);
    assert_string_equal(unit_chain(pool, ngx_api_json_close(&j, 1), NULL),
                        "{}");

    PQclear(res);
    ngx_destroy_pool(pool);
}


static void
fails_with_one_bad_column(void **state)
{
    PGresult        *res;
    ngx_pool_t      *pool;
    ngx_api_json_t   j;

    static const column_t  columns[] = {
        { "a", TEXT, "x", 1 },
        { "b", INT4, "xyz", 3 },
        { "c", TEXT, "x", 1 },
    };

    (void) state;

    pool = unit_pool();
    res = result(columns, 3);

    ngx_api_json_init(&j, pool, 0);
    ngx_api_pg_json_row(&j, res, 0);

    assert_true(j.failed);
    assert_null(ngx_api_json_close(&j, 1));

    PQclear(res);
    ngx_destroy_pool(pool);
}


static void
writes_rows_over_many_buffers(void **state)
{
    int              i;
    char            *text, *got, *expected, *p;
    u_char           uuid[16];
    PGresult        *res;
    ngx_pool_t      *pool;
    column_t         columns[3];
    ngx_api_json_t   j;

    (void) state;

    pool = unit_pool();

    text = ngx_pnalloc(pool, 3001);
    memset(text, 'd', 3000);
    text[3000] = '\0';

    memset(uuid, 0xab, 16);

    columns[0] = (column_t) { "id", UUID, uuid, 16 };
    columns[1] = (column_t) { "description", TEXT, text, 3000 };
    columns[2] = (column_t) { "due_at", TIMESTAMPTZ, "\0\0\0\0\0\0\0\0", 8 };

    res = result(columns, 3);

    expected = ngx_pnalloc(pool, 100 * 3200);
    p = expected;

    ngx_api_json_init(&j, pool, 1000);

    for (i = 0; i < 100; i++) {
        ngx_api_pg_json_row(&j, res, 0);

        p += sprintf(p, "{\"id\":\"abababab-abab-abab-abab-abababababab\","
                        "\"description\":\"%s\","
                        "\"due_at\":\"2000-01-01T00:00:00Z\"}", text);
    }

    got = unit_chain(pool, ngx_api_json_close(&j, 1), NULL);
    assert_string_equal(got, expected);

    PQclear(res);
    ngx_destroy_pool(pool);
}


static void
reads_for_handlers(void **state)
{
    u_char     time[8];
    PGresult  *res;
    ngx_str_t  text;

    column_t  columns[] = {
        { "a", INT2, "\xff\xfe", 2 },
        { "b", INT4, "\0\1\0\0", 4 },
        { "c", INT8, "\x80\0\0\0\0\0\0\0", 8 },
        { "d", INT8, NULL, 0 },
        { "e", BOOL, "\1", 1 },
        { "f", BOOL, "\0", 1 },
        { "g", BOOL, NULL, 0 },
        { "h", TEXT, "text", 4 },
        { "i", TEXT, "", 0 },
        { "j", TEXT, NULL, 0 },
        { "k", TIMESTAMPTZ, time, 8 },
        { "l", TIMESTAMPTZ, NULL, 0 },
        { "m", INT8, "abc", 3 },
    };

    (void) state;

    put64(time, INT64_C(823176000500000));
    res = result(columns, sizeof(columns) / sizeof(columns[0]));

    assert_true(ngx_api_pg_integer(res, 0, 0) == -2);
    assert_true(ngx_api_pg_integer(res, 0, 1) == 65536);
    assert_true(ngx_api_pg_integer(res, 0, 2) == INT64_MIN);
    assert_true(ngx_api_pg_integer(res, 0, 3) == 0);
    assert_true(ngx_api_pg_integer(res, 0, 12) == 0);

    assert_int_equal(ngx_api_pg_boolean(res, 0, 4), 1);
    assert_int_equal(ngx_api_pg_boolean(res, 0, 5), 0);
    assert_int_equal(ngx_api_pg_boolean(res, 0, 6), 0);

    text = ngx_api_pg_text(res, 0, 7);
    assert_int_equal(text.len, 4);
    assert_string_equal((char *) text.data, "text");

    text = ngx_api_pg_text(res, 0, 8);
    assert_int_equal(text.len, 0);
    assert_non_null(text.data);

    text = ngx_api_pg_text(res, 0, 9);
    assert_int_equal(text.len, 0);
    assert_null(text.data);

    assert_true(ngx_api_pg_time(res, 0, 10) == INT64_C(1769860800500000));
    assert_true(ngx_api_pg_time(res, 0, 11) == 0);

    PQclear(res);
}


static void
reads_infinite_times(void **state)
{
    size_t     i;
    u_char     time[8];
    PGresult  *res;
    column_t   column;

    static const int64_t  cases[][2] = {
        { INT64_MIN, INT64_MIN },
        { INT64_MAX, INT64_MAX },
        { INT64_MAX - 1, INT64_MAX },
        { INT64_MAX - NGX_API_TIME_PG_EPOCH, INT64_MAX },
        { INT64_MIN + 1, INT64_MIN + 1 + NGX_API_TIME_PG_EPOCH },
        { 0, NGX_API_TIME_PG_EPOCH },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        put64(time, (uint64_t) cases[i][0]);
        column = (column_t) { "t", TIMESTAMPTZ, time, 8 };

        res = result(&column, 1);
        assert_true(ngx_api_pg_time(res, 0, 0) == cases[i][1]);
        PQclear(res);
    }
}


static void
survives_each_failed_allocation(void **state)
{
    char             text[2000];
    PGresult        *res;
    ngx_uint_t       n;
    ngx_pool_t      *pool;
    ngx_api_json_t   j;

    column_t  columns[] = {
        { "a", TEXT, text, sizeof(text) },
        { "b", UUID, "0123456789abcdef", 16 },
        { "c", TIMESTAMPTZ, "\0\0\0\0\0\0\0\0", 8 },
        { "d", INT8, "\0\0\0\0\0\0\0\0", 8 },
        { "e", TEXT_ARRAY, "\0\0\0\0" "\0\0\0\0" "\0\0\0\x19", 12 },
    };

    (void) state;

    memset(text, 'a', sizeof(text));
    res = result(columns, 5);

    for (n = 1; /* void */ ; n++) {
        pool = unit_pool();
        unit_fail_at(n);

        ngx_api_json_init(&j, pool, 0);
        ngx_api_pg_json_row(&j, res, 0);

        if (!unit_failed()) {
            break;
        }

        assert_true(j.failed);
        ngx_destroy_pool(pool);
    }

    assert_false(j.failed);
    assert_true(n > 6);

    ngx_destroy_pool(pool);
    PQclear(res);
}


/* the second buffer cannot be had, wherever in the row it is wanted */

static void
survives_the_end_of_a_buffer_anywhere(void **state)
{
    int              n, failures;
    u_char           text[512];
    PGresult        *res;
    ngx_pool_t      *pool;
    ngx_api_json_t   j;

    static const column_t  columns[] = {
        { "uuid", UUID, "0123456789abcdef", 16 },
        { "time", TIMESTAMPTZ, "\0\0\0\0\0\0\0\1", 8 },
        { "int", INT8, "\x7f\0\0\0\0\0\0\0", 8 },
        { "json", JSON, "[1,2,3]", 7 },
        { "array", TEXT_ARRAY,
          NULLS "\0\0\0\2" "\0\0\0\1" "\xff\xff\xff\xff" "\0\0\0\1" "x", 29 },
        { "text", TEXT, "a\nb", 3 },
    };

    (void) state;

    failures = 0;
    memset(text, ' ', sizeof(text));
    res = result(columns, 6);

    for (n = 0; n <= 512; n++) {
        pool = unit_pool();

        ngx_api_json_init(&j, pool, 0);
        ngx_api_json_raw(&j, text, n);

        unit_fail_at(1);
        ngx_api_pg_json_row(&j, res, 0);

        assert_int_equal(j.failed, unit_failed());
        failures += j.failed;

        ngx_destroy_pool(pool);
    }

    /* once for each byte of the row, a few more where room was reserved */

    assert_in_range(failures, 150, 250);

    PQclear(res);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(writes_each_type),
        cmocka_unit_test(writes_null_for_null),
        cmocka_unit_test(writes_times),
        cmocka_unit_test(refuses_wrong_lengths),
        cmocka_unit_test(refuses_other_types),
        cmocka_unit_test(writes_arrays),
        cmocka_unit_test(refuses_malformed_arrays),
        cmocka_unit_test(stands_damaged_arrays),
        cmocka_unit_test(writes_a_row),
        cmocka_unit_test(fails_with_one_bad_column),
        cmocka_unit_test(writes_rows_over_many_buffers),
        cmocka_unit_test(reads_for_handlers),
        cmocka_unit_test(reads_infinite_times),
        cmocka_unit_test(survives_each_failed_allocation),
        cmocka_unit_test(survives_the_end_of_a_buffer_anywhere),
    };

    return unit_run(tests);
}
