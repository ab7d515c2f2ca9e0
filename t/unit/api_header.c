
/*
 * The values of headers, taken apart.
 */


#include "ngx_unit.h"
#include "ngx_api_header.h"
#include "ngx_auth_jwt.h"
#include "ngx_auth_text.h"


static ngx_str_t
value(ngx_pool_t *pool, const char *text)
{
    ngx_str_t  s;

    s.len = strlen(text);
    s.data = unit_copy(pool, text, s.len);

    return s;
}


static void
test_id(void **state)
{
    char         text[NGX_API_REQUEST_ID_MAX + 2];
    ngx_str_t    s;
    ngx_uint_t   i;
    ngx_pool_t  *pool;

    static const char  *bad[] = { "", " ", "a b", "a\n", "a\"", "\xc3\xa9" };

    (void) state;

    pool = unit_pool();

    s = value(pool, "aZ0._-");
    assert_true(ngx_api_header_id(&s));

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        s = value(pool, bad[i]);
        assert_false(ngx_api_header_id(&s));
    }

    memset(text, 'a', sizeof(text));
    s.data = (u_char *) text;
    s.len = NGX_API_REQUEST_ID_MAX;
    assert_true(ngx_api_header_id(&s));
    s.len++;
    assert_false(ngx_api_header_id(&s));

    ngx_destroy_pool(pool);
}


static void
test_versions(void **state)
{
    ngx_str_t    s;
    ngx_uint_t   i;
    ngx_pool_t  *pool;
    const char  *text;

    static const char  *cases[][2] = {
        { "", "{}" }, { "\"", "{}" }, { "\"1", "{}" }, { "\"1\"", "{1}" },
        { "W/\"1\",\"22\"", "{1,22}" }, { "\"01\", \"0\"", "{}" },
        { "\"1a\", \"2\"", "{2}" }, { "\"1\"x", "{}" },
        { "\"1\"\"2\"", "{}" }, { "\"1\" \"2\"", "{}" },
        { "x\"1\"", "{}" }, { "\"1\", *", "{}" }, { "w/\"1\"", "{}" },
        { "W/ \"1\"", "{}" }, { "W/", "{}" }, { "\"1\", \"a b\"", "{}" },
        { ", \"1\" ,, \t\"2\",", "{1,2}" }, { "\"1\", \"a\\\"", "{1}" },
        { ",", "{}" }, { "\"\xff\", \"3\"", "{3}" },
        { "\"999999999999999999\"", "{999999999999999999}" },
        { "\"1000000000000000000\"", "{}" }
    };

    (void) state;

    pool = unit_pool();

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        s = value(pool, cases[i][0]);
        assert_int_equal(ngx_api_header_versions(pool, &s, &text), NGX_OK);
        assert_string_equal(text, cases[i][1]);
    }

    s = value(pool, "*");
    assert_int_equal(ngx_api_header_versions(pool, &s, &text), NGX_OK);
    assert_null(text);

    unit_fail_at(1);
    s.len = 0;
    assert_int_equal(ngx_api_header_versions(pool, &s, &text), NGX_ERROR);

    ngx_destroy_pool(pool);
}


static void
test_matches(void **state)
{
    ngx_str_t    s;
    ngx_uint_t   i;
    ngx_pool_t  *pool;

    static const ngx_str_t  etag = ngx_string("\"7\"");

    static const struct {
        const char  *text;
        ngx_uint_t   matches;
    } cases[] = {
        { "", 0 }, { "*", 1 }, { "\"7\"", 1 }, { "W/\"7\"", 1 },
        { "\"6\", \"7\"", 1 }, { "\"7", 0 }, { "7", 0 }, { "\"77\"", 0 },
        { "\"6\"7\"8\"", 0 }, { "\"7\"x", 0 }, { "\"7\", x", 0 },
        { "x, \"7\"", 0 }, { ",\"7\",", 1 }, { "\"7\", \"8\"", 1 }
    };

    (void) state;

    pool = unit_pool();

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        s = value(pool, cases[i].text);
        assert_int_equal(ngx_api_header_matches(&s, &etag), cases[i].matches);
    }

    ngx_destroy_pool(pool);
}


static void
test_key(void **state)
{
    ngx_str_t    s, key;
    ngx_uint_t   i;
    ngx_pool_t  *pool;

    static const char  *cases[][2] = {
        { "abc", "abc" }, { "\"abc\"", "abc" }, { "\"a\\\"\\\\\"", "a\"\\" },
        { "a\"", "a\"" }, { "", NULL }, { "\"\"", NULL }, { "\"a", NULL },
        { "\"", NULL }, { "\"a\"b", NULL }, { "\"\\a\"", NULL },
        { "\"\\", NULL }, { "a b", NULL }, { "\x7f", NULL }
    };

    (void) state;

    pool = unit_pool();

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        s = value(pool, cases[i][0]);

        if (cases[i][1] == NULL) {
            assert_int_equal(ngx_api_header_key(pool, &s, &key),
                             NGX_DECLINED);
            continue;
        }

        assert_int_equal(ngx_api_header_key(pool, &s, &key), NGX_OK);
        assert_text_equal(key.data, cases[i][1]);
        assert_int_equal(key.len, strlen(cases[i][1]));
    }

    ngx_destroy_pool(pool);
}


static void
test_bearer(void **state)
{
    ngx_str_t    s, token;
    ngx_uint_t   i;
    ngx_pool_t  *pool;

    static const char  *bad[] = {
        "", "Bearer", "Bearer ", "Bearer    ", "Basic abc", "Bearerabc",
        "Bearer\tabc"
    };

    (void) state;

    pool = unit_pool();

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        s = value(pool, bad[i]);
        assert_int_equal(ngx_auth_text_bearer(&s, &token), NGX_ERROR);
    }

    s = value(pool, "bEARER   a.b");
    assert_int_equal(ngx_auth_text_bearer(&s, &token), NGX_OK);
    assert_int_equal(token.len, 3);
    assert_memory_equal(token.data, "a.b", 3);

    s.len = sizeof("Bearer ") - 1 + NGX_AUTH_JWT_MAX + 1;
    s.data = ngx_pcalloc(pool, s.len);
    ngx_memset(s.data, 'a', s.len);
    ngx_memcpy(s.data, "Bearer ", sizeof("Bearer ") - 1);
    assert_int_equal(ngx_auth_text_bearer(&s, &token), NGX_ERROR);

    s.len--;
    assert_int_equal(ngx_auth_text_bearer(&s, &token), NGX_OK);

    ngx_destroy_pool(pool);
}


static void
test_link(void **state)
{
    u_char  out[32], *last;

    static const char  text[] = "q=<a>\"\\ \xc3%20";

    (void) state;

    last = ngx_api_header_link(out, (u_char *) text, sizeof(text) - 1);
    *last = '\0';

    assert_text_equal(out, "q=%3Ca%3E%22%5C%20%C3%20");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_id),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_matches),
        cmocka_unit_test(test_key),
        cmocka_unit_test(test_bearer),
        cmocka_unit_test(test_link)
    };

    return unit_run(tests);
}
