
/*
 * What the targets of libFuzzer share.
 */


#include "fuzz.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


void
fuzz_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "%s:%d: not so: %s\n", file, line, condition);
    abort();
}


fuzz_input_t
fuzz_input(const uint8_t *data, size_t size)
{
    return (fuzz_input_t) { .p = data, .end = data + size };
}


uint64_t
fuzz_number(fuzz_input_t *input, unsigned n)
{
    unsigned  i;
    uint64_t  number;

    number = 0;

    for (i = 0; i < n && input->p < input->end; i++) {
        number |= (uint64_t) *input->p++ << 8 * i;
    }

    return number;
}


char *
fuzz_text(fuzz_input_t *input, int end, size_t *len)
{
    char           *text;
    size_t          n, left;
    const uint8_t  *found;

    left = (size_t) (input->end - input->p);
    found = left && end >= 0 ? memchr(input->p, end, left) : NULL;
    n = found ? (size_t) (found - input->p) : left;

    text = malloc(n + 1);
    fuzz_check(text != NULL);

    if (n) {
        memcpy(text, input->p, n);
    }

    text[n] = '\0';
    input->p += n + (found != NULL);

    if (len) {
        *len = n;
    }

    return text;
}


int
fuzz_utf8(const void *text, size_t len)
{
    json_t  *json;

    json = json_stringn(text, len);
    json_decref(json);

    return json != NULL;
}


int
fuzz_printable(const void *text, size_t len, int blanks)
{
    size_t                i;
    const unsigned char  *p;

    p = text;

    for (i = 0; i < len; i++) {
        if (p[i] > 0x7e || p[i] < 0x20 || (p[i] == 0x20 && !blanks)) {
            return 0;
        }
    }

    return 1;
}


int
fuzz_private(const uint8_t *a, size_t len)
{
    uint32_t  n;

    static const uint8_t  mapped[12] = { [10] = 0xff, [11] = 0xff };

    if (len == 16) {
        if (memcmp(a, mapped, 12) == 0) {
            return fuzz_private(a + 12, 4);
        }

        /* ::/8 with loopback and translations, fc00::/7, fe80::/10, multicast,
         * 6to4, Teredo */

        return a[0] == 0 || (a[0] & 0xfe) == 0xfc
               || (a[0] == 0xfe && a[1] >= 0x80) || a[0] == 0xff
               || (a[0] == 0x20 && a[1] == 0x02)
               || (a[0] == 0x20 && a[1] == 0x01 && a[2] == 0 && a[3] == 0);
    }

    n = (uint32_t) a[0] << 24 | (uint32_t) a[1] << 16 | (uint32_t) a[2] << 8
        | a[3];

    return n <= 0x00ffffff
           || (n >= 0x0a000000 && n <= 0x0affffff)     /* 10/8 */
           || (n >= 0x64400000 && n <= 0x647fffff)     /* 100.64/10 */
           || (n >= 0x7f000000 && n <= 0x7fffffff)     /* 127/8 */
           || (n >= 0xa9fe0000 && n <= 0xa9feffff)     /* 169.254/16 */
           || (n >= 0xac100000 && n <= 0xac1fffff)     /* 172.16/12 */
           || (n >= 0xc0a80000 && n <= 0xc0a8ffff)     /* 192.168/16 */
           || (n >= 0xc6120000 && n <= 0xc613ffff)     /* 198.18/15 */
           || n >= 0xe0000000;
}
