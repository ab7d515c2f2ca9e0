
/*
 * Claims by name: found, compared, made text.
 */


#include "ngx_unit.h"
#include "ngx_auth_claim.h"


static json_t *
parse(const char *text)
{
    json_t  *object;

    object = json_loads(text, 0, NULL);
    assert_non_null(object);

    return object;
}


/* whether the claim is one of the texts, which stand between commas */

static ngx_uint_t
is(const char *payload, const char *name, const char *texts, ngx_uint_t words)
{
    json_t      *object;
    ngx_str_t    claim, list[4];
    ngx_uint_t   n, rc;
    const char  *comma;

    object = parse(payload);
    claim.data = (u_char *) name;
    claim.len = strlen(name);

    for (n = 0; texts && n < 4; n++) {
        comma = strchrnul(texts, ',');
        list[n].data = (u_char *) texts;
        list[n].len = comma - texts;
        texts = *comma ? comma + 1 : NULL;
    }

    rc = ngx_auth_claim_is(ngx_auth_claim_find(object, &claim), list, n,
                           words);

    json_decref(object);

    return rc;
}


static void
test_there(void **state)
{
    (void) state;

    assert_true(is("{\"a\":\"\"}", "a", NULL, 0));
    assert_true(is("{\"a\":0}", "a", NULL, 0));
    assert_true(is("{\"a\":true}", "a", NULL, 0));
    assert_true(is("{\"a\":{}}", "a", NULL, 0));
    assert_true(is("{\"a\":[]}", "a", NULL, 0));
    assert_false(is("{\"a\":false}", "a", NULL, 0));
    assert_false(is("{\"a\":null}", "a", NULL, 0));
    assert_false(is("{}", "a", NULL, 0));
    assert_false(is("{\"A\":1}", "a", NULL, 0));
}


static void
test_values(void **state)
{
    (void) state;

    assert_true(is("{\"a\":\"x\"}", "a", "x", 0));
    assert_true(is("{\"a\":\"x\"}", "a", "y,x", 0));
    assert_true(is("{\"a\":[\"y\",\"x\"]}", "a", "x", 0));
    assert_true(is("{\"a\":42}", "a", "42", 0));
    assert_true(is("{\"a\":-9223372036854775808}", "a",
                   "-9223372036854775808", 0));
    assert_true(is("{\"a\":[41,42]}", "a", "42", 0));
    assert_true(is("{\"a\":true}", "a", "true", 0));
    assert_true(is("{\"a\":false}", "a", "false", 0));

    assert_false(is("{\"a\":\"x\"}", "a", "X", 0));
    assert_false(is("{\"a\":\"xy\"}", "a", "x", 0));
    assert_false(is("{\"a\":\"x\"}", "a", "xy", 0));
    assert_false(is("{\"a\":\"x y\"}", "a", "x", 0));
    assert_false(is("{\"a\":42.0}", "a", "42", 0));
    assert_false(is("{\"a\":null}", "a", "null", 0));
    assert_false(is("{\"a\":{\"x\":1}}", "a", "x", 0));
    assert_false(is("{\"a\":[[\"x\"]]}", "a", "x", 0));
    assert_false(is("{}", "a", "x", 0));
}


/* scopes stand in one string */

static void
test_words(void **state)
{
    (void) state;

    assert_true(is("{\"scope\":\"a b c\"}", "scope", "a", 1));
    assert_true(is("{\"scope\":\"a b c\"}", "scope", "b", 1));
    assert_true(is("{\"scope\":\"a b c\"}", "scope", "x,c", 1));
    assert_true(is("{\"scope\":[\"a\",\"b\"]}", "scope", "b", 1));

    assert_false(is("{\"scope\":\"a b c\"}", "scope", "a b", 1));
    assert_false(is("{\"scope\":\"admin:read\"}", "scope", "admin", 1));
    assert_false(is("{\"scope\":\"xa ab\"}", "scope", "a", 1));
    assert_false(is("{\"scope\":[\"a b\"]}", "scope", "a", 1));
    assert_false(is("{\"scope\":\"\"}", "scope", "a", 1));
}


