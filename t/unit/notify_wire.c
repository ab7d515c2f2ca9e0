
/*
 * Messages of the channel of notifications.
 */


#include "ngx_unit.h"
#include "ngx_notify_wire.h"


#define A     "01890000-0000-7000-8000-00000000000a"
#define B     "01890000-0000-7000-8000-00000000000b"
#define ID    "01890000-0000-7000-8000-000000000001"
#define LINE  "7 task.created " ID " "


static ngx_int_t
wire_open(const char *text, ngx_notify_wire_t *wire)
{
    ngx_str_t  s;

    s.data = (u_char *) text;
    s.len = strlen(text);

    return ngx_notify_wire_open(wire, &s);
}


/* what the last call says, after as many events as it gave */

static ngx_int_t
wire_read(const char *text, ngx_uint_t *n)
{
    ngx_int_t                rc;
    ngx_notify_wire_t        wire;
    ngx_notify_wire_event_t  event;

    *n = 0;

    rc = wire_open(text, &wire);

    while (rc == NGX_OK) {
        rc = ngx_notify_wire_next(&wire, &event);
        *n += (rc == NGX_OK);
    }

    return rc;
}


static void
test_open(void **state)
{
    ngx_uint_t         i, n;
    ngx_notify_wire_t  wire;

    static const char  *bad[] = {
        "", "\n", "skep1", "skep1\n", "skep1 1\n", "skep1 1 2",
        "skep1 1 2 \n", "skep1 1 2 3\n", "skep1  1 2\n", " skep1 1 2\n",
        "skep2 1 2\n", "skep 1 2\n", "skep11 1 2\n", "skep1 0 2\n",
        "skep1 2 1\n", "skep1 -1 2\n", "skep1 +1 2\n", "skep1 1 2a\n",
        "skep1 1 2\r\n", "skep1 1 1000000000000000000\n",
        "skep1 01 2\n", "skep1 1 02\n", "skep1 00 2\n",
        "skep1 1 99999999999999999999999\n"
    };

    (void) state;

    assert_int_equal(wire_open("skep1 12 345\n", &wire), NGX_OK);
    assert_true(wire.first == 12 && wire.last == 345);
    assert_true(wire.empty);

    assert_int_equal(wire_open("skep1 7 7\n" LINE "0 0\n\n", &wire), NGX_OK);
    assert_true(wire.first == 7 && wire.last == 7);
    assert_false(wire.empty);

    assert_int_equal(wire_open("skep1 1 999999999999999999\n", &wire), NGX_OK);

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (wire_read(bad[i], &n) != NGX_ERROR || n) {
            fail_msg("\"%s\" was taken", bad[i]);
        }
    }
}


static void
test_events(void **state)
{
    u_char                   id[16];
    ngx_notify_wire_t        wire;
    ngx_notify_wire_event_t  event;

    (void) state;

    assert_int_equal(wire_open("skep1 7 9\n"
                               LINE "7 2 " A " " B "\n{\"a\":1}\n"
                               "8 x " ID " 0 0\n\n"
                               "9 y " ID " 3 1 " B "\n\n\n\n\n", &wire),
                     NGX_OK);

    assert_int_equal(ngx_notify_wire_next(&wire, &event), NGX_OK);
    assert_true(event.n == 7);
    assert_int_equal(event.type.len, 12);
    assert_memory_equal(event.type.data, "task.created", 12);
    assert_int_equal(event.id.len, 36);
    assert_memory_equal(event.id.data, ID, 36);
    assert_int_equal(event.json.len, 7);
    assert_memory_equal(event.json.data, "{\"a\":1}", 7);
    assert_int_equal(event.nusers, 2);
    assert_int_equal(ngx_notify_wire_user(&event, 0, id), NGX_OK);
    assert_int_equal(id[15], 0x0a);
    assert_int_equal(ngx_notify_wire_user(&event, 1, id), NGX_OK);
    assert_int_equal(id[15], 0x0b);

    assert_int_equal(ngx_notify_wire_next(&wire, &event), NGX_OK);
    assert_true(event.n == 8);
    assert_int_equal(event.nusers, 0);
    assert_int_equal(event.json.len, 0);

    /* lengths count, not lines */

    assert_int_equal(ngx_notify_wire_next(&wire, &event), NGX_OK);
    assert_true(event.n == 9);
    assert_memory_equal(event.json.data, "\n\n\n", 3);

    assert_int_equal(ngx_notify_wire_next(&wire, &event), NGX_DONE);
}


