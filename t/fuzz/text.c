
/*
 * Texts of strangers.  The first byte says what becomes of the rest: "j" a
 * string of JSON, "a" elements of an array of PostgreSQL, with LF between them,
 * "c" a text that is kept, "w" the same in the worker, "e" an e-mail address,
 * "t" a time, "u" a UUID, "r" the trace of an event, which the worker tells on.
 */


#include "fuzz.h"
#include "ngx_unit.h"
#include "ngx_api_json.h"
#include "ngx_api_text.h"
#include "ngx_api_time.h"
#include "ngx_api_uuid.h"
#include "ngx_auth_text.h"
#include "skep_text.h"
#include "skep_trace.h"

#include <jansson.h>
#include <time.h>


static void
text_json(const uint8_t *p, size_t len)
{
    char             *text;
    size_t            n, i;
    json_t           *json;
    ngx_pool_t       *pool;
    ngx_api_json_t    j;

    pool = unit_pool();

    /* with the end of a buffer anywhere */

    ngx_api_json_init(&j, pool, 0);
    ngx_api_json_literal(&j, "[");

    for (i = 0; len && i < 512 - len % 512; i++) {
        ngx_api_json_literal(&j, " ");
    }

    ngx_api_json_string(&j, p, len);
    ngx_api_json_literal(&j, "]");

    text = unit_chain(pool, ngx_api_json_close(&j, 1), &n);
    json = json_loadb(text, n, JSON_ALLOW_NUL, NULL);

    fuzz_check((json != NULL) == fuzz_utf8(p, len));

    if (json) {
        fuzz_check(json_string_length(json_array_get(json, 0)) == len);
        fuzz_check(memcmp(json_string_value(json_array_get(json, 0)), p, len)
                   == 0);
        json_decref(json);
    }

    ngx_destroy_pool(pool);
}


/* read again as array_in() does */

static void
text_array(fuzz_input_t *input)
{
    char        *texts[16];
    size_t       i, k, n;
    ngx_str_t    list[16], literal;
    ngx_pool_t  *pool;
    const char  *p;

    for (n = 0; n < 16 && input->p < input->end; n++) {
        texts[n] = fuzz_text(input, '\n', &list[n].len);
        list[n].data = (u_char *) texts[n];
    }

    pool = unit_pool();
    fuzz_check(ngx_api_text_array(pool, list, n, &literal) == NGX_OK);

    p = (char *) literal.data;
    fuzz_check(p[literal.len] == '\0');
    fuzz_check(*p++ == '{');

    for (i = 0; i < n; i++) {
        fuzz_check(i == 0 || *p++ == ',');
        fuzz_check(*p++ == '"');

        for (k = 0; k < list[i].len; k++) {
            p += (*p == '\\');
            fuzz_check(*p++ == texts[i][k]);
        }

        fuzz_check(*p++ == '"');
    }

    fuzz_check(p[0] == '}' && p + 1 == (char *) literal.data + literal.len);

    while (n) {
        free(texts[--n]);
    }

    ngx_destroy_pool(pool);
}


static void
text_clean(const uint8_t *p, size_t len, size_t size)
{
    char     dst[64];
    size_t   i, n;

    memset(dst, 'x', sizeof(dst));
    n = ngx_auth_text_clean(dst, size, p, len);

    fuzz_check(n < size && dst[n] == '\0');
    fuzz_check(size == sizeof(dst) || dst[size] == 'x');
    fuzz_check(fuzz_utf8(dst, n));

    for (i = 0; i < n; i++) {
        fuzz_check((u_char) dst[i] >= 0x20 && dst[i] != 0x7f);
    }

    /* what was fit stays as it is */

    if (len < size && fuzz_printable(p, len, 1)) {
        fuzz_check(n == len && memcmp(dst, p, len) == 0);
    }
}


static void
text_worker(const uint8_t *p, size_t len, size_t size)
{
    char    dst[64], again[64];
    size_t  n;

    memset(dst, 'x', sizeof(dst));
    n = skep_text_utf8(dst, size, (const char *) p, len);

    fuzz_check(n < size && dst[n] == '\0' && strlen(dst) == n);
    fuzz_check(size == sizeof(dst) || dst[size] == 'x');
    fuzz_check(fuzz_utf8(dst, n));

    fuzz_check(skep_text_utf8(again, size, dst, n) == n);
    fuzz_check(memcmp(again, dst, n) == 0);

    if (len < size && fuzz_utf8(p, len) && memchr(p, 0, len) == NULL) {
        fuzz_check(n == len && memcmp(dst, p, len) == 0);
    }
}


