
#include "ngx_unit.h"
#include "ngx_api_fields.h"


/* a row of each shape and presence, with each filter and sort */

#define THING_FIELDS(W, R)                                                    \
    R(id, uuid, UUID, NOT_NULL, NO, NO)                                       \
    W(name, text, STRING(1, 20), REQUIRED, FILTER(name), NO)                  \
    W(kind, x.kind, ENUM(kinds), PRESET("big"), FILTER(kind), SORT)           \
    W(tags, text[], LABELS(3, 1, 9), PRESET("{}"), FILTER(tag), NO)           \
    W(due_at, timestamptz, TIMESTAMP, NULLABLE, FILTER(due), SORT)            \
    W(size, integer, INTEGER(-5, 5), NULLABLE, FILTER(size), SORT)            \
    W(flag, boolean, BOOLEAN, PRESET("f"), FILTER(flag), NO)                  \
    W(owner_id, uuid, MEMBER, NULLABLE, FILTER(owner), NO)                    \
    W(box_id, uuid, UUID, PRESET(NULL), FILTER(box), NO)                      \
    W(uses, text[], NAMES(kinds, 1, 2), PRESET("{small}"), FILTER(use), NO)   \
    W(link, text, CHECKED(url, 1, 99), REQUIRED, FILTER(link), NO)            \
    R(made_at, timestamptz, TIMESTAMP, NOT_NULL, FILTER(made), SORT_ID)


enum {
    WRITABLE = 0 THING_FIELDS(ngx_api_field_count, ngx_api_field_skip),
    ALL = 0 THING_FIELDS(ngx_api_field_count, ngx_api_field_count),
    ARGS = 0 THING_FIELDS(ngx_api_field_nargs, ngx_api_field_nargs)
};


static const ngx_str_t  kinds[] = {
    ngx_string("big"),
    ngx_string("small"),
    ngx_null_string
};


static ngx_uint_t
check_url(const u_char *text, size_t len)
{
    (void) text;

    return len % 2;
}


static const ngx_api_check_fault_t  url_faults[] = { { "odd", "odd" },
                                                     { NULL, NULL } };

static const ngx_api_check_t        url = { check_url, url_faults };


static const ngx_api_field_t  body[] = {
    ngx_api_field_table(THING_FIELDS)
};


static const ngx_api_field_t  args[] = {
    THING_FIELDS(ngx_api_field_args, ngx_api_field_args)
    ngx_api_null_field
};


static const ngx_str_t  sorts[] = {
    THING_FIELDS(ngx_api_field_sorts, ngx_api_field_sorts)
    ngx_null_string
};


static void
assert_field(const ngx_api_field_t *field, const ngx_api_field_t *want)
{
    assert_text_equal(field->name.data, want->name.data);
    assert_int_equal(field->name.len, want->name.len);
    assert_int_equal(field->type, want->type);
    assert_int_equal(field->flags, want->flags);
    assert_int_equal(field->min, want->min);
    assert_int_equal(field->max, want->max);
    assert_int_equal(field->items, want->items);
    assert_ptr_equal(field->of, want->of);

    if (want->preset == NULL) {
        assert_null(field->preset);
        return;
    }

    assert_string_equal(field->preset, want->preset);
}


/* first what a client may set, in the order of the rows, then the rest */

static void
makes_the_table_of_bodies(void **state)
{
    ngx_uint_t  i;

    static const ngx_api_field_t  want[] = {
        { ngx_string("name"), NGX_API_STRING, NGX_API_REQUIRED,
          1, 20, 0, NULL, NULL },
        { ngx_string("kind"), NGX_API_ENUM, 0, 0, 0, 0, kinds, "big" },
        { ngx_string("tags"), NGX_API_LABELS, 0, 1, 9, 3, NULL, "{}" },
        { ngx_string("due_at"), NGX_API_TIMESTAMP, NGX_API_NULLABLE,
          0, 0, 0, NULL, NULL },
        { ngx_string("size"), NGX_API_INTEGER, NGX_API_NULLABLE,
          -5, 5, 0, NULL, NULL },
        { ngx_string("flag"), NGX_API_BOOLEAN, 0, 0, 0, 0, NULL, "f" },
        { ngx_string("owner_id"), NGX_API_UUID, NGX_API_NULLABLE,
          0, 0, 0, NULL, NULL },
        { ngx_string("box_id"), NGX_API_UUID, 0, 0, 0, 0, NULL, NULL },
        { ngx_string("uses"), NGX_API_NAMES, 0, 1, 2, 0, kinds, "{small}" },
        { ngx_string("link"), NGX_API_CHECKED, NGX_API_REQUIRED,
          1, 99, 0, &url, NULL },
        { ngx_string("id"), NGX_API_STRING, NGX_API_READ_ONLY,
          0, 0, 0, NULL, NULL },
        { ngx_string("made_at"), NGX_API_STRING, NGX_API_READ_ONLY,
          0, 0, 0, NULL, NULL }
    };

    (void) state;

    assert_int_equal(WRITABLE, 10);
    assert_int_equal(ALL, 12);
    assert_int_equal(sizeof(body) / sizeof(body[0]), ALL + 1);

    for (i = 0; i < ALL; i++) {
        assert_field(&body[i], &want[i]);
    }

    assert_null(body[ALL].name.data);
}


