
/*
 * The servers of a connection string, and the order in which they are tried.
 */


#include "ngx_unit.h"
#include "ngx_api_pg_place.h"


/* the lists of each place, "host;hostaddr;port", are those */

static void
check(const char *host, const char *hostaddr, const char *port, ngx_uint_t n,
    const char *const *want)
{
    char                 text[256];
    ngx_uint_t           i;
    ngx_pool_t          *pool;
    const char          *lists[NGX_API_PG_PLACE_LISTS];
    ngx_array_t          places;
    ngx_api_pg_place_t  *place;

    pool = unit_pool();

    lists[NGX_API_PG_PLACE_HOST] = host;
    lists[NGX_API_PG_PLACE_HOSTADDR] = hostaddr;
    lists[NGX_API_PG_PLACE_PORT] = port;

    assert_int_equal(ngx_api_pg_places(pool, &places, lists), NGX_OK);
    assert_int_equal(places.nelts, n);

    place = places.elts;

    for (i = 0; i < n; i++) {
        snprintf(text, sizeof(text), "%s;%s;%s",
                 place[i].lists[0] ? place[i].lists[0] : "none",
                 place[i].lists[1] ? place[i].lists[1] : "none",
                 place[i].lists[2] ? place[i].lists[2] : "none");

        assert_string_equal(text, want[i]);
    }

    ngx_destroy_pool(pool);
}


static void
test_places(void **state)
{
    static const char *const  none[] = { "none;none;none" };
    static const char *const  one[] = { "/run/postgresql;;5432" };
    static const char *const  two[] = { "a,b;1.1.1.1,2.2.2.2;5432",
                                        "b,a;2.2.2.2,1.1.1.1;5432" };
    static const char *const  three[] = { "a,,/c;none;1,2,", ",/c,a;none;2,,1",
                                          "/c,a,;none;,1,2" };

    (void) state;

    check(NULL, NULL, NULL, 1, none);
    check("/run/postgresql", "", "5432", 1, one);
    check("a,b", "1.1.1.1,2.2.2.2", "5432", 2, two);
    check("a,,/c", NULL, "1,2,", 3, three);
}


/* of a connection that failed libpq tells the last server */

static void
test_after(void **state)
{
    PGconn       *conn;
    ngx_pool_t   *pool;
    ngx_array_t   places;

    static const char *const  lists[] = { "/none/a,/none/b,/none/c", ",,",
                                          "1,2,3" };

    (void) state;

    pool = unit_pool();

    assert_int_equal(ngx_api_pg_places(pool, &places, lists), NGX_OK);

    conn = PQconnectdb("host=/none/c,/none/a port=3,1");
    assert_int_equal(ngx_api_pg_place_after(&places, conn, 2), 1);
    PQfinish(conn);

    conn = PQconnectdb("host=/none/a,/none/c port=1,3");
    assert_int_equal(ngx_api_pg_place_after(&places, conn, 1), 0);
    PQfinish(conn);

    /* a stranger: the one after that which came first */

    conn = PQconnectdb("host=/none/d port=1");
    assert_int_equal(ngx_api_pg_place_after(&places, conn, 1), 2);
    PQfinish(conn);

    ngx_destroy_pool(pool);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_after)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
