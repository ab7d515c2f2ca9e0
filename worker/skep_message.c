
#include "skep_message.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>


/* room for the first line, which is known last */
#define SKEP_MESSAGE_HEAD  64

/* of numbers and blanks in an event's first line, and of names in its JSON */
#define SKEP_MESSAGE_LINE  96
#define SKEP_MESSAGE_JSON  192


static size_t skep_message_recipients(const char *array);
static size_t skep_message_json(char *p, const skep_message_event_t *event);
static char *skep_message_member(char *p, const char *name,
    const char *value);


int
skep_message_add(skep_message_t *message, const skep_message_event_t *event)
{
    int     rc, n;
    char   *p, *json;
    size_t  users, room, most, ids, len;

    users = skep_message_recipients(event->recipients);

    /* never less than what it takes */

    ids = users * (SKEP_WIRE_UUID_LEN + 1);
    most = SKEP_MESSAGE_LINE + strlen(event->type) + strlen(event->id) + ids;

    if (users) {
        most += SKEP_MESSAGE_JSON + 2 * strlen(event->id) + strlen(event->type)
                + strlen(event->actor_id) + strlen(event->project_id)
                + strlen(event->task_id) + strlen(event->created_at)
                + event->data_len;
    }

    room = SKEP_WIRE_MOST - SKEP_MESSAGE_HEAD - message->len;

    if (message->first && (most > room || event->n != message->last + 1)) {
        rc = skep_message_flush(message);

        if (rc != 0) {
            return rc;
        }

        room = SKEP_WIRE_MOST - SKEP_MESSAGE_HEAD;
    }

    if (most > room) {
        return skep_message_tell(message, event->n, event->n);
    }

    if (message->first == 0) {
        message->first = event->n;
    }

    message->last = event->n;

    /* the JSON goes where the line can't reach, and then to its end */

    p = message->text + SKEP_MESSAGE_HEAD + message->len;
    json = p + SKEP_MESSAGE_LINE + strlen(event->type) + strlen(event->id)
           + ids;
    len = users ? skep_message_json(json, event) : 0;

    n = sprintf(p, "%" PRId64 " %s %s %zu %zu", event->n, event->type,
                event->id, len, users);
    p += n;

    if (users) {
        *p = ' ';
        memcpy(p + 1, event->recipients + 1, ids - 1);

        for (room = SKEP_WIRE_UUID_LEN + 1; room < ids;
             room += SKEP_WIRE_UUID_LEN + 1)
        {
            p[room] = ' ';
        }

        p += ids;
    }

    *p++ = '\n';
    memmove(p, json, len);
    p += len;
    *p++ = '\n';

    message->len = (size_t) (p - message->text) - SKEP_MESSAGE_HEAD;

    return 0;
}


/* how many ids are in an array */

static size_t
skep_message_recipients(const char *array)
{
    size_t  len;

    len = strlen(array);

    return len > 2 ? (len - 1) / (SKEP_WIRE_UUID_LEN + 1) : 0;
}


/* the notification as GET /v1/notifications/{id} has it, not yet read */

static size_t
skep_message_json(char *p, const skep_message_event_t *event)
{
    char  *start, *data;

    start = p;

    *p++ = '{';
    p = skep_message_member(p, "id", event->id);
    p = skep_message_member(p, "event_id", event->id);
    p = skep_message_member(p, "type", event->type);
    p = skep_message_member(p, "project_id", event->project_id);
    p = skep_message_member(p, "task_id", event->task_id);
    p = skep_message_member(p, "actor_id", event->actor_id);

    p = stpcpy(p, "\"data\":");
    data = p;
    memcpy(p, event->data, event->data_len);
    p += event->data_len;

    /* newlines of JSON are between its tokens: none is in a text */

    for ( /* void */ ; data < p; data++) {
        if (*data == '\n' || *data == '\r') {
            *data = ' ';
        }
    }

    p = stpcpy(p, ",\"read_at\":null,");
    p = skep_message_member(p, "created_at", event->created_at);
    p[-1] = '}';

    return (size_t) (p - start);
}


static char *
skep_message_member(char *p, const char *name, const char *value)
{
    const char  *quote;

    quote = *value ? "\"" : "";

    return p + sprintf(p, "\"%s\":%s%s%s,", name, quote,
                       *value ? value : "null", quote);
}


int
skep_message_flush(skep_message_t *message)
{
    int    n;
    char   head[SKEP_MESSAGE_HEAD], *start;

    if (message->first == 0) {
        return 0;
    }

    n = snprintf(head, sizeof(head), SKEP_WIRE_MAGIC " %" PRId64 " %" PRId64
                 "\n", message->first, message->last);

    start = message->text + SKEP_MESSAGE_HEAD - n;
    memcpy(start, head, (size_t) n);

    n = message->sink(message->data, start, (size_t) n + message->len);

    message->first = 0;
    message->len = 0;

    return n;
}


int
skep_message_tell(skep_message_t *message, int64_t first, int64_t last)
{
    int   n;
    char  head[SKEP_MESSAGE_HEAD];

    n = snprintf(head, sizeof(head), SKEP_WIRE_MAGIC " %" PRId64 " %" PRId64
                 "\n", first, last);

    return message->sink(message->data, head, (size_t) n);
}
