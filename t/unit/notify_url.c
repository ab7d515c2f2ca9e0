
#include "ngx_unit.h"
#include "ngx_notify_url.h"


static ngx_notify_url_policy_t  strict;


/* the codes of what is wrong with a URL, with blanks between them */

static const char *
faults_of(const char *url, const ngx_notify_url_policy_t *policy)
{
    size_t       len;
    u_char      *copy;
    ngx_uint_t   i, found;
    ngx_pool_t  *pool;

    static char  text[256];

    /* exactly its bytes: what reads on is seen */

    pool = unit_pool();
    len = strlen(url);
    copy = unit_copy(pool, url, len);

    found = ngx_notify_url_check(copy, len, policy);

    ngx_destroy_pool(pool);

    text[0] = '\0';

    for (i = 0; ngx_notify_url_faults[i].code; i++) {

        if (found >> i & 1) {
            strcat(text, text[0] ? " " : "");
            strcat(text, ngx_notify_url_faults[i].code);
        }
    }

    assert_int_equal(found >> i, 0);

    return text;
}


typedef struct {
    const char  *url;
    const char  *faults;
} case_t;


static void
check_cases(const case_t *cases, size_t n,
    const ngx_notify_url_policy_t *policy)
{
    size_t       i;
    const char  *got;

    for (i = 0; i < n; i++) {
        got = faults_of(cases[i].url, policy);

        if (strcmp(got, cases[i].faults) != 0) {
            fail_msg("%s: \"%s\", not \"%s\"", cases[i].url, got,
                     cases[i].faults);
        }
    }
}


#define check_all(cases, policy)                                              \
    check_cases(cases, sizeof(cases) / sizeof(cases[0]), policy)


static void
takes_absolute_urls(void **state)
{
    static const case_t  cases[] = {
        { "https://example.com", "" },
        { "https://example.com/", "" },
        { "HTTPS://Example.COM/Hook", "" },
        { "https://example.com.", "" },
        { "https://example.com:8443/a/b;c=d/%7Ee?f=g&h=%20#",
          "fragment_not_allowed" },
        { "https://example.com:1?x", "" },
        { "https://example.com:65535", "" },
        { "https://example.com?x=/?:@!$&'()*+,;=-._~", "" },
        { "https://a_b.xn--bcher-kva.example/", "" },
        { "https://host/", "" },
        { "https://1.example/", "" },
        { "https://3com.example/", "" },
        { "https://8.8.8.8/", "" },
        { "https://[2606:4700::1111]/", "" },
        { "https://[2606:4700::1111]:443/", "" },
    };

    (void) state;

    check_all(cases, &strict);
}


static void
refuses_other_forms(void **state)
{
    static const case_t  cases[] = {
        { "", "invalid_format" },
        { "x", "invalid_format" },
        { "/hook", "invalid_format" },
        { "//example.com/", "invalid_format" },
        { "example.com/hook", "invalid_format" },
        { "://example.com", "invalid_format" },
        { "https:example.com", "invalid_format" },
        { "https:/example.com", "invalid_format" },
        { "https", "invalid_format" },
        { "https:", "invalid_format" },
        { "https:/", "invalid_format" },
        { " https://example.com", "invalid_format" },
        { "https ://example.com", "invalid_format" },
        { "1https://example.com", "invalid_format" },
        { "javascript:alert(1)", "invalid_format" },
        { "https://example.com/a b", "invalid_format" },
        { "https://example.com/a\tb", "invalid_format" },
        { "https://example.com/a\r\nHost: x", "invalid_format" },
        { "https://example.com/\xc3\xa9", "invalid_format" },
        { "https://example.com/%", "invalid_format" },
        { "https://example.com/%4", "invalid_format" },
        { "https://example.com/%4g", "invalid_format" },
        { "https://example.com/a\\b", "invalid_format" },
        { "https://example.com/<a>", "invalid_format" },
        { "https://example.com/\"", "invalid_format" },
        { "https://example.com?a[]=1", "invalid_format" },
        { "https://example.com/{id}", "invalid_format" },
    };

    (void) state;

    check_all(cases, &strict);
    assert_int_equal(ngx_notify_url_check((u_char *) "https://a/\0b", 12,
                                          &strict), 1);
}


