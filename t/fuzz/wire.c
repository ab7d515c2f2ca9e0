
/*
 * Messages of the live stream.  The first byte says what the rest is: "m" a
 * message, as nginx reads it; else events, which the worker writes and nginx
 * reads.
 */


#include "fuzz.h"
#include "ngx_unit.h"
#include "ngx_api_uuid.h"
#include "ngx_notify_wire.h"
#include "skep_message.h"

#include <jansson.h>


#define WIRE_EVENTS  8
#define WIRE_USERS   12
#define WIRE_TEXT    70000      /* a message has less */


typedef struct {
    int64_t   n;
    int64_t   first;       /* of a message is what is expected */
    unsigned  users[WIRE_EVENTS];
    json_t   *data[WIRE_EVENTS];
} wire_seen_t;


/* each event as it was, byte by byte; how many */

static ngx_uint_t
wire_event(const ngx_notify_wire_event_t *event, u_char **p, u_char *end)
{
    char        head[256];
    size_t      len;
    ngx_uint_t  i;
    u_char      id[16], text[36];

    fuzz_check(event->type.len < sizeof(head) - 128);

    len = (size_t) snprintf(head, sizeof(head), "%lld %.*s %.*s %zu %zu",
                            (long long) event->n, (int) event->type.len,
                            event->type.data, (int) event->id.len,
                            event->id.data, event->json.len,
                            (size_t) event->nusers);

    fuzz_check((size_t) (end - *p) > len && memcmp(*p, head, len) == 0);
    *p += len;

    for (i = 0; i < event->nusers; i++) {
        fuzz_check(event->users + i * 37 == *p);
        fuzz_check(end - *p > 37);

        if (ngx_notify_wire_user(event, i, id) == NGX_OK) {
            ngx_api_uuid_format(text, id);
            fuzz_check(**p == ' ');
            fuzz_check(strncasecmp((char *) *p + 1, (char *) text, 36) == 0);
        }

        *p += 37;
    }

    fuzz_check(*(*p)++ == '\n');
    fuzz_check(event->json.data == *p);
    fuzz_check((size_t) (end - *p) > event->json.len);

    *p += event->json.len;
    fuzz_check(*(*p)++ == '\n');

    return 1;
}


static void
wire_read(const uint8_t *data, size_t size)
{
    char                      head[64];
    u_char                   *p, *end;
    size_t                    len;
    int64_t                   n;
    ngx_int_t                 rc;
    ngx_str_t                 text;
    ngx_notify_wire_t         wire;
    ngx_notify_wire_event_t   event;

    text.data = (u_char *) data;
    text.len = size;

    if (ngx_notify_wire_open(&wire, &text) != NGX_OK) {
        return;
    }

    p = text.data;
    end = p + size;

    fuzz_check(wire.first >= 1 && wire.last >= wire.first);

    len = (size_t) snprintf(head, sizeof(head), "skep1 %lld %lld\n",
                            (long long) wire.first, (long long) wire.last);
    fuzz_check(size >= len && memcmp(p, head, len) == 0);
    p += len;

    n = wire.first;

    while ((rc = ngx_notify_wire_next(&wire, &event)) == NGX_OK) {
        fuzz_check(event.n == n++);
        fuzz_check(event.n <= wire.last);
        wire_event(&event, &p, end);
    }

    fuzz_check(rc == NGX_DONE || rc == NGX_ERROR);
    fuzz_check(rc != NGX_DONE || p == end);
    fuzz_check(rc != NGX_DONE || n == wire.last + 1 || n == wire.first);
}


