
#define FAULTS  c.faults

#include "api_fault.h"


enum {
    TITLE = 0, NOTE, PASSWORD, EMAIL, OWNER, DUE, STATUS, LABELS, COUNT, FLAG,
    ID, ODD, FIELDS
};


static const ngx_str_t  statuses[] = {
    ngx_string("todo"),
    ngx_string("in_progress"),
    ngx_string("done"),
    ngx_null_string
};


static const ngx_api_field_t  fields[] = {
    { ngx_string("title"), NGX_API_STRING, NGX_API_REQUIRED,
      1, 5, 0, NULL, NULL },
    { ngx_string("note"), NGX_API_STRING, NGX_API_NULLABLE,
      0, 20000, 0, NULL, "" },
    { ngx_string("password"), NGX_API_TEXT_BYTES, 0,
      8, 72, 0, NULL, NULL },
    { ngx_string("email"), NGX_API_EMAIL, 0,
      0, 254, 0, NULL, NULL },
    { ngx_string("owner"), NGX_API_UUID, NGX_API_NULLABLE,
      0, 0, 0, NULL, NULL },
    { ngx_string("due"), NGX_API_TIMESTAMP, NGX_API_NULLABLE,
      0, 0, 0, NULL, NULL },
    { ngx_string("status"), NGX_API_ENUM, 0,
      0, 0, 0, statuses, "in_progress" },
    { ngx_string("labels"), NGX_API_LABELS, 0,
      1, 5, 3, NULL, "{}" },
    { ngx_string("count"), NGX_API_INTEGER, 0,
      -5, 100, 0, NULL, "7" },
    { ngx_string("flag"), NGX_API_BOOLEAN, 0,
      0, 0, 0, NULL, "t" },
    { ngx_string("id"), NGX_API_UUID, NGX_API_READ_ONLY,
      0, 0, 0, NULL, NULL },
    { ngx_string("a/b~c"), NGX_API_LABELS, 0,
      1, 5, 3, NULL, NULL },
    ngx_api_null_field
};


typedef struct {
    ngx_pool_t        *pool;
    json_t            *body;
    ngx_array_t       *faults;
    ngx_api_value_t    values[FIELDS];
} check_t;


static check_t  c;


static ngx_int_t
check_json(json_t *body, ngx_uint_t partial)
{
    c.faults = ngx_array_create(c.pool, 1, sizeof(ngx_api_fault_t));
    if (c.faults == NULL) {
        return NGX_ERROR;
    }

    memset(c.values, 0xa5, sizeof(c.values));

    return ngx_api_schema_check(c.pool, fields, body, partial, c.values,
                                c.faults);
}


static void
check_len(const char *text, size_t len, ngx_uint_t partial)
{
    json_decref(c.body);

    c.body = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);

    /* as the platform does with an integer that does not fit */

    if (c.body == NULL) {
        c.body = json_loadb(text, len,
                            JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL,
                            NULL);
    }

    assert_non_null(c.body);
    assert_int_equal(check_json(c.body, partial), NGX_OK);
}


/* the body need not have a title */

static void
check(const char *text)
{
    check_len(text, strlen(text), 1);
}


static void
check_whole(const char *text)
{
    check_len(text, strlen(text), 0);
}


static void
assert_value(ngx_uint_t i, const char *text, ngx_uint_t set)
{
    assert_int_equal(c.faults->nelts, 0);
    assert_int_equal(c.values[i].set, set);

    if (text == NULL) {
        assert_null(c.values[i].text);
        assert_int_equal(c.values[i].len, 0);
        return;
    }

    assert_non_null(c.values[i].text);
    assert_string_equal(c.values[i].text, text);
    assert_int_equal(c.values[i].len, strlen(text));
}


static int
setup(void **state)
{
    (void) state;

    c.pool = unit_pool();
    c.body = NULL;

    return 0;
}


static int
teardown(void **state)
{
    (void) state;

    json_decref(c.body);
    ngx_destroy_pool(c.pool);

    return 0;
}


