
/*
 * The configuration: what is read, and the line of what is wrong.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "skep_conf.h"
#include "skep_conf_keys.h"


#define PG  "pg = dbname=skep\n"


/* the text is copied to a place of its length, without a NUL */

static skep_conf_t *
parse(const char *text, size_t len, char *fault)
{
    char         *copy;
    skep_conf_t  *conf;

    copy = malloc(len + 1);
    memcpy(copy, text, len);
    copy = realloc(copy, len ? len : 1);
    fault[0] = '\0';

    conf = skep_conf_parse(copy, len, "x.conf", fault);
    free(copy);

    return conf;
}


static void
has_defaults(void **state)
{
    char          fault[SKEP_CONF_FAULT];
    skep_conf_t  *conf;

    (void) state;

    conf = parse(PG, strlen(PG), fault);
    assert_non_null(conf);

    assert_string_equal(conf->pg, "dbname=skep");
    assert_null(conf->pg_password);
    assert_int_equal(conf->pg_timeout, 30000);
    assert_string_equal(conf->redis, "127.0.0.1:6379");
    assert_string_equal(conf->stream, "skep");
    assert_int_equal(conf->batch, 500);
    assert_int_equal(conf->sweep_after, 2000);
    assert_true(conf->purge_tombstones == INT64_C(90) * 24 * 3600 * 1000);
    assert_non_null(conf->name);
    assert_true(strlen(conf->name) > 2);

    skep_conf_drop(conf);
}


static void
picks_addresses(void **state)
{
    char  address[16];

    (void) state;

    assert_int_equal(skep_conf_pick("one", 0, address, 16), 1);
    assert_string_equal(address, "one");
    assert_int_equal(skep_conf_pick(" one\t [::1]:2  3 ", 1, address, 16), 3);
    assert_string_equal(address, "[::1]:2");
    assert_int_equal(skep_conf_pick("one two 3", 5, address, 16), 3);
    assert_string_equal(address, "3");
    assert_int_equal(skep_conf_pick("one two", 4294967295u, address, 16), 2);
    assert_string_equal(address, "two");
    assert_int_equal(skep_conf_pick("one 3456789012345", 1, address, 16), 2);
    assert_int_equal(skep_conf_pick("one 34567890123456789", 1, address, 16),
                     -1);
    assert_int_equal(skep_conf_pick("  ", 0, address, 16), -1);
}


static void
reads_values(void **state)
{
    char          fault[SKEP_CONF_FAULT];
    skep_conf_t  *conf;

    static const char  text[] =
        "# a comment\n"
        "\n"
        "  \t \n"
        "pg=host=/run/x dbname=skep user='a b'\r\n"
        "\tbatch =\t7  \n"
        "sweep_after = 250ms\n"
        "   # = also one\n"
        "redis = unix:/run/redis.sock\n"
        "webhook_allow_address = 10.0.0.0/8\n"
        "webhook_allow_address = 192.168.0.0/16\n"
        "webhook_allow_http = on\n"
        "name = a#b";

    (void) state;

    conf = parse(text, sizeof(text) - 1, fault);
    assert_string_equal(fault, "");
    assert_non_null(conf);

    assert_string_equal(conf->pg, "host=/run/x dbname=skep user='a b'");
    assert_int_equal(conf->batch, 7);
    assert_int_equal(conf->sweep_after, 250);
    assert_string_equal(conf->redis, "unix:/run/redis.sock");
    assert_int_equal(conf->webhook_allow_address.n, 2);
    assert_string_equal(conf->webhook_allow_address.items[1],
                        "192.168.0.0/16");
    assert_int_equal(conf->webhook_allow_http, 1);
    assert_string_equal(conf->name, "a#b");

    skep_conf_drop(conf);
}