static void
wants_https(void **state)
{
    static const case_t  cases[] = {
        { "http://example.com/", "https_required" },
        { "ftp://example.com/", "https_required" },
        { "file:///etc/passwd", "https_required invalid_host" },
        { "httpss://example.com/", "https_required" },
        { "gopher://127.0.0.1:70/", "https_required address_not_allowed" },
    };

    static const case_t  with_http[] = {
        { "http://example.com/", "" },
        { "Http://example.com/", "" },
        { "https://example.com/", "" },
        { "ftp://example.com/", "https_required" },
        { "http://127.0.0.1/", "address_not_allowed" },
    };

    static const ngx_notify_url_policy_t  http = { 1, NULL, 0 };

    (void) state;

    check_all(cases, &strict);
    check_all(with_http, &http);
}


static void
wants_a_host(void **state)
{
    char    url[400];
    size_t  n;

    static const case_t  cases[] = {
        { "https://", "invalid_host" },
        { "https:///hook", "invalid_host" },
        { "https://?x", "invalid_host" },
        { "https://:443/", "invalid_host" },
        { "https://./", "invalid_host" },
        { "https://example..com/", "invalid_host" },
        { "https://.example.com/", "invalid_host" },
        { "https://example.com../", "invalid_host" },
        { "https://exa mple.com/", "invalid_host" },
        { "https://example.com%2f.evil/", "invalid_host" },
        { "https://127%2e0.0.1/", "invalid_host" },
        { "https://ex\xc3\xa4mple.com/", "invalid_host" },
        { "https://\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.1/", "invalid_host" },
        { "https://example.com\\@evil/", "userinfo_not_allowed" },
        { "https://-a.example/", "invalid_host" },
        { "https://a-.example/", "invalid_host" },
        { "https://a;b/", "invalid_host" },
        { "https://[::1/", "invalid_host" },
        { "https://[]/", "invalid_host" },
        { "https://[1.2.3.4]/", "invalid_host" },
        { "https://[2606:4700::1111%25eth0]/", "invalid_host" },
        { "https://[v1.x]/", "invalid_host" },
        { "https://[2606:4700::1111]x/", "invalid_port" },
        { "https://1.2.3.4.5/", "invalid_host" },
        { "https://8.8.8.256/", "invalid_host" },
        { "https://256.8.8.8/", "invalid_host" },
        { "https://8.8.8.08/", "invalid_host" },
        { "https://8.8..8/", "invalid_host" },
        { "https://4294967296/", "invalid_host" },
        { "https://99999999999999999999999999/", "invalid_host" },
        { "https://0x100000000/", "invalid_host" },
        { "https://8.16777216/", "invalid_host" },
        { "https://8.8.65536/", "invalid_host" },
        { "https://example.1/", "invalid_host" },
        { "https://example.0x1/", "invalid_host" },
    };

    (void) state;

    check_all(cases, &strict);

    /* the length of a label, and of a name */

    for (n = 62; n < 66; n++) {
        memset(url, 'a', sizeof(url));
        memcpy(url, "https://", 8);
        strcpy(url + 8 + n, ".example/");

        assert_string_equal(faults_of(url, &strict),
                            n <= 63 ? "" : "invalid_host");
    }

    for (n = 250; n < 256; n++) {
        memset(url, 'a', sizeof(url));
        memcpy(url, "https://", 8);
        url[8 + 60] = url[8 + 120] = url[8 + 180] = url[8 + 240] = '.';
        url[8 + n] = '\0';

        assert_string_equal(faults_of(url, &strict),
                            n <= 253 ? "" : "invalid_host");
    }
}