static void
accepts_a_whole_body(void **state)
{
    (void) state;

    check_whole("{\"title\":\"t\\u00e9\", \"note\":\"n\","
                " \"password\":\"12345678\", \"email\":\"A@b.co\","
                " \"owner\":\"017F22E2-79B0-7CC3-98C4-DC0C0C07398F\","
                " \"due\":\"2026-01-31T12:00:00.500+01:00\","
                " \"status\":\"done\", \"labels\":[\"x\",\"y\"],"
                " \"count\":-5, \"flag\":false}");

    assert_value(TITLE, "t\xc3\xa9", 1);
    assert_value(NOTE, "n", 1);
    assert_value(PASSWORD, "12345678", 1);
    assert_value(EMAIL, "A@b.co", 1);
    assert_value(OWNER, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f", 1);
    assert_value(DUE, "2026-01-31T11:00:00.5Z", 1);
    assert_true(c.values[DUE].integer == INT64_C(1769857200500000));
    assert_value(STATUS, "done", 1);
    assert_int_equal(c.values[STATUS].integer, 2);
    assert_value(LABELS, "{\"x\",\"y\"}", 1);
    assert_value(COUNT, "-5", 1);
    assert_true(c.values[COUNT].integer == -5);
    assert_value(FLAG, "f", 1);
    assert_int_equal(c.values[FLAG].integer, 0);
    assert_value(ID, NULL, 0);
    assert_value(ODD, NULL, 0);
}


static void
presets_what_is_absent(void **state)
{
    (void) state;

    check_whole("{\"title\":\"t\"}");

    assert_value(TITLE, "t", 1);
    assert_value(NOTE, "", 0);
    assert_value(PASSWORD, NULL, 0);
    assert_value(DUE, NULL, 0);
    assert_value(STATUS, "in_progress", 0);
    assert_int_equal(c.values[STATUS].integer, 1);
    assert_value(LABELS, "{}", 0);
    assert_value(COUNT, "7", 0);
    assert_int_equal(c.values[COUNT].integer, 7);
    assert_value(FLAG, "t", 0);
    assert_int_equal(c.values[FLAG].integer, 1);
}


static void
leaves_a_partial_body_alone(void **state)
{
    ngx_uint_t  i;

    (void) state;

    check("{}");

    for (i = 0; i < FIELDS; i++) {
        assert_value(i, NULL, 0);
        assert_int_equal(c.values[i].integer, 0);
    }

    check("{\"note\":\"n\"}");
    assert_value(NOTE, "n", 1);
    assert_value(STATUS, NULL, 0);
}


static void
requires_the_required(void **state)
{
    (void) state;

    check_whole("{}");
    assert_only("/title", "required", NULL);
}


static void
tells_null_from_absent(void **state)
{
    (void) state;

    check("{\"owner\":null,\"due\":null,\"note\":null}");
    assert_value(OWNER, NULL, 1);
    assert_value(DUE, NULL, 1);
    assert_value(NOTE, NULL, 1);
    assert_value(TITLE, NULL, 0);

    /* nor is null replaced by a preset */

    check_whole("{\"title\":\"t\",\"note\":null}");
    assert_value(NOTE, NULL, 1);

    check_whole("{\"title\":null,\"status\":null,\"labels\":null}");
    assert_fault(0, "/title", "not_nullable", NULL);
    assert_fault(1, "/status", "not_nullable", NULL);
    assert_fault(2, "/labels", "not_nullable", NULL);
    assert_int_equal(c.faults->nelts, 3);
}


static void
refuses_what_is_no_object(void **state)
{
    (void) state;

    check("[]");
    assert_only("", "invalid_type", NULL);

    check_whole("[{\"title\":\"t\"}]");
    assert_only("", "invalid_type", NULL);

    assert_int_equal(check_json(NULL, 0), NGX_OK);
    assert_only("", "invalid_type", NULL);

    json_decref(c.body);
    c.body = json_null();
    assert_int_equal(check_json(c.body, 0), NGX_OK);
    assert_only("", "invalid_type", NULL);
}


static void
lists_every_fault_in_order(void **state)
{
    (void) state;

    check_whole("{\"zzz\":1,\"status\":\"x\",\"aaa\":2,\"id\":\"\","
                " \"count\":101,\"password\":1,\"mmm\":null}");

    assert_fault(0, "/zzz", "unknown_field", NULL);
    assert_fault(1, "/status", "invalid_value",
                 "must be one of: todo, in_progress, done");
    assert_fault(2, "/aaa", "unknown_field", NULL);
    assert_fault(3, "/id", "read_only", NULL);
    assert_fault(4, "/count", "out_of_range", "must be between -5 and 100");
    assert_fault(5, "/password", "invalid_type", "must be a string");
    assert_fault(6, "/mmm", "unknown_field", NULL);
    assert_fault(7, "/title", "required", NULL);
    assert_int_equal(c.faults->nelts, 8);
}


static void
knows_no_field_by_half_its_name(void **state)
{
    (void) state;

    check("{\"titl\":\"t\",\"titles\":\"t\",\"Title\":\"t\",\"\":\"t\"}");
    assert_fault(0, "/titl", "unknown_field", NULL);
    assert_fault(1, "/titles", "unknown_field", NULL);
    assert_fault(2, "/Title", "unknown_field", NULL);
    assert_fault(3, "/", "unknown_field", NULL);
    assert_int_equal(c.faults->nelts, 4);
}


static void
escapes_pointers(void **state)
{
    (void) state;

    check("{\"a/b~c\":[1],\"~\":1,\"/\":1,\"~1\":1,\"\\u00e9\\\"\\n\":1}");
    assert_fault(0, "/a~1b~0c/0", "invalid_type", NULL);
    assert_fault(1, "/~0", "unknown_field", NULL);
    assert_fault(2, "/~1", "unknown_field", NULL);
    assert_fault(3, "/~01", "unknown_field", NULL);
    assert_fault(4, "/\xc3\xa9\"\n", "unknown_field", NULL);
}


static void
bounds_the_faults(void **state)
{
    char        text[4000], *p;
    ngx_uint_t  i;

    (void) state;

    p = text + sprintf(text, "{");

    for (i = 0; i < 200; i++) {
        p += sprintf(p, "\"x%d\":1,", (int) i);
    }

    sprintf(p, "\"title\":1}");

    check_whole(text);
    assert_int_equal(c.faults->nelts, NGX_API_FAULTS_MAX);
    assert_fault(0, "/x0", "unknown_field", NULL);
    assert_fault(NGX_API_FAULTS_MAX - 1, "/x49", "unknown_field", NULL);
}


static void
checks_types(void **state)
{
    size_t           i, j;
    char             text[100], where[20];
    static const char  *names[] = {
        "title", "note", "password", "email", "owner", "due", "status",
        "labels", "count", "flag"
    };
    static const char  *others[] = { "{}", "[]", "1", "1.5", "true", "\"x\"" };
    static const char    types[] = "sssssssain";

    (void) state;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        for (j = 0; j < sizeof(others) / sizeof(others[0]); j++) {

            if ((types[i] == 's' && others[j][0] == '"')
                || (types[i] == 'a' && others[j][0] == '[')
                || (types[i] == 'i' && strcmp(others[j], "1") == 0)
                || (types[i] == 'n' && others[j][0] == 't'))
            {
                continue;
            }

            sprintf(text, "{\"%s\":%s}", names[i], others[j]);
            sprintf(where, "/%s", names[i]);

            check(text);
            assert_only(where, "invalid_type", NULL);
        }
    }
}