static void
text_email(const uint8_t *p, size_t len)
{
    const uint8_t  *sign;

    if (!ngx_api_text_is_email(p, len)) {
        return;
    }

    fuzz_check(len <= 254 && fuzz_printable(p, len, 0));

    sign = memchr(p, '@', len);
    fuzz_check(sign != NULL && sign - p <= 64 && sign > p);
    fuzz_check(memchr(sign + 1, '@', len - (size_t) (sign + 1 - p)) == NULL);
    fuzz_check(memchr(sign, '.', len - (size_t) (sign - p)) != NULL);
}


/* the same instant by timegm(), and its text the same again */

static void
text_time(const uint8_t *p, size_t len)
{
    u_char     text[NGX_API_TIME_LEN + 1];
    time_t     sec;
    int64_t    usec, again;
    struct tm  tm;

    if (ngx_api_time_parse(p, len, &usec) != NGX_OK) {
        return;
    }

    fuzz_check(usec >= NGX_API_TIME_MIN && usec <= NGX_API_TIME_MAX);

    *ngx_api_time_format(text, usec) = '\0';
    fuzz_check(strlen((char *) text) >= 20);

    memset(&tm, 0, sizeof(tm));
    fuzz_check(sscanf((char *) text, "%4d-%2d-%2dT%2d:%2d:%2d", &tm.tm_year,
                      &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min,
                      &tm.tm_sec) == 6);
    tm.tm_year -= 1900;
    tm.tm_mon--;
    sec = timegm(&tm);

    fuzz_check(sec == usec / 1000000 - (usec % 1000000 < 0));
    fuzz_check(ngx_api_time_parse(text, strlen((char *) text), &again)
               == NGX_OK);
    fuzz_check(again == usec);
}


static void
text_uuid(const uint8_t *p, size_t len)
{
    u_char  uuid[16], text[37];

    if (ngx_api_uuid_parse(p, len, uuid) == NGX_OK) {
        *ngx_api_uuid_format(text, uuid) = '\0';
        fuzz_check(len == 36);
        fuzz_check(strncasecmp((char *) text, (const char *) p, 36) == 0);
    }
}


/* an id that fits where it goes, and a header of the one length */

static void
text_trace(fuzz_input_t *input)
{
    char         text[SKEP_TRACEPARENT_LEN + 1], *trace;
    size_t       n;
    const char  *id;

    trace = fuzz_text(input, -1, NULL);

    id = skep_trace_request_id(trace);
    fuzz_check(strlen(id) < SKEP_REQUEST_ID);

    memset(text, 'x', sizeof(text));
    n = skep_trace_parent(text, sizeof(text), trace, 0x1f);

    fuzz_check(n == 0 || n == SKEP_TRACEPARENT_LEN);
    fuzz_check(n == 0 || strlen(text) == n);
    fuzz_check(n == 0 || strncmp(text, trace, 36) == 0);
    fuzz_check(n == 0 || strncmp(text + 36, "000000000000001f", 16) == 0);

    free(trace);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int            kind;
    size_t         len;
    fuzz_input_t   input;

    input = fuzz_input(data, size);
    kind = (int) fuzz_number(&input, 1);
    len = (size_t) (input.end - input.p);

    switch (kind) {

    case 'j':
        text_json(input.p, len);
        break;

    case 'a':
        text_array(&input);
        break;

    case 'c':
        text_clean(input.p, len, 64);
        text_clean(input.p, len, 1 + len % 64);
        break;

    case 'w':
        text_worker(input.p, len, 64);
        text_worker(input.p, len, 1 + len % 64);
        break;

    case 'e':
        text_email(input.p, len);
        break;

    case 't':
        text_time(input.p, len);
        break;

    case 'u':
        text_uuid(input.p, len);
        break;

    case 'r':
        text_trace(&input);
        break;
    }

    return 0;
}