static void
makes_the_table_of_arguments(void **state)
{
    ngx_uint_t  i;

    static const ngx_api_field_t  want[] = {
        { ngx_string("name"), NGX_API_STRING, 0, 1, 20, 0, NULL, NULL },
        { ngx_string("kind"), NGX_API_ENUM_LIST, 0, 0, 0, 0, kinds, NULL },
        { ngx_string("tag"), NGX_API_STRING, 0, 1, 9, 0, NULL, NULL },
        { ngx_string("due_before"), NGX_API_TIMESTAMP, 0,
          0, 0, 0, NULL, NULL },
        { ngx_string("due_after"), NGX_API_TIMESTAMP, 0,
          0, 0, 0, NULL, NULL },
        { ngx_string("due"), NGX_API_ENUM, 0,
          0, 0, 0, ngx_api_none_names, NULL },
        { ngx_string("size"), NGX_API_INTEGER, 0, -5, 5, 0, NULL, NULL },
        { ngx_string("flag"), NGX_API_BOOLEAN, 0, 0, 0, 0, NULL, NULL },
        { ngx_string("owner"), NGX_API_UUID, 0,
          0, 0, 0, ngx_api_member_names, NULL },
        { ngx_string("box"), NGX_API_UUID, 0, 0, 0, 0, NULL, NULL },
        { ngx_string("use"), NGX_API_ENUM, 0, 0, 0, 0, kinds, NULL },
        { ngx_string("link"), NGX_API_STRING, 0, 1, 99, 0, NULL, NULL },
        { ngx_string("made_before"), NGX_API_TIMESTAMP, 0,
          0, 0, 0, NULL, NULL },
        { ngx_string("made_after"), NGX_API_TIMESTAMP, 0,
          0, 0, 0, NULL, NULL }
    };

    (void) state;

    assert_int_equal(ARGS, sizeof(want) / sizeof(want[0]));
    assert_int_equal(sizeof(args) / sizeof(args[0]), ARGS + 1);

    for (i = 0; i < ARGS; i++) {
        assert_field(&args[i], &want[i]);
    }
}


static void
names_the_orders(void **state)
{
    ngx_uint_t  i;

    static const char  *want[] = {
        "kind", "-kind", "due_at", "-due_at", "size", "-size",
        "made_at", "-made_at"
    };

    (void) state;

    for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        assert_text_equal(sorts[i].data, want[i]);
        assert_int_equal(sorts[i].len, strlen(want[i]));
    }

    assert_null(sorts[i].data);
}


/* an argument for a member: an id, or a name */

static void
takes_a_name_for_a_member(void **state)
{
    ngx_str_t         query;
    ngx_uint_t        i;
    ngx_pool_t       *pool;
    ngx_array_t      *faults;
    ngx_api_fault_t  *fault;
    ngx_api_value_t   values[ARGS];

    static const struct {
        const char  *query;
        const char  *text;
    } cases[] = {
        { "owner=me", "me" },
        { "owner=none", "none" },
        { "owner=017F22E2-79B0-7CC3-98C4-DC0C0C07398F",
          "017f22e2-79b0-7cc3-98c4-dc0c0c07398f" },
        { "owner=", NULL },
        { "owner=ME", NULL },
        { "owner=me,none", NULL },
        { "owner=017f22e2", NULL }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        pool = unit_pool();
        faults = ngx_array_create(pool, 1, sizeof(ngx_api_fault_t));
        assert_non_null(faults);

        query.len = strlen(cases[i].query);
        query.data = unit_copy(pool, cases[i].query, query.len);

        assert_int_equal(ngx_api_schema_check_args(pool, args, &query, values,
                                                   faults),
                         NGX_OK);

        if (cases[i].text) {
            assert_int_equal(faults->nelts, 0);
            assert_string_equal(values[8].text, cases[i].text);
            assert_int_equal(values[8].len, strlen(cases[i].text));

        } else {
            assert_int_equal(faults->nelts, 1);
            fault = faults->elts;
            assert_string_equal(fault->code, "invalid_value");
            assert_text_equal(fault->detail.data,
                              "must be a UUID or one of: me, none");
        }

        ngx_destroy_pool(pool);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(makes_the_table_of_bodies),
        cmocka_unit_test(makes_the_table_of_arguments),
        cmocka_unit_test(names_the_orders),
        cmocka_unit_test(takes_a_name_for_a_member),
    };

    return unit_run(tests);
}
