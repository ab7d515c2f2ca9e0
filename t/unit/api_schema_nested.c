
/* Bodies that hold arrays and objects. */

#define FAULTS  c.faults

#include "api_fault.h"


enum { TASKS = 0, IDS, PATCH, OWNERS, KINDS, NUMBER, FIELDS };
enum { TITLE = 0, LABELS, STATUS, ID, MEMBERS };


static const ngx_str_t  statuses[] = {
    ngx_string("todo"),
    ngx_string("done"),
    ngx_null_string
};


/* digits, an even number of them */

static ngx_uint_t
check_number(const u_char *text, size_t len)
{
    size_t      i;
    ngx_uint_t  found;

    found = (len % 2) ? 2 : 0;

    for (i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') {
            found |= 1;
        }
    }

    return found;
}


static const ngx_api_check_fault_t  number_faults[] = {
    { "no_digit", "must be of digits" },
    { "odd", "must have an even number of digits" },
    { NULL, NULL }
};

static const ngx_api_check_t  number = { check_number, number_faults };


static const ngx_api_field_t  members[] = {
    { ngx_string("title"), NGX_API_STRING, NGX_API_REQUIRED,
      1, 5, 0, NULL, NULL },
    { ngx_string("la/bels"), NGX_API_LABELS, 0,
      1, 5, 3, NULL, "{}" },
    { ngx_string("status"), NGX_API_ENUM, NGX_API_NULLABLE,
      0, 0, 0, statuses, "done" },
    { ngx_string("id"), NGX_API_UUID, NGX_API_READ_ONLY,
      0, 0, 0, NULL, NULL },
    ngx_api_null_field
};


static const ngx_api_field_t  fields[] = {
    { ngx_string("tasks"), NGX_API_OBJECTS, NGX_API_REQUIRED,
      1, 3, 0, members, NULL },
    { ngx_string("ids"), NGX_API_UUIDS, NGX_API_REQUIRED,
      2, 100, 0, NULL, NULL },
    { ngx_string("patch"), NGX_API_OBJECT, NGX_API_PARTIAL,
      0, 0, 0, members, NULL },
    { ngx_string("owners"), NGX_API_UUIDS, NGX_API_NULLABLE,
      1, 1, 0, NULL, NULL },
    { ngx_string("kinds"), NGX_API_NAMES, 0,
      1, 2, 0, statuses, "{\"done\"}" },
    { ngx_string("number"), NGX_API_CHECKED, NGX_API_NULLABLE,
      1, 4, 0, &number, NULL },
    ngx_api_null_field
};


#define A "017f22e2-79b0-7cc3-98c4-dc0c0c07398a"
#define B "017f22e2-79b0-7cc3-98c4-dc0c0c07398b"


typedef struct {
    ngx_pool_t        *pool;
    json_t            *body;
    ngx_array_t       *faults;
    ngx_api_value_t    values[FIELDS];
} check_t;


static check_t  c;


static ngx_int_t
check_body(ngx_uint_t partial)
{
    c.faults = ngx_array_create(c.pool, 1, sizeof(ngx_api_fault_t));
    if (c.faults == NULL) {
        return NGX_ERROR;
    }

    memset(c.values, 0xa5, sizeof(c.values));

    return ngx_api_schema_check(c.pool, fields, c.body, partial, c.values,
                                c.faults);
}


