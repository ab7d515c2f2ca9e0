
#define FAULTS  faults

#include "api_fault.h"


enum {
    LIMIT = 0, CURSOR, STATUS, SORT, LABEL, PROJECT, BEFORE, UNREAD, FIELDS
};


static const ngx_str_t  statuses[] = {
    ngx_string("todo"),
    ngx_string("in_progress"),
    ngx_string("done"),
    ngx_null_string
};


static const ngx_str_t  sorts[] = {
    ngx_string("created_at"),
    ngx_string("-created_at"),
    ngx_null_string
};


static const ngx_api_field_t  fields[] = {
    { ngx_string("limit"), NGX_API_INTEGER, 0, 1, 100, 0, NULL, "20" },
    { ngx_string("cursor"), NGX_API_CURSOR, 0, 0, 0, 0, NULL, NULL },
    { ngx_string("status"), NGX_API_ENUM_LIST, 0, 0, 0, 0, statuses, NULL },
    { ngx_string("sort"), NGX_API_ENUM, 0, 0, 0, 0, sorts, "-created_at" },
    { ngx_string("label"), NGX_API_STRING, 0, 1, 5, 0, NULL, NULL },
    { ngx_string("project"), NGX_API_UUID, 0, 0, 0, 0, NULL, NULL },
    { ngx_string("before"), NGX_API_TIMESTAMP, 0, 0, 0, 0, NULL, NULL },
    { ngx_string("unread"), NGX_API_BOOLEAN, 0, 0, 0, 0, NULL, "f" },
    ngx_api_null_field
};


static const ngx_api_field_t  required[] = {
    { ngx_string("q"), NGX_API_STRING, NGX_API_REQUIRED,
      0, 100, 0, NULL, NULL },
    ngx_api_null_field
};


static ngx_pool_t       *pool;
static ngx_array_t      *faults;
static ngx_api_value_t   values[FIELDS];


static ngx_int_t
check_table(const ngx_api_field_t *table, const void *text, size_t len)
{
    ngx_str_t  args;

    args.len = len;
    args.data = (u_char *) text;

    memset(values, 0xa5, sizeof(values));

    faults = ngx_array_create(pool, 1, sizeof(ngx_api_fault_t));
    if (faults == NULL) {
        return NGX_ERROR;
    }

    return ngx_api_schema_check_args(pool, table, &args, values, faults);
}


static void
check_len(const char *text, size_t len)
{
    assert_int_equal(check_table(fields, unit_copy(pool, text, len), len),
                     NGX_OK);
}


static void
check(const char *text)
{
    check_len(text, strlen(text));
}


static void
assert_value(ngx_uint_t i, const char *text, ngx_uint_t set)
{
    assert_int_equal(faults->nelts, 0);
    assert_int_equal(values[i].set, set);

    if (text == NULL) {
        assert_null(values[i].text);
        return;
    }

    assert_non_null(values[i].text);
    assert_string_equal(values[i].text, text);
    assert_int_equal(values[i].len, strlen(text));
}


static int
setup(void **state)
{
    (void) state;

    pool = unit_pool();

    return 0;
}


static int
teardown(void **state)
{
    (void) state;

    ngx_destroy_pool(pool);

    return 0;
}