static void
finds_special_addresses(void **state)
{
    size_t       i;
    char         url[100];

    static const char  *hosts[] = {

        /* loopback, as inet_aton() reads it */
        "127.0.0.1", "127.1", "127.0.1", "127.255.255.254", "2130706433",
        "0x7f000001", "0X7F.1", "0x7f.0x0.0x0.0x1", "0177.0.0.1",
        "017700000001", "0177.0x0.1", "127.0.0.1.", "00000177.1", "127.0x",
        "0x7f.0.0x1",

        /* others */
        "0", "0.0.0.0", "0x", "0x0", "00", "10.0.0.1", "10.1", "167772161",
        "100.64.0.1", "169.254.169.254", "0xa9fea9fe", "2852039166",
        "0251.0376.0251.0376", "169.16689662", "168.63.129.16",
        "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.168.1.1",
        "0xc0a80101", "198.18.0.1", "224.0.0.1", "239.255.255.255",
        "240.0.0.1", "255.255.255.255", "4294967295", "0xffffffff",

        "localhost", "LocalHost", "localhost.", "a.localhost",

        "[::]", "[::1]", "[0:0:0:0:0:0:0:1]", "[::127.0.0.1]",
        "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::FFFF:10.0.0.1]",
        "[::ffff:169.254.169.254]", "[64:ff9b::127.0.0.1]",
        "[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::1]", "[2002:7f00:1::]",
        "[2001::1]", "[fe80::1]", "[febf::1]", "[fec0::1]", "[fc00::1]",
        "[fd00:ec2::254]", "[ff02::1]", "[2001:db8::1]", "[100::1]"
    };

    (void) state;

    for (i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        snprintf(url, sizeof(url), "https://%s:8443/x?y", hosts[i]);

        if (strcmp(faults_of(url, &strict), "address_not_allowed") != 0) {
            fail_msg("%s: \"%s\"", url, faults_of(url, &strict));
        }
    }
}


static void
takes_others(void **state)
{
    static const case_t  cases[] = {
        { "https://8.8.8.8/", "" },
        { "https://8.8.2056/", "" },
        { "https://134744072/", "" },
        { "https://0x08080808/", "" },
        { "https://010.010.010.010/", "" },
        { "https://11.0.0.1/", "" },
        { "https://172.32.0.1/", "" },
        { "https://[::ffff:8.8.8.8]/", "" },
        { "https://localhost.example/", "" },
        { "https://notlocalhost/", "" },
        { "https://127.0.0.1.example/", "" },
        { "https://0x7f000001.example/", "" },
        { "https://face.beef/", "" },
    };

    (void) state;

    check_all(cases, &strict);
}


static void
takes_what_the_operator_allows(void **state)
{
    skep_range_t             ranges[2];
    ngx_notify_url_policy_t  policy = { 1, ranges, 2 };

    static const case_t  cases[] = {
        { "http://127.0.0.1:8080/", "" },
        { "http://2130706433/", "" },
        { "http://localhost/", "" },
        { "http://[::ffff:127.0.0.1]/", "" },
        { "http://[fd00::1]/", "" },
        { "http://[::1]/", "address_not_allowed" },
        { "http://10.0.0.1/", "address_not_allowed" },
        { "http://8.8.8.8/", "" },
    };

    (void) state;

    assert_int_equal(skep_range_parse("127.0.0.0/8", &ranges[0]), 0);
    assert_int_equal(skep_range_parse("fd00::/8", &ranges[1]), 0);

    check_all(cases, &policy);
}


static void
tells_all_at_once(void **state)
{
    static const case_t  cases[] = {
        { "https://a@example.com/", "userinfo_not_allowed" },
        { "https://a:b@example.com/", "userinfo_not_allowed" },
        { "https://@example.com/", "userinfo_not_allowed" },
        { "https://a@b@127.0.0.1/",
          "userinfo_not_allowed address_not_allowed" },
        { "https://example.com@/", "userinfo_not_allowed invalid_host" },
        { "https://8.8.8.8@127.1/",
          "userinfo_not_allowed address_not_allowed" },
        { "https://example.com/#", "fragment_not_allowed" },
        { "https://example.com/#a#b", "fragment_not_allowed" },
        { "https://example.com#@10.0.0.1/", "fragment_not_allowed" },
        { "https://example.com:/", "invalid_port" },
        { "https://example.com:0/", "invalid_port" },
        { "https://example.com:65536/", "invalid_port" },
        { "https://example.com:100000/", "invalid_port" },
        { "https://example.com:80a/", "invalid_port" },
        { "https://example.com:-1/", "invalid_port" },
        { "https://example.com:80:80/", "invalid_port" },
        { "http://u@[::1]:0/#f",
          "https_required userinfo_not_allowed address_not_allowed "
          "invalid_port fragment_not_allowed" },
    };

    (void) state;

    check_all(cases, &strict);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(takes_absolute_urls),
        cmocka_unit_test(refuses_other_forms),
        cmocka_unit_test(wants_https),
        cmocka_unit_test(wants_a_host),
        cmocka_unit_test(finds_special_addresses),
        cmocka_unit_test(takes_others),
        cmocka_unit_test(takes_what_the_operator_allows),
        cmocka_unit_test(tells_all_at_once),
    };

    return unit_run(tests);
}