static void
tells_the_line(void **state)
{
    char          fault[SKEP_CONF_FAULT];
    size_t        i;

    static const struct {
        const char  *text;
        const char  *fault;
    } cases[] = {
        { "", "x.conf: \"pg\" is missing" },
        { "batch = 1\n", "x.conf: \"pg\" is missing" },
        { PG "bad = 1\n", "x.conf:2: unknown \"bad\"" },
        { PG "# x\n\nBatch = 1\n", "x.conf:4: unknown \"Batch\"" },
        { PG "batch\n", "x.conf:2: the form is NAME = VALUE" },
        { PG " = 1\n", "x.conf:2: unknown \"\"" },
        { PG "batch =\n", "x.conf:2: \"batch\" has no value" },
        { PG "batch = 1\nbatch = 1\n",
          "x.conf:3: \"batch\" is there twice: see line 2" },
        { PG "batch = 0\n", "x.conf:2: \"batch\" is from 1 to 10000" },
        { PG "batch = 10001\n", "x.conf:2: \"batch\" is from 1 to 10000" },
        { PG "batch = 1x\n", "x.conf:2: \"batch\": \"1x\" is not a number" },
        { PG "batch = -1\n", "x.conf:2: \"batch\": \"-1\" is not a number" },
        { PG "batch = 99999999999999999999\n", "x.conf:2: \"batch\": "
          "\"99999999999999999999\" is not a number" },
        { PG "sweep_after = 2 s\n", "x.conf:2: \"sweep_after\": \"2 s\" is not"
          " a time such as 15s, 5m, 2h or 30d" },
        { PG "sweep_after = 2h\n",
          "x.conf:2: \"sweep_after\" is from 0 to 3600000 ms" },
        { PG "webhook_allow_http = yes\n",
          "x.conf:2: \"webhook_allow_http\" is \"on\" or \"off\"" },
        { "pg = nonsense\n", "x.conf:1: \"pg\": missing \"=\" after"
          " \"nonsense\" in connection info string" },
        { "pg = dbname=x password=y\n",
          "x.conf:1: \"pg\": a password belongs into \"pg_password_file\"" },
        { PG "pg_password_file = /nowhere/x\n",
          "x.conf:2: /nowhere/x: No such file or directory" },
        { PG "pg_password_file = /dev/null\n",
          "x.conf:2: /dev/null: the file is empty" },
        { PG "pg_password_file = /dev/zero\n",
          "x.conf:2: /dev/zero: File too large" },
        { PG "redis = unix:run\n", "x.conf:2: \"redis\": the form is HOST,"
          " HOST:PORT, unix:/PATH or off" },
        { PG "redis = a b:26379\n",
          "x.conf: several addresses in \"redis\" are those of Sentinels:"
          " \"redis_sentinel\" is missing" },
        { PG "redis_sentinel = x\nredis = a b:0\n",
          "x.conf:3: \"redis\": the form is HOST, HOST:PORT, unix:/PATH or"
          " off" },
        { PG "redis = host:0\n", "x.conf:2: \"redis\": the form is HOST,"
          " HOST:PORT, unix:/PATH or off" },
        { PG "http = 127.0.0.1\n",
          "x.conf:2: \"http\": the form is ADDRESS:PORT or off" },
        { PG "log_level = all\n", "x.conf:2: \"log_level\": a level is error,"
          " warn, notice, info or debug" },
        { PG "stream = a b\n", "x.conf:2: \"stream\": a name has at most 200"
          " characters and no blank" },
        { PG "name = a\tb\n", "x.conf:2: \"name\": a name has at most 90"
          " characters and no blank" },
        { PG "name = 1234567890123456789012345678901234567890123456789012345"
          "678901234567890123456789012345678901\n", "x.conf:2: \"name\": a name"
          " has at most 90 characters and no blank" },
        { PG "smtp_tls = maybe\n",
          "x.conf:2: \"smtp_tls\": it is \"required\" or \"off\"" },
        { PG "webhook_ca_file = /nowhere/x\n", "x.conf:2: \"webhook_ca_file\":"
          " No such file or directory" },
        { PG "webhook_schedule = 5s 31d\n", "x.conf:2: \"webhook_schedule\":"
          " the form is \"5s 5m 2h\": at most 32 pauses of at most 30 days" },
        { PG "webhook_allow_address = 10.0.0.1/8\n",
          "x.conf:2: \"webhook_allow_address\": the form is ADDRESS or"
          " ADDRESS/BITS, without bits after those" },
        { PG "redis_user = skep\n",
          "x.conf: \"redis_user\" needs \"redis_password_file\"" },
        { PG "webhook_lease = 15s\n", "x.conf: \"webhook_lease\" must be a"
          " second longer than \"webhook_timeout\"" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_null(parse(cases[i].text, strlen(cases[i].text), fault));
        assert_string_equal(fault, cases[i].fault);
    }

    assert_null(parse(PG "batch\0 = 1\n", sizeof(PG "batch\0 = 1\n") - 1,
                      fault));
    assert_string_equal(fault, "x.conf:2: a NUL byte");
}


static void
reads_secrets(void **state)
{
    int           fd;
    char          text[256], fault[SKEP_CONF_FAULT];
    char          file[] = "/tmp/skep-unit-XXXXXX";
    skep_conf_t  *conf;

    (void) state;

    fd = mkstemp(file);
    assert_true(fd != -1);
    assert_int_equal(write(fd, " it's a secret \r\n\n", 18), 18);

    snprintf(text, sizeof(text), PG "redis_password_file = %s\n", file);
    conf = parse(text, strlen(text), fault);
    assert_non_null(conf);
    assert_string_equal(conf->redis_password, " it's a secret ");
    skep_conf_drop(conf);

    assert_int_equal(pwrite(fd, "\0", 1, 3), 1);
    assert_null(parse(text, strlen(text), fault));
    assert_non_null(strstr(fault, ":2: "));
    assert_non_null(strstr(fault, "a NUL byte"));

    close(fd);
    unlink(file);
}


/* every default is one that could stand in a file */

static void
defaults_are_good(void **state)
{
    char                    text[512], fault[SKEP_CONF_FAULT];
    size_t                  i;
    skep_conf_t            *conf;
    const skep_conf_key_t  *key;

    (void) state;

    for (i = 0; skep_conf_keys[i].name; i++) {
        key = &skep_conf_keys[i];
        assert_true(i < SKEP_CONF_KEYS_MOST);

        if (key->preset == NULL) {
            continue;
        }

        snprintf(text, sizeof(text), PG "%s = %s\n", key->name, key->preset);
        conf = parse(text, strlen(text), fault);
        assert_string_equal(fault, "");
        assert_non_null(conf);
        skep_conf_drop(conf);
    }
}


/* what a number may be least and most is taken, and one beyond is not */

static void
bounds_are_kept(void **state)
{
    int                     bad;
    char                    text[512], fault[SKEP_CONF_FAULT];
    size_t                  i, j;
    skep_conf_t            *conf;
    const char             *unit;
    const skep_conf_key_t  *key;

    (void) state;

    for (i = 0; skep_conf_keys[i].name; i++) {
        key = &skep_conf_keys[i];

        if (key->type != SKEP_CONF_NUMBER && key->type != SKEP_CONF_TIME) {
            continue;
        }

        unit = key->type == SKEP_CONF_TIME ? "ms" : "";

        const long long  values[] = {
            key->least - 1, key->least, key->most, key->most + 1
        };

        for (j = 0; j < 4; j++) {
            bad = (j == 0 || j == 3);

            snprintf(text, sizeof(text), PG "%s = %lld%s\n", key->name,
                     values[j], unit);
            conf = parse(text, strlen(text), fault);

            if (bad || conf == NULL) {
                assert_null(conf);
                assert_non_null(strstr(fault, key->name));

                /* good by itself, but not beside the other's default */
                assert_true(bad || strstr(fault, "a second longer"));
                continue;
            }

            skep_conf_drop(conf);
        }
    }
}


static void
times_and_addresses(void **state)
{
    int     port;
    char    host[16];
    size_t  i;

    static const char *const  bad[] = {
        "", "s", "-1s", "1w", "1 s", "1.5s", "9223372036854775807d", "0x1s"
    };

    static const char *const  worse[] = {
        "", ":1", "a:", "a:0", "a:65536", "a:1x", "a:-1", "a: 1", "[::1",
        "[]:1", "[::1]x", "a-host-of-16-byt:1"
    };

    (void) state;

    assert_int_equal(skep_conf_time("0"), 0);
    assert_int_equal(skep_conf_time("7"), 7000);
    assert_int_equal(skep_conf_time("7ms"), 7);
    assert_int_equal(skep_conf_time("2m"), 120000);
    assert_int_equal(skep_conf_time("1d"), 86400000);

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(skep_conf_time(bad[i]), -1);
    }

    assert_int_equal(skep_conf_address("a", 7, host, sizeof(host), &port), 0);
    assert_string_equal(host, "a");
    assert_int_equal(port, 7);

    assert_int_equal(skep_conf_address("[::1]:65535", 7, host, sizeof(host),
                                       &port), 0);
    assert_string_equal(host, "::1");
    assert_int_equal(port, 65535);

    assert_int_equal(skep_conf_address("[::1]", 7, host, sizeof(host), &port),
                     0);
    assert_int_equal(port, 7);
    assert_int_equal(skep_conf_address("a", 0, host, sizeof(host), &port), -1);

    for (i = 0; i < sizeof(worse) / sizeof(worse[0]); i++) {
        assert_int_equal(skep_conf_address(worse[i], 7, host, sizeof(host),
                                           &port), -1);
    }
}


static void
is_shared(void **state)
{
    char                fault[SKEP_CONF_FAULT];
    const skep_conf_t  *one, *two;

    (void) state;

    skep_conf_enforce(parse(PG "batch = 1\n", strlen(PG "batch = 1\n"),
                            fault));
    one = skep_conf_take();
    assert_int_equal(one->generation, 1);

    skep_conf_enforce(parse(PG "batch = 2\n", strlen(PG "batch = 2\n"),
                            fault));
    two = skep_conf_take();
    assert_int_equal(two->generation, 2);
    assert_int_equal(two->batch, 2);
    assert_int_equal(one->batch, 1);

    skep_conf_drop(one);
    skep_conf_drop(two);
    skep_conf_drop(NULL);
    skep_conf_enforce(NULL);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(has_defaults),
        cmocka_unit_test(reads_values),
        cmocka_unit_test(picks_addresses),
        cmocka_unit_test(tells_the_line),
        cmocka_unit_test(reads_secrets),
        cmocka_unit_test(defaults_are_good),
        cmocka_unit_test(bounds_are_kept),
        cmocka_unit_test(times_and_addresses),
        cmocka_unit_test(is_shared)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