static void
test_nested(void **state)
{
    (void) state;

    assert_true(is("{\"r\":{\"roles\":[\"x\"]}}", "r.roles", "x", 0));
    assert_true(is("{\"a\":{\"b.c\":{\"d\":1}}}", "a.b.c.d", "1", 0));

    /* the name as it is comes first */

    assert_true(is("{\"a.b\":1,\"a\":{\"b\":2}}", "a.b", "1", 0));
    assert_false(is("{\"a.b\":1,\"a\":{\"b\":2}}", "a.b", "2", 0));

    assert_true(is("{\"https://x.example/r\":[\"y\"]}", "https://x.example/r",
                   "y", 0));

    assert_false(is("{\"a\":\"b\"}", "a.b", NULL, 0));
    assert_false(is("{\"a\":[{\"b\":1}]}", "a.b", NULL, 0));
    assert_false(is("{\"a\":{\"b\":1}}", "a.", NULL, 0));
    assert_false(is("{\"a\":{\"b\":1}}", ".b", NULL, 0));
    assert_false(is("{\"a\":{\"b\":1}}", "a..b", NULL, 0));
}


static void
text_is(const char *payload, const char *want)
{
    json_t      *object;
    ngx_int_t    rc;
    ngx_str_t    name = ngx_string("a"), text;
    ngx_pool_t  *pool;

    pool = unit_pool();
    object = parse(payload);

    rc = ngx_auth_claim_text(pool, ngx_auth_claim_find(object, &name), &text);

    if (want == NULL) {
        assert_int_equal(rc, NGX_DECLINED);

    } else {
        assert_int_equal(rc, NGX_OK);
        assert_int_equal(text.len, strlen(want));
        assert_memory_equal(text.data, want, text.len);
    }

    json_decref(object);
    ngx_destroy_pool(pool);
}


static void
test_text(void **state)
{
    (void) state;

    text_is("{\"a\":\"x y\"}", "x y");
    text_is("{\"a\":\"\"}", "");
    text_is("{\"a\":\"x,y\"}", "x,y");
    text_is("{\"a\":\"\\u00e9\"}", "\xc3\xa9");
    text_is("{\"a\":42}", "42");
    text_is("{\"a\":-1}", "-1");
    text_is("{\"a\":true}", "true");
    text_is("{\"a\":false}", "false");
    text_is("{\"a\":[\"x\",2,false]}", "x,2,false");
    text_is("{\"a\":[]}", "");

    /* what would say something else where it is put */

    text_is("{\"a\":\"x\\r\\nX-Evil: 1\"}", NULL);
    text_is("{\"a\":\"x\\n\"}", NULL);
    text_is("{\"a\":\"\\u007f\"}", NULL);
    text_is("{\"a\":\" x\"}", NULL);
    text_is("{\"a\":\"x \"}", NULL);
    text_is("{\"a\":[\"x,y\"]}", NULL);
    text_is("{\"a\":[\"x\",\"\\n\"]}", NULL);
    text_is("{\"a\":[[\"x\"]]}", NULL);
    text_is("{\"a\":{}}", NULL);
    text_is("{\"a\":null}", NULL);
    text_is("{\"a\":1.5}", NULL);
    text_is("{}", NULL);
}


static void
test_memory(void **state)
{
    json_t      *object;
    ngx_str_t    text;
    ngx_pool_t  *pool;

    (void) state;

    pool = unit_pool();
    object = parse("{\"a\":\"x\"}");

    unit_fail_at(1);
    assert_int_equal(ngx_auth_claim_text(pool, json_object_get(object, "a"),
                                         &text),
                     NGX_ERROR);

    json_decref(object);
    ngx_destroy_pool(pool);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_there),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_nested),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_memory)
    };

    return unit_run(tests);
}
