
/*
 * Messages of the channel of notifications: the parser.
 */


#include "ngx_notify_wire.h"
#include "ngx_api_uuid.h"

#include <skep_wire.h>


#define NGX_NOTIFY_WIRE_TYPE_MAX  64

/* a user with the blank before it */
#define NGX_NOTIFY_WIRE_USER      (SKEP_WIRE_UUID_LEN + 1)

/* no n comes near it, and sums of two stay within an int64_t */
#define NGX_NOTIFY_WIRE_MAX       INT64_C(1000000000000000000)


static ngx_int_t ngx_notify_wire_users(u_char **pos, u_char *end,
    ngx_notify_wire_event_t *event);
static ngx_int_t ngx_notify_wire_word(u_char **pos, u_char *end,
    ngx_str_t *word);
static ngx_int_t ngx_notify_wire_number(u_char **pos, u_char *end,
    int64_t *number);


ngx_int_t
ngx_notify_wire_open(ngx_notify_wire_t *wire, const ngx_str_t *text)
{
    u_char     *end;
    ngx_str_t   magic;

    wire->pos = text->data;
    wire->end = text->data + text->len;

    end = ngx_strlchr(wire->pos, wire->end, LF);

    if (end == NULL
        || ngx_notify_wire_word(&wire->pos, end, &magic) != NGX_OK
        || magic.len != sizeof(SKEP_WIRE_MAGIC) - 1
        || ngx_memcmp(magic.data, SKEP_WIRE_MAGIC, magic.len) != 0
        || ngx_notify_wire_number(&wire->pos, end, &wire->first) != NGX_OK
        || ngx_notify_wire_number(&wire->pos, end, &wire->last) != NGX_OK
        || wire->pos != end + 1
        || wire->first < 1
        || wire->last < wire->first)
    {
        return NGX_ERROR;
    }

    wire->n = wire->first - 1;
    wire->empty = (wire->pos == wire->end);

    return NGX_OK;
}


ngx_int_t
ngx_notify_wire_next(ngx_notify_wire_t *wire, ngx_notify_wire_event_t *event)
{
    u_char   *end;
    int64_t   len;

    if (wire->pos == wire->end) {
        return wire->empty || wire->n == wire->last ? NGX_DONE : NGX_ERROR;
    }

    end = ngx_strlchr(wire->pos, wire->end, LF);

    if (end == NULL
        || ngx_notify_wire_number(&wire->pos, end, &event->n) != NGX_OK
        || ngx_notify_wire_word(&wire->pos, end, &event->type) != NGX_OK
        || ngx_notify_wire_word(&wire->pos, end, &event->id) != NGX_OK
        || ngx_notify_wire_number(&wire->pos, end, &len) != NGX_OK
        || ngx_notify_wire_users(&wire->pos, end, event) != NGX_OK
        || event->n != wire->n + 1
        || event->n > wire->last
        || event->type.len > NGX_NOTIFY_WIRE_TYPE_MAX
        || event->id.len != SKEP_WIRE_UUID_LEN
        || len >= wire->end - wire->pos
        || (len == 0 && event->nusers))
    {
        return NGX_ERROR;
    }

    event->json.data = wire->pos;
    event->json.len = (size_t) len;

    wire->pos += len;

    if (*wire->pos++ != LF) {
        return NGX_ERROR;
    }

    wire->n++;

    return NGX_OK;
}


ngx_int_t
ngx_notify_wire_user(const ngx_notify_wire_event_t *event, ngx_uint_t i,
    u_char id[16])
{
    u_char  *p;

    p = event->users + i * NGX_NOTIFY_WIRE_USER;

    return *p == ' ' ? ngx_api_uuid_parse(p + 1, SKEP_WIRE_UUID_LEN, id)
                     : NGX_ERROR;
}


/* the rest of an event's line: how many, and they */

static ngx_int_t
ngx_notify_wire_users(u_char **pos, u_char *end, ngx_notify_wire_event_t *event)
{
    int64_t  n;

    if (ngx_notify_wire_number(pos, end, &n) != NGX_OK) {
        return NGX_ERROR;
    }

    /* what follows the number: the blank of the first, or LF */

    event->users = *pos - 1;
    event->nusers = (ngx_uint_t) n;

    if (n > end - event->users
        || event->users + n * NGX_NOTIFY_WIRE_USER != end)
    {
        return NGX_ERROR;
    }

    *pos = end + 1;

    return NGX_OK;
}


/* up to a blank or the end of the line, and past it; printable, not empty */

static ngx_int_t
ngx_notify_wire_word(u_char **pos, u_char *end, ngx_str_t *word)
{
    u_char  *p;

    word->data = *pos;

    for (p = *pos; p < end && *p != ' '; p++) {
        if (*p < 0x21 || *p > 0x7e) {
            return NGX_ERROR;
        }
    }

    if (p <= *pos) {
        return NGX_ERROR;
    }

    word->len = p - *pos;
    *pos = p + 1;

    return NGX_OK;
}


static ngx_int_t
ngx_notify_wire_number(u_char **pos, u_char *end, int64_t *number)
{
    size_t     i;
    int64_t    n;
    ngx_str_t  word;

    if (ngx_notify_wire_word(pos, end, &word) != NGX_OK
        || (word.len > 1 && word.data[0] == '0'))
    {
        return NGX_ERROR;
    }

    n = 0;

    for (i = 0; i < word.len; i++) {

        if (word.data[i] < '0' || word.data[i] > '9'
            || n >= NGX_NOTIFY_WIRE_MAX / 10)
        {
            return NGX_ERROR;
        }

        n = n * 10 + (word.data[i] - '0');
    }

    *number = n;

    return NGX_OK;
}