static void
counts_code_points(void **state)
{
    (void) state;

    check("{\"title\":\"\"}");
    assert_only("/title", "too_short", "must be at least 1 character long");

    check("{\"title\":\"abcde\"}");
    assert_value(TITLE, "abcde", 1);

    check("{\"title\":\"\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80"
          "\xf0\x9f\x98\x80\xe2\x82\xac\"}");
    assert_int_equal(c.faults->nelts, 0);
    assert_int_equal(c.values[TITLE].len, 19);

    check("{\"title\":\"abcdef\"}");
    assert_only("/title", "too_long", "must be at most 5 characters long");

    check("{\"title\":\"\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\"}");
    assert_only("/title", "too_long", NULL);
}


static void
counts_bytes(void **state)
{
    char    text[200];
    size_t  n;

    (void) state;

    for (n = 0; n < 80; n++) {
        strcpy(text, "{\"password\":\"");
        memset(text + 13, 'x', n);
        strcpy(text + 13 + n, "\"}");
        check(text);

        if (n < 8) {
            assert_only("/password", "too_short",
                        "must be at least 8 bytes long");

        } else if (n > 72) {
            assert_only("/password", "too_long",
                        "must be at most 72 bytes long");

        } else {
            assert_int_equal(c.faults->nelts, 0);
            assert_int_equal(c.values[PASSWORD].len, n);
        }
    }

    check("{\"password\":\"\\u20ac\\u20ac\\u20ac\"}");
    assert_value(PASSWORD, "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac", 1);
}