static void
test_malformed(void **state)
{
    char        *text;
    ngx_uint_t   i, n;

    static const struct {
        const char  *text;
        ngx_uint_t   events;
    } cases[] = {
        { "x", 0 },
        { "\n", 0 },
        { LINE "2 1 " A "\n{}", 0 },                /* no end of the line */
        { LINE "2 1 " A "\n{}x", 0 },
        { LINE "3 1 " A "\n{}\n", 0 },              /* another length */
        { LINE "1 1 " A "\n{}\n", 0 },
        { LINE "999999999 1 " A "\n{}\n", 0 },
        { LINE "0 1 " A "\n\n", 0 },                /* for somebody, empty */
        { LINE "2 0 " A "\n{}\n", 0 },              /* another count */
        { LINE "2 2 " A "\n{}\n", 0 },
        { LINE "2 1 " A " \n{}\n", 0 },
        { LINE "2 1\n{}\n", 0 },
        { LINE "2 999999999999999999 " A "\n{}\n", 0 },
        { "8 x " ID " 0 0\n\n", 0 },                /* not the next */
        { "6 x " ID " 0 0\n\n", 0 },
        { "7 x " A "0 0 0\n\n", 0 },                /* no id */
        { "7 " ID " 0 0\n\n", 0 },
        { "7  " ID " 0 0\n\n", 0 },
        { LINE "0 0\n\n", 1 },                      /* one is missing */
        { LINE "0 0\n\n" LINE "0 0\n\n", 1 },       /* repeated */
        { LINE "0 0\n\n8 x " ID " 0 0\n\n9 x " ID " 0 0\n\n", 2 }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        text = malloc(sizeof("skep1 7 8\n") + strlen(cases[i].text));
        strcpy(text, "skep1 7 8\n");
        strcat(text, cases[i].text);

        if (wire_read(text, &n) != NGX_ERROR || n != cases[i].events) {
            fail_msg("\"%s\" gave %lu events", text, (unsigned long) n);
        }

        free(text);
    }
}


/* nothing beyond a message is looked at: its copy ends where it is cut */

static void
test_cut(void **state)
{
    size_t                   len, whole;
    u_char                  *copy;
    ngx_int_t                rc;
    ngx_str_t                text;
    ngx_notify_wire_t        wire;
    ngx_notify_wire_event_t  event;

    static const char  message[] = "skep1 7 8\n" LINE "2 1 " A "\n{}\n"
                                   "8 x " ID " 2 2 " A " " B "\n[]\n";

    (void) state;

    whole = sizeof(message) - 1;

    for (len = 0; len <= whole; len++) {
        copy = malloc(len ? len : 1);
        memcpy(copy, message, len);

        text.data = copy;
        text.len = len;

        rc = ngx_notify_wire_open(&wire, &text);

        while (rc == NGX_OK) {
            rc = ngx_notify_wire_next(&wire, &event);
        }

        assert_int_equal(rc, len == whole || len == sizeof("skep1 7 8")
                             ? NGX_DONE : NGX_ERROR);
        free(copy);
    }
}


static void
test_users(void **state)
{
    u_char                   id[16];
    ngx_notify_wire_t        wire;
    ngx_notify_wire_event_t  event;

    (void) state;

    assert_int_equal(wire_open("skep1 7 7\n" LINE "2 2 " A "-" B "\n{}\n",
                               &wire),
                     NGX_OK);
    assert_int_equal(ngx_notify_wire_next(&wire, &event), NGX_OK);
    assert_int_equal(ngx_notify_wire_user(&event, 0, id), NGX_OK);
    assert_int_equal(ngx_notify_wire_user(&event, 1, id), NGX_ERROR);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_open),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_users)
    };

    return unit_run(tests);
}