static void
accepts_each_type(void **state)
{
    (void) state;

    check("limit=100&cursor=AbC_-9&status=done,todo&sort=created_at&label=x"
          "&project=017F22E2-79B0-7CC3-98C4-DC0C0C07398F"
          "&before=2026-01-01T01:00:00%2B01:00&unread=true");

    assert_value(LIMIT, "100", 1);
    assert_int_equal(values[LIMIT].integer, 100);
    assert_value(CURSOR, "AbC_-9", 1);
    assert_value(STATUS, "{\"done\",\"todo\"}", 1);
    assert_value(SORT, "created_at", 1);
    assert_int_equal(values[SORT].integer, 0);
    assert_value(LABEL, "x", 1);
    assert_value(PROJECT, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f", 1);
    assert_value(BEFORE, "2026-01-01T00:00:00Z", 1);
    assert_true(values[BEFORE].integer == INT64_C(1767225600000000));
    assert_value(UNREAD, "t", 1);
    assert_int_equal(values[UNREAD].integer, 1);
}


static void
presets_what_is_absent(void **state)
{
    size_t              i;
    static const char  *empty[] = { "", "&", "&&&" };

    (void) state;

    for (i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
        check(empty[i]);

        assert_value(LIMIT, "20", 0);
        assert_int_equal(values[LIMIT].integer, 20);
        assert_value(SORT, "-created_at", 0);
        assert_int_equal(values[SORT].integer, 1);
        assert_value(UNREAD, "f", 0);
        assert_int_equal(values[UNREAD].integer, 0);
        assert_value(CURSOR, NULL, 0);
        assert_value(STATUS, NULL, 0);
    }

    assert_int_equal(check_table(fields, NULL, 0), NGX_OK);
    assert_value(LIMIT, "20", 0);
}


static void
passes_over_empty_pieces(void **state)
{
    (void) state;

    check("&limit=5&&label=a&");
    assert_value(LIMIT, "5", 1);
    assert_value(LABEL, "a", 1);
}


static void
decodes(void **state)
{
    (void) state;

    check("label=a+b%20c");
    assert_value(LABEL, "a b c", 1);

    check("l%61be%6C=%2b%26%3D%25");
    assert_value(LABEL, "+&=%", 1);

    check("label=a=b=c");
    assert_value(LABEL, "a=b=c", 1);

    check("label=%F0%9f%98%80%C3%A9");
    assert_value(LABEL, "\xf0\x9f\x98\x80\xc3\xa9", 1);

    check("label=\xc3\xa9");
    assert_value(LABEL, "\xc3\xa9", 1);
}


static void
refuses_malformed_values(void **state)
{
    size_t              i;
    char                text[60];
    static const char  *bad[] = {
        "%", "%4", "%zz", "%4g", "%g4", "a%", "a%2", "%%41", "%u0041",
        "%ff", "%C3", "%C0%80", "%ED%A0%80", "\xff", "a\xc3", "%-1", "% 1",
    };

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        sprintf(text, "label=%s", bad[i]);
        check(text);
        assert_only("label", "invalid_format", NULL);

        /* the piece that follows is no part of it */

        sprintf(text, "label=%s&limit=41", bad[i]);
        check(text);
        assert_only("label", "invalid_format", NULL);
        assert_int_equal(values[LIMIT].integer, 41);

        sprintf(text, "limit=%s", bad[i]);
        check(text);
        assert_only("limit", "invalid_format", NULL);
    }

    check("label=a%00b");
    assert_only("label", "invalid_value", NULL);

    check("limit=5%00");
    assert_only("limit", "invalid_value", NULL);

    check_len("label=a\0b", 9);
    assert_only("label", "invalid_value", NULL);
}


static void
refuses_malformed_names(void **state)
{
    (void) state;

    check("%zz=1");
    assert_only("%zz", "invalid_format", NULL);

    check("%=1");
    assert_only("%", "invalid_format", NULL);

    check("a%ffb=1");
    assert_only("a%ffb", "invalid_format", NULL);

    check("a\xff\x80 b\x01=1");
    assert_only("a???b?", "invalid_format", NULL);

    check("limit%00=1");
    assert_int_equal(faults->nelts, 1);
    assert_string_equal(((ngx_api_fault_t *) faults->elts)->code,
                        "unknown_parameter");
    assert_int_equal(((ngx_api_fault_t *) faults->elts)->where.len, 6);
}