static int
wire_sink(void *data, const char *text, size_t len)
{
    wire_seen_t *seen = data;

    unsigned                  i;
    json_t                   *json;
    ngx_str_t                 str;
    ngx_notify_wire_t         wire;
    ngx_notify_wire_event_t   event;

    fuzz_check(len <= SKEP_WIRE_MOST);

    str.data = (u_char *) text;
    str.len = len;

    fuzz_check(ngx_notify_wire_open(&wire, &str) == NGX_OK);
    fuzz_check(wire.first == seen->n);

    seen->n = wire.last + 1;

    while (!wire.empty && ngx_notify_wire_next(&wire, &event) == NGX_OK) {
        i = (unsigned) (event.n - seen->first);
        fuzz_check(event.nusers == seen->users[i]);

        if (event.nusers == 0) {
            fuzz_check(event.json.len == 0);
            continue;
        }

        /* of one line, for Server-Sent Events */

        fuzz_check(memchr(event.json.data, '\n', event.json.len) == NULL);
        fuzz_check(memchr(event.json.data, '\r', event.json.len) == NULL);

        json = json_loadb((char *) event.json.data, event.json.len,
                          JSON_REJECT_DUPLICATES|JSON_ALLOW_NUL, NULL);
        fuzz_check(json_is_object(json));
        fuzz_check(json_equal(json_object_get(json, "data"), seen->data[i]));
        json_decref(json);
    }

    fuzz_check(wire.empty || wire.n == wire.last);

    return 0;
}


/* an array of ids, {id,id} */

static void
wire_users(char *p, unsigned n)
{
    unsigned  i;

    *p++ = '{';

    for (i = 0; i < n; i++) {
        p += sprintf(p, "%s01890000-0000-7000-8000-%012u", i ? "," : "", i);
    }

    *p++ = '}';
    *p = '\0';
}


static void
wire_write(fuzz_input_t *input)
{
    char                   users[WIRE_USERS * 37 + 3], *text, *big;
    size_t                 len, size;
    unsigned               i, gap;
    wire_seen_t            seen;
    skep_message_event_t   event;

    static skep_message_t  message;

    message.first = 0;
    message.len = 0;
    memset(&seen, 0, sizeof(seen));

    seen.n = 1 + (int64_t) fuzz_number(input, 4);
    seen.first = seen.n;
    message.sink = wire_sink;
    message.data = &seen;

    for (i = 0; i < WIRE_EVENTS && input->p < input->end; i++) {
        seen.users[i] = (unsigned) fuzz_number(input, 1) % WIRE_USERS;
        gap = (unsigned) fuzz_number(input, 1);
        text = fuzz_text(input, '\n', &len);

        /* a text that may be long, as any JSON */

        size = len * (gap & 0x80 ? (gap & 0x7f) * 8 + 1 : 1);
        size = size < WIRE_TEXT ? size : WIRE_TEXT;
        big = malloc(size + 1);
        fuzz_check(big != NULL);

        for (size_t k = 0; k < size; k++) {
            big[k] = text[k % len];
        }

        seen.data[i] = json_pack("{s:o?}", "text",
                                 json_stringn(big, size));
        free(big);
        free(text);

        if (seen.data[i] == NULL) {
            seen.data[i] = json_object();
        }

        text = json_dumps(seen.data[i], gap & 1 ? JSON_INDENT(1) : 0);
        fuzz_check(text != NULL);

        wire_users(users, seen.users[i]);

        event = (skep_message_event_t) {
            .n = seen.first + i, .type = "task.created",
            .id = "01890000-0000-7000-8000-000000000001",
            .actor_id = gap & 2 ? "01890000-0000-7000-8000-00000000000a" : "",
            .project_id = "01890000-0000-7000-8000-00000000000b",
            .task_id = gap & 4 ? "01890000-0000-7000-8000-00000000000c" : "",
            .created_at = "2026-01-31T12:00:00Z",
            .data = text, .data_len = strlen(text), .recipients = users
        };

        fuzz_check(skep_message_add(&message, &event) == 0);
        free(text);
    }

    fuzz_check(skep_message_flush(&message) == 0);
    fuzz_check(seen.n == seen.first + i);

    while (i) {
        json_decref(seen.data[--i]);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input_t  input;

    input = fuzz_input(data, size);

    if (fuzz_number(&input, 1) == 'm') {
        wire_read(input.p, (size_t) (input.end - input.p));

    } else {
        wire_write(&input);
    }

    return 0;
}
