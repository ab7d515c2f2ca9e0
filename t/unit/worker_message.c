
/*
 * Messages for live streams: what one reads is what was put in, whatever fits
 * where.
 */


#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "skep_message.h"


#define ID     "01890000-0000-7000-8000-00000000000"
#define ARRAY  (200 * (SKEP_WIRE_UUID_LEN + 1) + 2)


/* what was read of all messages: the next n, and how many of which kind */

typedef struct {
    int64_t   next;
    unsigned  messages;
    unsigned  told;                    /* runs without events */
    unsigned  events;
    unsigned  recipients;
    size_t    data;                    /* bytes of all texts in data */
    int       rc;                      /* for the one who sends */
} seen_t;


/* reads one as strictly as skep_wire.h has it */

static int
read_message(void *data, const char *text, size_t len)
{
    seen_t *seen = data;

    int       at;
    char      type[32], id[40], want[64];
    size_t    bytes, users, i;
    json_t   *json, *value;
    int64_t   first, last, n;

    const char  *p, *end;

    p = text;
    end = text + len;

    assert_true(len <= SKEP_WIRE_MOST);
    assert_int_equal(end[-1], '\n');

    at = -1;
    assert_int_equal(sscanf(p, "skep1 %" SCNd64 " %" SCNd64 "%n", &first,
                            &last, &at), 2);

    i = (size_t) snprintf(want, sizeof(want), "skep1 %" PRId64 " %" PRId64
                          "\n", first, last);
    assert_memory_equal(p, want, i);
    p += i;

    assert_true(first == seen->next && last >= first);
    seen->next = last + 1;
    seen->messages++;

    if (p == end) {
        seen->told++;
        return seen->rc;
    }

    for (n = first; n <= last; n++) {
        assert_int_equal(sscanf(p, "%*d %31s %39s %zu %zu%n", type, id,
                                &bytes, &users, &at), 4);
        i = (size_t) snprintf(want, sizeof(want), "%" PRId64 " ", n);
        assert_memory_equal(p, want, i);
        p += at;

        for (i = 0; i < users; i++) {
            assert_int_equal(*p, ' ');
            assert_memory_equal(p + 1, ID, SKEP_WIRE_UUID_LEN - 1);
            p += 1 + SKEP_WIRE_UUID_LEN;
        }

        assert_int_equal(*p++, '\n');
        assert_true(p + bytes < end && p[bytes] == '\n');
        assert_null(memchr(p, '\n', bytes));
        assert_int_equal(users != 0, bytes != 0);

        if (bytes) {
            json = json_loadb(p, bytes, JSON_REJECT_DUPLICATES, NULL);
            assert_non_null(json);
            assert_int_equal(json_object_size(json), 9);
            assert_string_equal(json_string_value(json_object_get(json, "id")),
                                id);
            assert_string_equal(json_string_value(json_object_get(json,
                                "event_id")), id);
            assert_string_equal(json_string_value(json_object_get(json,
                                "type")), type);
            assert_true(json_is_null(json_object_get(json, "read_at")));
            assert_true(json_is_null(json_object_get(json, "task_id")));

            value = json_object_get(json_object_get(json, "data"), "text");
            assert_non_null(value);
            seen->data += json_string_length(value);
            json_decref(json);
        }

        p += bytes + 1;
        seen->events++;
        seen->recipients += (unsigned) users;
    }

    assert_ptr_equal(p, end);

    return seen->rc;
}


/* an event with so many recipients and bytes of text */

static int
add(skep_message_t *message, int64_t n, size_t users, size_t text)
{
    int                    rc;
    char                  *array, *data, *p;
    size_t                 i;
    skep_message_event_t   event;

    array = malloc(ARRAY + users * (SKEP_WIRE_UUID_LEN + 1));
    data = malloc(text + 32);

    p = array;
    *p++ = '{';

    for (i = 0; i < users; i++) {
        p += sprintf(p, "%s" ID "%zu", i ? "," : "", i % 10);
    }

    strcpy(p, "}");

    p = data + sprintf(data, "{\n \"text\" : \"");
    memset(p, 'x', text);
    strcpy(p + text, "\"\r\n}");

    memset(&event, 0, sizeof(event));

    event.n = n;
    event.id = ID "9";
    event.type = "task.updated";
    event.actor_id = ID "1";
    event.project_id = ID "2";
    event.task_id = "";
    event.created_at = "2026-11-21T12:00:00.123456Z";
    event.data = data;
    event.data_len = strlen(data);
    event.recipients = array;

    rc = skep_message_add(message, &event);

    free(array);
    free(data);

    return rc;
}