static void
refuses_unknown_and_repeated(void **state)
{
    (void) state;

    check("foo=1&limit=5&Limit=6&limits=1&limi=2&=3&foo&%66oo=2");
    assert_fault(0, "foo", "unknown_parameter", NULL);
    assert_fault(1, "Limit", "unknown_parameter", NULL);
    assert_fault(2, "limits", "unknown_parameter", NULL);
    assert_fault(3, "limi", "unknown_parameter", NULL);
    assert_fault(4, "", "unknown_parameter", NULL);
    assert_fault(5, "foo", "unknown_parameter", NULL);
    assert_fault(6, "foo", "unknown_parameter", NULL);
    assert_int_equal(faults->nelts, 7);

    check("limit=5&limit=5");
    assert_only("limit", "repeated", NULL);

    check("limit=x&lim%69t=5");
    assert_fault(0, "limit", "invalid_type", NULL);
    assert_fault(1, "limit", "repeated", NULL);
    assert_int_equal(faults->nelts, 2);
}


static void
bounds_the_faults(void **state)
{
    char        text[1000], *p;
    ngx_uint_t  i;

    (void) state;

    p = text;

    for (i = 0; i < 200; i++) {
        p += sprintf(p, "x=1&");
    }

    check(text);
    assert_int_equal(faults->nelts, NGX_API_FAULTS_MAX);
}


static void
checks_integers(void **state)
{
    size_t  i;
    char    text[100];

    static const char  *good[] = { "1", "9", "10", "99", "100" };

    static const struct {
        const char  *in;
        const char  *code;
    } bad[] = {
        { "0", "out_of_range" }, { "101", "out_of_range" },
        { "-1", "out_of_range" }, { "-100", "out_of_range" },
        { "9223372036854775807", "out_of_range" },
        { "9223372036854775808", "out_of_range" },
        { "-9223372036854775808", "out_of_range" },
        { "-9223372036854775809", "out_of_range" },
        { "18446744073709551617", "out_of_range" },
        { "99999999999999999999", "out_of_range" },
        { "36893488147419103233", "out_of_range" },
        { "", "invalid_type" }, { "1.0", "invalid_type" },
        { "%2B5", "invalid_type" }, { "+5", "invalid_type" },
        { "1e1", "invalid_type" }, { "0x10", "invalid_type" },
        { "05", "invalid_type" }, { "00", "invalid_type" },
        { "-0", "invalid_type" }, { "-", "invalid_type" },
        { "--1", "invalid_type" }, { "5+", "invalid_type" },
        { "5%20", "invalid_type" }, { "5,6", "invalid_type" },
        { "a", "invalid_type" }, { "5a", "invalid_type" },
        { "99999999999999999999x", "invalid_type" },
        { "%D9%A5", "invalid_type" },
    };

    (void) state;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        sprintf(text, "limit=%s", good[i]);
        check(text);
        assert_value(LIMIT, good[i], 1);
        assert_int_equal(values[LIMIT].integer, atoi(good[i]));
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        sprintf(text, "limit=%s", bad[i].in);
        check(text);
        assert_only("limit", bad[i].code,
                    strcmp(bad[i].code, "out_of_range") == 0
                    ? "must be between 1 and 100" : "must be an integer");
    }

    check("limit");
    assert_only("limit", "invalid_type", NULL);
}


static void
holds_the_widest_bounds(void **state)
{
    size_t  i;
    char    text[60];

    static const ngx_api_field_t  wide[] = {
        { ngx_string("n"), NGX_API_INTEGER, 0, INT64_MIN, INT64_MAX, 0, NULL,
          "-9223372036854775808" },
        ngx_api_null_field
    };

    static const char  *good[] = {
        "0", "9223372036854775807", "-9223372036854775808",
        "9223372036854775799", "-1"
    };

    static const char  *bad[] = {
        "9223372036854775808", "-9223372036854775809", "9223372036854775810",
        "18446744073709551616", "18446744073709551615"
    };

    (void) state;

    assert_int_equal(check_table(wide, "", 0), NGX_OK);
    assert_value(0, "-9223372036854775808", 0);
    assert_true(values[0].integer == INT64_MIN);

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        sprintf(text, "n=%s", good[i]);
        assert_int_equal(check_table(wide, text, strlen(text)), NGX_OK);
        assert_value(0, good[i], 1);
        assert_true(values[0].integer == strtoll(good[i], NULL, 10));
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        sprintf(text, "n=%s", bad[i]);
        assert_int_equal(check_table(wide, text, strlen(text)), NGX_OK);
        assert_only("n", "out_of_range", NULL);
    }
}


