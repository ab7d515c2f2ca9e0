
/*
 * Addresses that a request in somebody's name must not go to.
 */


#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/un.h>

#include <cmocka.h>

#include "skep_address.h"


static struct sockaddr_storage
address(const char *text)
{
    struct sockaddr_in       *in;
    struct sockaddr_in6      *in6;
    struct sockaddr_storage   storage;

    memset(&storage, 0, sizeof(storage));

    if (strchr(text, ':')) {
        in6 = (struct sockaddr_in6 *) &storage;
        in6->sin6_family = AF_INET6;
        assert_int_equal(inet_pton(AF_INET6, text, &in6->sin6_addr), 1);

    } else {
        in = (struct sockaddr_in *) &storage;
        in->sin_family = AF_INET;
        assert_int_equal(inet_pton(AF_INET, text, &in->sin_addr), 1);
    }

    return storage;
}


static void
assert_special(const char *text, int special)
{
    struct sockaddr_storage  a;

    a = address(text);

    if (skep_address_special((struct sockaddr *) &a) != special) {
        fail_msg("%s is %sspecial", text, special ? "not " : "");
    }
}


static void
test_special(void **state)
{
    size_t  i;

    /* the first and the last of each range */
    static const char *const  special[] = {
        "0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255",
        "100.64.0.0", "100.127.255.255", "100.100.100.200",
        "127.0.0.0", "127.0.0.1", "127.255.255.255", "168.63.129.16",
        "169.254.0.0", "169.254.169.254", "169.254.255.255",
        "172.16.0.0", "172.31.255.255", "192.0.0.0", "192.0.0.192",
        "192.0.0.255", "192.0.2.0", "192.0.2.255", "192.88.99.0",
        "192.88.99.255", "192.168.0.0", "192.168.255.255", "198.18.0.0",
        "198.19.255.255", "198.51.100.0", "198.51.100.255", "203.0.113.0",
        "203.0.113.255", "224.0.0.0", "239.255.255.255", "240.0.0.0",
        "255.255.255.255",

        "::", "::1", "::7f00:1", "::ffff:0.0.0.0", "::ffff:127.0.0.1",
        "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:0:8.8.8.8",
        "64:ff9b::127.0.0.1", "64:ff9b::8.8.8.8", "64:ff9b:1::1", "100::1",
        "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:2::1",
        "2001:10::1", "2001:20::1", "2001:1ff:ffff::1", "2001:db8::1",
        "2001:db8:ffff::1", "2002:7f00:1::", "2002:808:808::1",
        "2002:ffff::1", "3fff::1", "3fff:fff::1", "4000::1", "5f00::1",
        "fc00::1", "fd00:ec2::254", "fdff::1", "fe80::1", "febf::1",
        "fec0::1", "ff00::1", "ff02::1", "ffff::1", "1fff::1"
    };

    (void) state;

    for (i = 0; i < sizeof(special) / sizeof(special[0]); i++) {
        assert_special(special[i], 1);
    }
}


static void
test_public(void **state)
{
    size_t  i;

    /* those next to the ranges */
    static const char *const  public[] = {
        "1.0.0.0", "8.8.8.8", "9.255.255.255", "11.0.0.0",
        "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
        "168.63.129.15", "168.63.129.17", "169.253.255.255", "169.255.0.0",
        "172.15.255.255", "172.32.0.0", "191.255.255.255", "192.0.1.0",
        "192.0.3.0", "192.88.98.255", "192.88.100.0", "192.167.255.255",
        "192.169.0.0", "198.17.255.255", "198.20.0.0", "198.51.99.255",
        "198.51.101.0", "203.0.112.255", "203.0.114.0", "223.255.255.255",

        "::ffff:8.8.8.8", "2000::1", "2001:200::1", "2001:4860:4860::8888",
        "2001:db7:ffff::1", "2001:db9::1", "2003::1", "2606:4700::1111",
        "3ffe::1", "3fff:1000::1"
    };

    (void) state;

    for (i = 0; i < sizeof(public) / sizeof(public[0]); i++) {
        assert_special(public[i], 0);
    }
}


static void
test_other_family(void **state)
{
    struct sockaddr_un  un;

    (void) state;

    memset(&un, 0, sizeof(un));
    un.sun_family = AF_UNIX;

    assert_true(skep_address_special((struct sockaddr *) &un));
}


static void
assert_in(const char *text, const char *range, int in)
{
    skep_range_t             r;
    struct sockaddr_storage  a;

    assert_int_equal(skep_range_parse(range, &r), 0);
    a = address(text);

    if (skep_address_in((struct sockaddr *) &a, &r, 1) != in) {
        fail_msg("%s is %sin %s", text, in ? "not " : "", range);
    }
}


static void
test_ranges(void **state)
{
    (void) state;

    assert_in("127.0.0.1", "127.0.0.1", 1);
    assert_in("127.0.0.2", "127.0.0.1", 0);
    assert_in("127.0.0.1", "127.0.0.0/8", 1);
    assert_in("128.0.0.1", "127.0.0.0/8", 0);
    assert_in("172.31.0.1", "172.16.0.0/12", 1);
    assert_in("172.32.0.1", "172.16.0.0/12", 0);
    assert_in("8.8.8.8", "0.0.0.0/0", 1);
    assert_in("::1", "0.0.0.0/0", 0);
    assert_in("::1", "::/0", 1);
    assert_in("127.0.0.1", "::/0", 0);
    assert_in("fd12::1", "fd00::/8", 1);
    assert_in("fe80::1", "fd00::/8", 0);
    assert_in("fd00::1", "fd00::1/128", 1);
    assert_in("fd00::2", "fd00::1/128", 0);

    /* a mapped address is IPv4, on either side */
    assert_in("::ffff:127.0.0.1", "127.0.0.0/8", 1);
    assert_in("127.0.0.1", "::ffff:127.0.0.0/104", 1);
    assert_in("128.0.0.1", "::ffff:127.0.0.0/104", 0);
}


static void
test_several_ranges(void **state)
{
    skep_range_t             r[2];
    struct sockaddr_storage  a;

    (void) state;

    assert_int_equal(skep_range_parse("10.0.0.0/8", &r[0]), 0);
    assert_int_equal(skep_range_parse("fd00::/8", &r[1]), 0);

    a = address("fd00::1");
    assert_true(skep_address_in((struct sockaddr *) &a, r, 2));
    assert_false(skep_address_in((struct sockaddr *) &a, r, 1));
    assert_false(skep_address_in((struct sockaddr *) &a, r, 0));

    a = address("10.1.2.3");
    assert_true(skep_address_in((struct sockaddr *) &a, r, 2));
}


static void
test_malformed_ranges(void **state)
{
    size_t        i;
    skep_range_t  r;

    static const char *const  malformed[] = {
        "", "/", "/8", "localhost", "10", "10.0.0", "10.0.0.0/", "10.0.0.0/33",
        "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8x", "10.0.0.0/ 8",
        "10.0.0.0/0000", "10.0.0.1/8", "10.0.0.0.0/8", "256.0.0.0/8",
        " 10.0.0.0/8", "::/129", "::1/127", ":::/8", "fe80::1%lo/128",
        "::ffff:10.0.0.1/104",
        "1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111/8"
    };

    (void) state;

    for (i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
        if (skep_range_parse(malformed[i], &r) == 0) {
            fail_msg("\"%s\" is taken", malformed[i]);
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_special),
        cmocka_unit_test(test_public),
        cmocka_unit_test(test_other_family),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_several_ranges),
        cmocka_unit_test(test_malformed_ranges)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