static skep_message_t *
message_of(seen_t *seen, int64_t next)
{
    skep_message_t  *message;

    memset(seen, 0, sizeof(seen_t));
    seen->next = next;

    message = calloc(1, sizeof(skep_message_t));
    message->sink = read_message;
    message->data = seen;

    return message;
}


static void
is_read_as_written(void **state)
{
    seen_t           seen;
    skep_message_t  *message;

    (void) state;

    message = message_of(&seen, 41);

    assert_int_equal(skep_message_flush(message), 0);
    assert_int_equal(seen.messages, 0);

    assert_int_equal(add(message, 41, 3, 100), 0);
    assert_int_equal(add(message, 42, 0, 100), 0);
    assert_int_equal(add(message, 43, 1, 0), 0);
    assert_int_equal(skep_message_flush(message), 0);

    assert_int_equal(seen.messages, 1);
    assert_int_equal(seen.told, 0);
    assert_int_equal(seen.events, 3);
    assert_int_equal(seen.recipients, 4);
    assert_int_equal(seen.data, 100);

    assert_int_equal(skep_message_flush(message), 0);
    assert_int_equal(seen.messages, 1);

    free(message);
}


static void
many_are_many_messages(void **state)
{
    seen_t           seen;
    size_t           i;
    skep_message_t  *message;

    (void) state;

    message = message_of(&seen, 1);

    for (i = 0; i < 1000; i++) {
        assert_int_equal(add(message, 1 + (int64_t) i, i % 7, i), 0);
    }

    assert_int_equal(skep_message_flush(message), 0);

    assert_int_equal(seen.next, 1001);
    assert_int_equal(seen.events, 1000);
    assert_int_equal(seen.told, 0);
    assert_in_range(seen.messages, 8, 30);

    free(message);
}


/* of every size around that which fits just so */

static void
fills_to_the_brim(void **state)
{
    seen_t           seen;
    size_t           text;
    unsigned         whole;
    skep_message_t  *message;

    (void) state;

    whole = 0;

    for (text = 64000; text < 66000; text++) {
        message = message_of(&seen, 1);

        assert_int_equal(add(message, 1, 2, 10), 0);
        assert_int_equal(add(message, 2, 1, text), 0);
        assert_int_equal(add(message, 3, 2, 10), 0);
        assert_int_equal(skep_message_flush(message), 0);

        assert_int_equal(seen.next, 4);
        assert_int_equal(seen.events + seen.told, 3);
        assert_in_range(seen.messages, 2, 3);
        whole += seen.told == 0;

        free(message);
    }

    assert_in_range(whole, 500, 1999);
}


static void
what_fits_nowhere_is_told(void **state)
{
    seen_t           seen;
    skep_message_t  *message;

    (void) state;

    message = message_of(&seen, 5);

    assert_int_equal(add(message, 5, 1, 10), 0);
    assert_int_equal(add(message, 6, 1, 100000), 0);
    assert_int_equal(add(message, 7, 5000, 10), 0);
    assert_int_equal(add(message, 8, 1, 10), 0);
    assert_int_equal(skep_message_flush(message), 0);

    assert_int_equal(seen.next, 9);
    assert_int_equal(seen.messages, 4);
    assert_int_equal(seen.told, 2);
    assert_int_equal(seen.events, 2);

    assert_int_equal(skep_message_tell(message, 9, 12), 0);
    assert_int_equal(seen.next, 13);
    assert_int_equal(seen.told, 3);

    free(message);
}


static void
a_gap_begins_a_message(void **state)
{
    seen_t           seen;
    skep_message_t  *message;

    (void) state;

    message = message_of(&seen, 1);

    assert_int_equal(add(message, 1, 1, 10), 0);
    assert_int_equal(seen.messages, 0);

    assert_int_equal(add(message, 3, 1, 10), 0);
    assert_int_equal(seen.messages, 1);

    seen.next = 3;
    assert_int_equal(skep_message_flush(message), 0);
    assert_int_equal(seen.messages, 2);
    assert_int_equal(seen.next, 4);

    free(message);
}


static void
a_failure_ends_it(void **state)
{
    seen_t           seen;
    skep_message_t  *message;

    (void) state;

    message = message_of(&seen, 1);
    seen.rc = -1;

    assert_int_equal(add(message, 1, 1, 60000), 0);
    assert_int_equal(add(message, 2, 1, 60000), -1);
    assert_int_equal(seen.messages, 1);

    free(message);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        cmocka_unit_test(is_read_as_written),
        cmocka_unit_test(many_are_many_messages),
        cmocka_unit_test(fills_to_the_brim),
        cmocka_unit_test(what_fits_nowhere_is_told),
        cmocka_unit_test(a_gap_begins_a_message),
        cmocka_unit_test(a_failure_ends_it)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