static void
checks_lists_of_names(void **state)
{
    size_t              i;
    char                text[100];
    static const char  *bad[] = {
        "", ",", "todo,", ",todo", "todo,,done", "x", "todo,x", "Todo",
        "todo, done", "todo%20", "tod", "todoo", "{todo}", "%22todo%22",
    };

    (void) state;

    check("status=todo");
    assert_value(STATUS, "{\"todo\"}", 1);

    check("status=todo%2cdone");
    assert_value(STATUS, "{\"todo\",\"done\"}", 1);

    check("status=done,todo,in_progress,todo,done,done,done,done");
    assert_value(STATUS, "{\"done\",\"todo\",\"in_progress\"}", 1);

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        sprintf(text, "status=%s", bad[i]);
        check(text);
        assert_only("status", "invalid_value",
                    "must be a comma-separated list of: "
                    "todo, in_progress, done");
    }

    check("sort=created_at,created_at");
    assert_only("sort", "invalid_value",
                "must be one of: created_at, -created_at");
}


static void
checks_other_types(void **state)
{
    char    text[1300];
    size_t  n;

    (void) state;

    check("label=");
    assert_only("label", "too_short", NULL);

    check("label");
    assert_only("label", "too_short", NULL);

    check("label=abcdef");
    assert_only("label", "too_long", NULL);

    check("label=%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9");
    assert_int_equal(faults->nelts, 0);

    check("project=me");
    assert_only("project", "invalid_format", NULL);

    check("before=2026-01-01T01:00:00+01:00");
    assert_only("before", "invalid_format", NULL);

    check("before=infinity");
    assert_only("before", "invalid_format", NULL);

    check("unread=1");
    assert_only("unread", "invalid_type", "must be true or false");

    check("unread=");
    assert_only("unread", "invalid_type", NULL);

    check("unread=falsey");
    assert_only("unread", "invalid_type", NULL);

    check("unread=false");
    assert_value(UNREAD, "f", 1);

    for (n = 0; n < 1200; n++) {
        strcpy(text, "cursor=");
        memset(text + 7, 'A', n);
        check_len(text, 7 + n);

        if (n == 0 || n > 1102) {
            assert_only("cursor", "invalid_value", NULL);

        } else {
            assert_int_equal(faults->nelts, 0);
            assert_int_equal(values[CURSOR].len, n);
        }
    }
}


static void
requires_the_required(void **state)
{
    (void) state;

    assert_int_equal(check_table(required, "", 0), NGX_OK);
    assert_only("q", "required", NULL);

    assert_int_equal(check_table(required, "q", 1), NGX_OK);
    assert_value(0, "", 1);
}


static void
presets_an_instant(void **state)
{
    static const ngx_api_field_t  table[] = {
        { ngx_string("since"), NGX_API_TIMESTAMP, 0, 0, 0, 0, NULL,
          "2026-01-01T00:00:00Z" },
        ngx_api_null_field
    };

    (void) state;

    assert_int_equal(check_table(table, "", 0), NGX_OK);
    assert_value(0, "2026-01-01T00:00:00Z", 0);
    assert_true(values[0].integer == INT64_C(1767225600000000));
}


static void
counts_in_good_english(void **state)
{
    static const ngx_api_field_t  table[] = {
        { ngx_string("one"), NGX_API_STRING, 0, 1, 1, 0, NULL, NULL },
        { ngx_string("two"), NGX_API_TEXT_BYTES, 0, 2, 2, 0, NULL, NULL },
        ngx_api_null_field
    };

    (void) state;

    assert_int_equal(check_table(table, "one=&two=", 9), NGX_OK);
    assert_fault(0, "one", "too_short", "must be at least 1 character long");
    assert_fault(1, "two", "too_short", "must be at least 2 bytes long");

    assert_int_equal(check_table(table, "one=ab&two=abc", 14), NGX_OK);
    assert_fault(0, "one", "too_long", "must be at most 1 character long");
    assert_fault(1, "two", "too_long", "must be at most 2 bytes long");
}