static void
checks_addresses(void **state)
{
    char    text[400];
    size_t  n, i;

    (void) state;

    check("{\"email\":\"a@b\"}");
    assert_only("/email", "invalid_format", NULL);

    check("{\"email\":\"\"}");
    assert_only("/email", "invalid_format", NULL);

    for (n = 253; n < 257; n++) {
        strcpy(text, "{\"email\":\"");
        memset(text + 10, 'b', n);
        memcpy(text + 10, "aa@", 3);

        for (i = 4; i < n - 2; i += 2) {
            text[10 + i] = '.';
        }

        strcpy(text + 10 + n, "\"}");
        check(text);

        if (n <= 254) {
            assert_int_equal(c.faults->nelts, 0);
            assert_int_equal(c.values[EMAIL].len, n);

        } else {
            assert_only("/email", "too_long", "must be at most 254 bytes long");
        }
    }
}


static void
checks_formats(void **state)
{
    (void) state;

    check("{\"owner\":\"{017f22e2-79b0-7cc3-98c4-dc0c0c07398f}\"}");
    assert_only("/owner", "invalid_format", "must be a UUID");

    check("{\"due\":\"infinity\"}");
    assert_only("/due", "invalid_format", NULL);

    check("{\"due\":\"now\"}");
    assert_only("/due", "invalid_format", NULL);

    check("{\"due\":\"2026-02-30T00:00:00Z\"}");
    assert_only("/due", "invalid_format", NULL);

    check("{\"due\":\"2026-01-01 00:00:00Z\"}");
    assert_only("/due", "invalid_format", NULL);

    check("{\"status\":\"\"}");
    assert_only("/status", "invalid_value", NULL);

    check("{\"status\":\"Todo\"}");
    assert_only("/status", "invalid_value", NULL);

    check("{\"status\":\"todo,done\"}");
    assert_only("/status", "invalid_value", NULL);
}


static void
checks_integers(void **state)
{
    size_t  i;
    char    text[60];

    static const struct {
        const char  *in;
        const char  *code;
    } cases[] = {
        { "-5", NULL }, { "0", NULL }, { "100", NULL }, { "-0", NULL },
        { "-6", "out_of_range" }, { "101", "out_of_range" },
        { "9223372036854775807", "out_of_range" },
        { "-9223372036854775808", "out_of_range" },
        { "9223372036854775808", "out_of_range" },
        { "-9223372036854775809", "out_of_range" },
        { "1e300", "out_of_range" }, { "-1e300", "out_of_range" },
        { "1.0", "invalid_type" }, { "1e1", "invalid_type" },
        { "0.5", "invalid_type" }, { "\"1\"", "invalid_type" },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        sprintf(text, "{\"count\":%s}", cases[i].in);
        check(text);

        if (cases[i].code == NULL) {
            assert_int_equal(c.faults->nelts, 0);
            assert_true(c.values[COUNT].integer == atoi(cases[i].in));
            assert_int_equal(atoi(c.values[COUNT].text), atoi(cases[i].in));

        } else {
            assert_only("/count", cases[i].code, NULL);
        }
    }
}


