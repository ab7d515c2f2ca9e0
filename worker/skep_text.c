
#include "skep_text.h"

#include <string.h>


static size_t skep_text_sequence(const unsigned char *p, size_t len,
    int *valid);


size_t
skep_text_utf8(char *dst, size_t size, const char *src, size_t len)
{
    int                   valid;
    size_t                n, out, room;
    const char           *from;
    const unsigned char  *p, *end;

    p = (const unsigned char *) src;
    end = p + len;
    room = size - 1;
    out = 0;

    while (p < end) {

        if (*p == '\0') {
            p++;
            continue;
        }

        n = skep_text_sequence(p, (size_t) (end - p), &valid);

        if (n == 0) {
            break;
        }

        from = valid ? (const char *) p : "\xef\xbf\xbd";
        p += n;

        if (!valid) {
            n = 3;
        }

        if (n > room - out) {
            break;
        }

        memcpy(dst + out, from, n);
        out += n;
    }

    dst[out] = '\0';

    return out;
}


/*
 * The length of the sequence that begins here, or of the part of it that is
 * there before it goes wrong; 0 if the end comes first.  The second byte's
 * bounds exclude overlong forms, surrogates and what is above U+10FFFF.
 */

static size_t
skep_text_sequence(const unsigned char *p, size_t len, int *valid)
{
    size_t         n, i;
    unsigned char  low, high;

    *valid = 0;
    low = 0x80;
    high = 0xbf;

    if (p[0] < 0x80) {
        *valid = 1;
        return 1;
    }

    if (p[0] >= 0xc2 && p[0] <= 0xdf) {
        n = 2;

    } else if (p[0] >= 0xe0 && p[0] <= 0xef) {
        n = 3;
        low = (p[0] == 0xe0) ? 0xa0 : 0x80;
        high = (p[0] == 0xed) ? 0x9f : 0xbf;

    } else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        n = 4;
        low = (p[0] == 0xf0) ? 0x90 : 0x80;
        high = (p[0] == 0xf4) ? 0x8f : 0xbf;

    } else {
        return 1;
    }

    for (i = 1; i < n; i++) {

        if (i == len) {
            return 0;
        }

        if (p[i] < low || p[i] > high) {
            return i;
        }

        low = 0x80;
        high = 0xbf;
    }

    *valid = 1;

    return n;
}