static void
refuses_a_list_of_labels(void **state)
{
    static const ngx_api_field_t  table[] = {
        { ngx_string("labels"), NGX_API_LABELS, 0, 1, 5, 3, NULL, NULL },
        ngx_api_null_field
    };

    (void) state;

    assert_int_equal(check_table(table, "labels=a", 8), NGX_OK);
    assert_only("labels", "invalid_type", NULL);
}


static void
knows_an_empty_table(void **state)
{
    (void) state;

    assert_int_equal(check_table(NULL, "a=1", 3), NGX_OK);
    assert_only("a", "unknown_parameter", NULL);

    assert_int_equal(check_table(NULL, "", 0), NGX_OK);
    assert_int_equal(faults->nelts, 0);
}


/* whatever comes, it is read within its bounds and told in UTF-8 */

static void
stands_noise(void **state)
{
    u_char      *text;
    size_t       i, len;
    ngx_uint_t   n, k;

    static const char  alphabet[] = "limt=&%+20c9s,uaoded\xff\xc3\xa9";

    (void) state;

    for (n = 0; n < 20000; n++) {
        ngx_destroy_pool(pool);
        pool = unit_pool();

        len = unit_random() % 40;
        text = ngx_pnalloc(pool, len);

        for (i = 0; i < len; i++) {
            text[i] = (u_char) alphabet[unit_random()
                                        % (sizeof(alphabet) - 1)];
        }

        assert_int_equal(check_table(fields, text, len), NGX_OK);

        for (k = 0; k < faults->nelts; k++) {
            json_t           *json;
            ngx_api_fault_t  *fault;

            fault = (ngx_api_fault_t *) faults->elts + k;

            json = json_stringn((char *) fault->where.data, fault->where.len);
            assert_non_null(json);
            json_decref(json);
        }
    }
}


static void
survives_each_failed_allocation(void **state)
{
    size_t       i;
    ngx_uint_t   n;

    static const char  *args[] = {
        "limit=5&status=todo,done&label=x&before=2026-01-01T00:00:00Z"
        "&project=017F22E2-79B0-7CC3-98C4-DC0C0C07398F",

        "limit=500&status=x&label=%00&before=x&project=x&foo=1&%zz=1"
        "&limit=5&unread=x&sort=x&cursor="
    };

    (void) state;

    for (i = 0; i < 2; i++) {
        for (n = 1; /* void */ ; n++) {
            ngx_destroy_pool(pool);
            pool = unit_pool();

            unit_fail_at(n);

            if (check_table(fields, args[i], strlen(args[i])) == NGX_OK) {
                break;
            }

            assert_true(unit_failed());
        }

        assert_false(unit_failed());
        assert_int_equal(faults->nelts, i == 0 ? 0 : 11);
        assert_true(n > 15);
    }
}


#define unit(f)  cmocka_unit_test_setup_teardown(f, setup, teardown)


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        unit(accepts_each_type),
        unit(presets_what_is_absent),
        unit(passes_over_empty_pieces),
        unit(decodes),
        unit(refuses_malformed_values),
        unit(refuses_malformed_names),
        unit(refuses_unknown_and_repeated),
        unit(bounds_the_faults),
        unit(checks_integers),
        unit(holds_the_widest_bounds),
        unit(checks_lists_of_names),
        unit(checks_other_types),
        unit(requires_the_required),
        unit(presets_an_instant),
        unit(counts_in_good_english),
        unit(refuses_a_list_of_labels),
        unit(knows_an_empty_table),
        unit(stands_noise),
        unit(survives_each_failed_allocation),
    };

    return unit_run(tests);
}