static void
folds_and_quotes_labels(void **state)
{
    (void) state;

    check("{\"labels\":[]}");
    assert_value(LABELS, "{}", 1);

    check("{\"labels\":[\"b\",\"a\",\"b\"]}");
    assert_value(LABELS, "{\"b\",\"a\"}", 1);

    check("{\"labels\":[\"a\",\"A\"]}");
    assert_value(LABELS, "{\"a\",\"A\"}", 1);

    check("{\"labels\":[\"b\\\"c\",\"d\\\\e\",\"{,}\"]}");
    assert_value(LABELS, "{\"b\\\"c\",\"d\\\\e\",\"{,}\"}", 1);

    check("{\"labels\":[\"NULL\",\" x \",\"\\n\"]}");
    assert_value(LABELS, "{\"NULL\",\" x \",\"\n\"}", 1);

    check("{\"labels\":[\"\\\\\\\\\\\\\\\\\\\\\",\"\\\"\\\"\\\"\\\"\\\"\"]}");
    assert_value(LABELS, "{\"\\\\\\\\\\\\\\\\\\\\\","
                         "\"\\\"\\\"\\\"\\\"\\\"\"}", 1);

    check("{\"labels\":[\"\xf0\x9f\x98\x80\",\"\\u00e9\\u00e9\"]}");
    assert_value(LABELS, "{\"\xf0\x9f\x98\x80\",\"\xc3\xa9\xc3\xa9\"}", 1);
}


static void
checks_each_label(void **state)
{
    (void) state;

    check("{\"labels\":[\"\",\"abcdef\",null]}");
    assert_fault(0, "/labels/0", "too_short", NULL);
    assert_fault(1, "/labels/1", "too_long", NULL);
    assert_fault(2, "/labels/2", "invalid_type", NULL);
    assert_int_equal(c.faults->nelts, 3);

    check("{\"labels\":[\"a\",1,[\"b\"]]}");
    assert_fault(0, "/labels/1", "invalid_type", NULL);
    assert_fault(1, "/labels/2", "invalid_type", NULL);
    assert_int_equal(c.faults->nelts, 2);

    check("{\"labels\":[\"a\",\"b\",\"c\",\"d\"]}");
    assert_only("/labels", "too_many", "must have at most 3 items");

    check("{\"labels\":[\"a\",\"a\",\"a\",\"a\"]}");
    assert_only("/labels", "too_many", NULL);

    check("{\"labels\":[1,\"b\",\"c\",4,5,6,7,8]}");
    assert_fault(0, "/labels", "too_many", NULL);
    assert_fault(1, "/labels/0", "invalid_type", NULL);
    assert_int_equal(c.faults->nelts, 2);
}


static void
knows_an_empty_table(void **state)
{
    (void) state;

    c.body = json_pack("{s:i}", "a", 1);
    c.faults = ngx_array_create(c.pool, 1, sizeof(ngx_api_fault_t));

    assert_int_equal(ngx_api_schema_check(c.pool, NULL, c.body, 0, NULL,
                                          c.faults),
                     NGX_OK);
    assert_only("/a", "unknown_field", NULL);
}


static void
wants_exactly_one_of(void **state)
{
    size_t  i;

    static const ngx_api_field_t  some[] = {
        { ngx_string("x"), .type = NGX_API_INTEGER, .max = 9 },
        { ngx_string("a"), .type = NGX_API_INTEGER, NGX_API_ONE_OF, .max = 9 },
        { ngx_string("b"), .type = NGX_API_INTEGER, NGX_API_ONE_OF, .max = 9 },
        { ngx_string("c"), .type = NGX_API_INTEGER, NGX_API_ONE_OF, .max = 9 },
        ngx_api_null_field
    };

    /* the faults' last letters; of a PATCH, none */

    static const struct {
        const char  *body, *required, *excess;
    } cases[] = {
        { "{}", "a", "" }, { "{\"x\":1}", "a", "" }, { "{\"b\":1}", "", "" },
        { "{\"c\":1,\"x\":1}", "", "" }, { "{\"b\":1,\"a\":1}", "", "b" },
        { "{\"c\":1,\"b\":1,\"a\":1}", "", "bc" }
    };

    (void) state;

    for (i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
        ngx_uint_t   n, partial = i & 1;
        const char  *p, *code = cases[i / 2].required[0] ? "required"
                                                  : "mutually_exclusive";
        char         where[] = "/?";

        json_decref(c.body);
        c.body = json_loads(cases[i / 2].body, 0, NULL);
        c.faults = ngx_array_create(c.pool, 1, sizeof(ngx_api_fault_t));

        assert_int_equal(ngx_api_schema_check(c.pool, some, c.body, partial,
                                              c.values, c.faults),
                         NGX_OK);

        p = cases[i / 2].required[0] ? cases[i / 2].required
                                     : cases[i / 2].excess;

        for (n = 0; !partial && p[n]; n++) {
            where[1] = p[n];
            assert_fault(n, where, code, NULL);
        }

        assert_int_equal(c.faults->nelts, n);
    }
}