static void
check(const char *text, ngx_uint_t partial)
{
    json_decref(c.body);

    c.body = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

    assert_non_null(c.body);
    assert_int_equal(check_body(partial), NGX_OK);
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
gives_the_members_of_each(void **state)
{
    const ngx_api_value_t  *v;

    (void) state;

    check("{\"tasks\":[{\"title\":\"a\",\"la/bels\":[\"x\"]},"
          "{\"status\":null,\"title\":\"b\"},{\"title\":\"c\"}],"
          "\"ids\":[\"" A "\",\"" B "\"],\"patch\":{\"title\":\"p\"}}", 0);

    assert_int_equal(c.faults->nelts, 0);

    assert_true(c.values[TASKS].integer == 3);
    assert_int_equal(c.values[TASKS].nmembers, MEMBERS);
    assert_null(c.values[TASKS].text);

    v = c.values[TASKS].members;

    assert_string_equal(v[TITLE].text, "a");
    assert_string_equal(v[LABELS].text, "{\"x\"}");
    assert_int_equal(v[LABELS].set, 1);
    assert_string_equal(v[STATUS].text, "done");
    assert_int_equal(v[STATUS].set, 0);
    assert_null(v[ID].text);

    v += MEMBERS;

    assert_string_equal(v[TITLE].text, "b");
    assert_string_equal(v[LABELS].text, "{}");
    assert_null(v[STATUS].text);
    assert_int_equal(v[STATUS].set, 1);

    v += MEMBERS;

    assert_string_equal(v[TITLE].text, "c");

    /* those of a partial object have no presets */

    v = c.values[PATCH].members;

    assert_int_equal(c.values[PATCH].nmembers, MEMBERS);
    assert_string_equal(v[TITLE].text, "p");
    assert_null(v[LABELS].text);
    assert_null(v[STATUS].text);
    assert_int_equal(v[STATUS].set, 0);
}


static void
gives_a_list_of_uuids(void **state)
{
    (void) state;

    check("{\"ids\":[\"" B "\",\"017F22E2-79B0-7CC3-98C4-DC0C0C07398A\"]}", 1);

    assert_int_equal(c.faults->nelts, 0);
    assert_true(c.values[IDS].integer == 2);
    assert_string_equal(c.values[IDS].text, "{\"" B "\",\"" A "\"}");
    assert_int_equal(c.values[IDS].len, strlen(c.values[IDS].text));

    assert_int_equal(c.values[TASKS].set, 0);
    assert_null(c.values[TASKS].members);

    check("{\"owners\":null}", 1);
    assert_int_equal(c.faults->nelts, 0);
    assert_int_equal(c.values[OWNERS].set, 1);
    assert_null(c.values[OWNERS].text);
}


static void
points_to_faults_of_members(void **state)
{
    (void) state;

    check("{\"tasks\":[{\"title\":\"\"},7,{\"la/bels\":[\"x\",1],\"zz~\":1,"
          "\"id\":1,\"status\":\"x\"}],\"patch\":{\"title\":null,"
          "\"la/bels\":[\"\"]}}", 1);

    assert_fault(0, "/tasks/0/title", "too_short", NULL);
    assert_fault(1, "/tasks/1", "invalid_type", "must be an object");
    assert_fault(2, "/tasks/2/la~1bels/1", "invalid_type", NULL);
    assert_fault(3, "/tasks/2/zz~0", "unknown_field", NULL);
    assert_fault(4, "/tasks/2/id", "read_only", NULL);
    assert_fault(5, "/tasks/2/status", "invalid_value",
                 "must be one of: todo, done");

    /* a whole object has to be, wherever it stands */

    assert_fault(6, "/tasks/2/title", "required", NULL);
    assert_fault(7, "/patch/title", "not_nullable", NULL);
    assert_fault(8, "/patch/la~1bels/0", "too_short", NULL);
    assert_int_equal(c.faults->nelts, 9);
}


static void
points_to_faults_of_uuids(void **state)
{
    (void) state;

    check("{\"ids\":[\"" A "\",1,null,\"x\",\"" B "\","
          "\"017F22E2-79B0-7CC3-98C4-DC0C0C07398A\"]}", 1);

    assert_fault(0, "/ids/1", "invalid_type", "must be a string");
    assert_fault(1, "/ids/2", "invalid_type", NULL);
    assert_fault(2, "/ids/3", "invalid_format", "must be a UUID");
    assert_fault(3, "/ids/5", "duplicate", NULL);
    assert_int_equal(c.faults->nelts, 4);
}


static void
bounds_the_arrays(void **state)
{
    char    text[8000], *p;
    size_t  i;

    (void) state;

    check("{\"tasks\":[]}", 1);
    assert_only("/tasks", "too_short", "must have at least 1 item");

    check("{\"ids\":[\"" A "\"]}", 1);
    assert_only("/ids", "too_short", "must have at least 2 items");

    /* those within the bounds are checked all the same, and no others */

    check("{\"tasks\":[{},{\"title\":\"\"},{\"title\":1},{\"title\":2}]}", 1);
    assert_fault(0, "/tasks", "too_many", "must have at most 3 items");
    assert_fault(1, "/tasks/0/title", "required", NULL);
    assert_fault(2, "/tasks/1/title", "too_short", NULL);
    assert_fault(3, "/tasks/2/title", "invalid_type", NULL);
    assert_int_equal(c.faults->nelts, 4);

    check("{\"owners\":[\"" A "\",\"" A "\"]}", 1);
    assert_only("/owners", "too_many", "must have at most 1 item");

    p = text + sprintf(text, "{\"ids\":[");

    for (i = 0; i < 101; i++) {
        p += sprintf(p, "\"017f22e2-79b0-7cc3-98c4-dc0c0c0739%02x\",",
                     (unsigned) i);
    }

    strcpy(p - 1, "]}");

    check(text, 1);
    assert_only("/ids", "too_many", "must have at most 100 items");

    strcpy(p - 1 - sizeof(",\"" A "\"") + 1, "]}");

    check(text, 1);
    assert_int_equal(c.faults->nelts, 0);
    assert_true(c.values[IDS].integer == 100);
}


static void
wants_arrays_and_objects(void **state)
{
    size_t  i;
    char    text[100];

    static const char  *others[] = { "1", "1.5", "true", "\"x\"" };

    (void) state;

    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {

        sprintf(text, "{\"tasks\":%s}", others[i]);
        check(text, 1);
        assert_only("/tasks", "invalid_type", "must be an array of objects");

        sprintf(text, "{\"ids\":%s}", others[i]);
        check(text, 1);
        assert_only("/ids", "invalid_type", "must be an array of strings");

        sprintf(text, "{\"patch\":%s}", others[i]);
        check(text, 1);
        assert_only("/patch", "invalid_type", "must be an object");
    }

    check("{\"tasks\":{},\"ids\":{},\"patch\":[]}", 0);
    assert_fault(0, "/tasks", "invalid_type", NULL);
    assert_fault(1, "/ids", "invalid_type", NULL);
    assert_fault(2, "/patch", "invalid_type", NULL);
    assert_int_equal(c.faults->nelts, 3);

    check("{\"tasks\":null,\"patch\":null}", 0);
    assert_fault(0, "/tasks", "not_nullable", NULL);
    assert_fault(1, "/patch", "not_nullable", NULL);
    assert_fault(2, "/ids", "required", NULL);
    assert_int_equal(c.faults->nelts, 3);
}


static void
bounds_the_faults_of_each(void **state)
{
    char        text[8000], *p;
    ngx_uint_t  i, n;

    (void) state;

    p = text + sprintf(text, "{\"tasks\":[");

    for (n = 0; n < 3; n++) {
        p += sprintf(p, "%s{", n ? "," : "");

        for (i = 0; i < 60; i++) {
            p += sprintf(p, "%s\"x%d\":1", i ? "," : "", (int) i);
        }

        p += sprintf(p, "}");
    }

    p += sprintf(p, "],\"ids\":[");

    for (i = 0; i < 100; i++) {
        p += sprintf(p, "%s%d", i ? "," : "", (int) i);
    }

    sprintf(p, "],\"zz\":1}");

    check(text, 0);

    /* what one object holds hides no fault of another */

    n = NGX_API_FAULTS_MAX;

    assert_fault(0, "/tasks/0/x0", "unknown_field", NULL);
    assert_fault(n - 1, "/tasks/0/x49", "unknown_field", NULL);
    assert_fault(n, "/tasks/1/x0", "unknown_field", NULL);
    assert_fault(3 * n, "/ids/0", "invalid_type", NULL);
    assert_fault(3 * n + 99, "/ids/99", "invalid_type", NULL);
    assert_fault(3 * n + 100, "/zz", "unknown_field", NULL);
    assert_int_equal(c.faults->nelts, 3 * n + 101);
}


static void
takes_different_names(void **state)
{
    (void) state;

    check("{\"kinds\":[\"done\",\"todo\"]}", 1);
    assert_int_equal(c.faults->nelts, 0);
    assert_string_equal(c.values[KINDS].text, "{\"done\",\"todo\"}");
    assert_true(c.values[KINDS].integer == 2);

    check("{\"tasks\":[{\"title\":\"a\"}],\"ids\":[\"" A "\",\"" B "\"]}", 0);
    assert_int_equal(c.faults->nelts, 0);
    assert_string_equal(c.values[KINDS].text, "{\"done\"}");
    assert_int_equal(c.values[KINDS].set, 0);

    check("{\"kinds\":[\"done\",\"done\"]}", 1);
    assert_only("/kinds/1", "duplicate", NULL);

    check("{\"kinds\":[\"x\",1]}", 1);
    assert_fault(0, "/kinds/0", "invalid_value", "must be one of: todo, done");
    assert_fault(1, "/kinds/1", "invalid_type", NULL);
    assert_int_equal(c.faults->nelts, 2);

    check("{\"kinds\":[]}", 1);
    assert_only("/kinds", "too_short", NULL);

    check("{\"kinds\":[\"todo\",\"done\",\"todo\"]}", 1);
    assert_only("/kinds", "too_many", NULL);

    check("{\"kinds\":\"todo\"}", 1);
    assert_only("/kinds", "invalid_type", "must be an array of strings");

    check("{\"kinds\":null}", 1);
    assert_only("/kinds", "not_nullable", NULL);
}


static void
tells_each_fault_of_a_check(void **state)
{
    (void) state;

    check("{\"number\":\"12\"}", 1);
    assert_int_equal(c.faults->nelts, 0);
    assert_string_equal(c.values[NUMBER].text, "12");

    check("{\"number\":null}", 1);
    assert_int_equal(c.faults->nelts, 0);
    assert_null(c.values[NUMBER].text);

    check("{\"number\":\"1x\"}", 1);
    assert_only("/number", "no_digit", "must be of digits");

    check("{\"number\":\"123\"}", 1);
    assert_only("/number", "odd", NULL);

    check("{\"number\":\"x\"}", 1);
    assert_fault(0, "/number", "no_digit", NULL);
    assert_fault(1, "/number", "odd", NULL);
    assert_int_equal(c.faults->nelts, 2);

    /* what is of a wrong length is not looked at */

    check("{\"number\":\"\"}", 1);
    assert_only("/number", "too_short", NULL);

    check("{\"number\":\"xxxxx\"}", 1);
    assert_only("/number", "too_long", "must be at most 4 characters long");

    check("{\"number\":12}", 1);
    assert_only("/number", "invalid_type", NULL);
}


static void
survives_each_failed_allocation(void **state)
{
    ngx_uint_t  n;

    (void) state;

    check("{\"tasks\":[{\"title\":\"a\"},{\"title\":1}],"
          "\"ids\":[\"" A "\",\"" A "\"],\"patch\":{\"title\":1},"
          "\"kinds\":[\"todo\",\"x\"],\"number\":\"x\"}", 0);

    for (n = 1; /* void */ ; n++) {
        ngx_destroy_pool(c.pool);
        c.pool = unit_pool();

        unit_fail_at(n);

        if (check_body(0) == NGX_OK) {
            break;
        }

        assert_true(unit_failed());
    }

    assert_false(unit_failed());
    assert_int_equal(c.faults->nelts, 6);
    assert_true(n > 20);
}


#define unit(f)  cmocka_unit_test_setup_teardown(f, setup, teardown)


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        unit(gives_the_members_of_each),
        unit(gives_a_list_of_uuids),
        unit(points_to_faults_of_members),
        unit(points_to_faults_of_uuids),
        unit(bounds_the_arrays),
        unit(wants_arrays_and_objects),
        unit(bounds_the_faults_of_each),
        unit(takes_different_names),
        unit(tells_each_fault_of_a_check),
        unit(survives_each_failed_allocation),
    };

    return unit_run(tests);
}
