
/*
 * The order in which the servers of a connection string are tried.  One of them
 * listens and is silent; the others are sockets that do not exist.
 */


#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "skep_pg_order.h"


static int
silent(int *port)
{
    int                 s;
    socklen_t           len;
    struct sockaddr_in  sin;

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    len = sizeof(sin);

    s = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(s != -1);
    assert_int_equal(bind(s, (struct sockaddr *) &sin, len), 0);
    assert_int_equal(listen(s, 5), 0);
    assert_int_equal(getsockname(s, (struct sockaddr *) &sin, &len), 0);

    *port = ntohs(sin.sin_port);
    return s;
}


/* the order after a connection, which is being made or has failed */

static void
after(skep_pg_order_t *order, const char *conninfo)
{
    PGconn  *conn;

    conn = PQconnectStart(conninfo);
    assert_non_null(conn);

    skep_pg_order_after(order, conn);
    PQfinish(conn);
}


static void
the_silent_one_comes_last(void **state)
{
    int              s, port;
    char             text[256];
    skep_pg_order_t  order;

    (void) state;

    s = silent(&port);

    memset(&order, 0, sizeof(skep_pg_order_t));
    snprintf(text, sizeof(text),
             "host=/none/a,127.0.0.1,/none/c port=1,%d,3", port);
    after(&order, text);

    assert_string_equal(order.lists[0], "/none/c,/none/a,127.0.0.1");
    assert_string_equal(order.lists[1], "");
    snprintf(text, sizeof(text), "3,1,%d", port);
    assert_string_equal(order.lists[2], text);

    /* by address, and a port that is that of all */

    memset(&order, 0, sizeof(skep_pg_order_t));
    snprintf(text, sizeof(text),
             "host=one,two hostaddr=127.0.0.1,127.0.0.2 port=%d", port);
    after(&order, text);

    assert_string_equal(order.lists[0], "two,one");
    assert_string_equal(order.lists[1], "127.0.0.2,127.0.0.1");
    snprintf(text, sizeof(text), "%d", port);
    assert_string_equal(order.lists[2], text);

    close(s);
}


static void
one_stays(void **state)
{
    skep_pg_order_t  order;

    (void) state;

    memset(&order, 0, sizeof(skep_pg_order_t));
    after(&order, "host=/none/a port=1");

    assert_string_equal(order.lists[0], "/none/a");
    assert_string_equal(order.lists[2], "1");
}


static void
too_long_a_list_stays(void **state)
{
    char             text[2 * SKEP_PG_ORDER_LEN];
    skep_pg_order_t  order;

    (void) state;

    memset(&order, 0, sizeof(skep_pg_order_t));
    memset(text, 'a', sizeof(text));
    memcpy(text, "host=/none/", 11);
    memcpy(&text[sizeof(text) - 9], ",/none/b", 9);

    after(&order, text);

    assert_string_equal(order.lists[0], "");

    /* nor do the ports, which are those of the hosts */

    memcpy(&text[sizeof(text) - 18], ",/none/b port=1,2", 18);
    after(&order, text);

    assert_string_equal(order.lists[0], "");
    assert_string_equal(order.lists[2], "");
}


/* libpq says "2001:db8::1" */

static void
one_that_is_not_found_was_the_first(void **state)
{
    skep_pg_order_t  order;

    (void) state;

    memset(&order, 0, sizeof(skep_pg_order_t));
    after(&order, "host=a,b hostaddr=2001:DB8::1,/none/b port=1,2");

    assert_string_equal(order.lists[0], "b,a");
    assert_string_equal(order.lists[1], "/none/b,2001:DB8::1");
    assert_string_equal(order.lists[2], "2,1");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(the_silent_one_comes_last),
        cmocka_unit_test(one_stays),
        cmocka_unit_test(too_long_a_list_stays),
        cmocka_unit_test(one_that_is_not_found_was_the_first)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