static void
copies_where(void **state)
{
    char        text[] = "/title";
    ngx_str_t   where;
    ngx_uint_t  n;

    (void) state;

    c.faults = ngx_array_create(c.pool, 1, sizeof(ngx_api_fault_t));

    where.data = (u_char *) text;
    where.len = 6;

    assert_int_equal(ngx_api_fault_add(c.faults, &where, "a_code", "A detail."),
                     NGX_OK);
    text[1] = 'T';

    assert_only("/title", "a_code", "A detail.");

    for (n = 0; n < 100; n++) {
        assert_int_equal(ngx_api_fault_add(c.faults, &where, "b", "x"),
                         NGX_OK);
    }

    /* whoever adds them one by one knows how many there are */

    assert_int_equal(c.faults->nelts, 101);
}


static void
survives_each_failed_allocation(void **state)
{
    size_t       i;
    json_t      *body;
    ngx_uint_t   n;

    static const char  *bodies[] = {
        "{\"title\":\"t\",\"owner\":\"017F22E2-79B0-7CC3-98C4-DC0C0C07398F\","
        "\"due\":\"2026-01-01T00:00:00Z\",\"labels\":[\"a\",\"b\"],"
        "\"count\":1,\"flag\":true,\"status\":\"todo\"}",

        "{\"owner\":1,\"due\":\"x\",\"labels\":[1,\"\",\"c\",\"d\"],"
        "\"count\":1000,\"flag\":1,\"status\":\"x\",\"id\":1,\"xx\":1,"
        "\"password\":\"\",\"email\":\"\"}",

        "[]"
    };

    (void) state;

    for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {

        json_decref(c.body);
        c.body = body = json_loads(bodies[i], 0, NULL);
        assert_non_null(body);

        for (n = 1; /* void */ ; n++) {
            ngx_destroy_pool(c.pool);
            c.pool = unit_pool();

            unit_fail_at(n);

            if (check_json(body, 0) == NGX_OK) {
                break;
            }

            assert_true(unit_failed());
        }

        assert_false(unit_failed());
        assert_int_equal(c.faults->nelts, i == 0 ? 0 : i == 1 ? 13 : 1);
        assert_true(n > (i == 1 ? 30 : 2));
    }
}


#define unit(f)  cmocka_unit_test_setup_teardown(f, setup, teardown)


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        unit(accepts_a_whole_body),
        unit(presets_what_is_absent),
        unit(leaves_a_partial_body_alone),
        unit(requires_the_required),
        unit(tells_null_from_absent),
        unit(refuses_what_is_no_object),
        unit(lists_every_fault_in_order),
        unit(knows_no_field_by_half_its_name),
        unit(escapes_pointers),
        unit(bounds_the_faults),
        unit(checks_types),
        unit(counts_code_points),
        unit(counts_bytes),
        unit(checks_addresses),
        unit(checks_formats),
        unit(checks_integers),
        unit(folds_and_quotes_labels),
        unit(checks_each_label),
        unit(knows_an_empty_table),
        unit(wants_exactly_one_of),
        unit(copies_where),
        unit(survives_each_failed_allocation),
    };

    return unit_run(tests);
}
