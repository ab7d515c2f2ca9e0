
/*
 * Addresses that a webhook leads to, and ranges that an operator allows: the
 * text of a range up to LF, then 16 bytes of an address.
 */


#include "fuzz.h"
#include "skep_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


typedef union {
    struct sockaddr      any;
    struct sockaddr_in   in;
    struct sockaddr_in6  in6;
} address_t;


/* bit by bit */

static int
address_in_range(const skep_range_t *range, const uint8_t *bytes)
{
    unsigned  i;

    for (i = 0; i < range->bits; i++) {
        if (((range->bytes[i / 8] ^ bytes[i / 8]) >> (7 - i % 8)) & 1) {
            return 0;
        }
    }

    return 1;
}


/* what was read is written, and read again, the same */

static void
address_range(const skep_range_t *range)
{
    char          text[INET6_ADDRSTRLEN + 8];
    unsigned      i;
    skep_range_t  again;

    fuzz_check(range->family == AF_INET || range->family == AF_INET6);
    fuzz_check(range->bits <= (range->family == AF_INET ? 32 : 128));

    for (i = range->bits; i < 128; i++) {
        fuzz_check((range->bytes[i / 8] >> (7 - i % 8) & 1) == 0);
    }

    fuzz_check(inet_ntop(range->family, range->bytes, text,
                         INET6_ADDRSTRLEN) != NULL);
    (void) snprintf(text + strlen(text), 8, "/%u", range->bits);

    fuzz_check(skep_range_parse(text, &again) == 0);
    fuzz_check(memcmp(&again, range, sizeof(again)) == 0);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int            i, known, special;
    char          *text;
    uint8_t        bytes[16];
    address_t      v4, v6, mapped;
    fuzz_input_t   input;
    skep_range_t   range;

    static const uint8_t  prefix[12] = { [10] = 0xff, [11] = 0xff };

    input = fuzz_input(data, size);
    text = fuzz_text(&input, '\n', NULL);

    for (i = 0; i < 16; i++) {
        bytes[i] = (uint8_t) fuzz_number(&input, 1);
    }

    memset(&v4, 0, sizeof(v4));
    v6 = mapped = v4;

    v4.in.sin_family = AF_INET;
    memcpy(&v4.in.sin_addr, bytes, 4);

    v6.in6.sin6_family = mapped.in6.sin6_family = AF_INET6;
    memcpy(&v6.in6.sin6_addr, bytes, 16);
    memcpy(&mapped.in6.sin6_addr, prefix, 12);
    memcpy((uint8_t *) &mapped.in6.sin6_addr + 12, bytes, 4);

    special = skep_address_special(&v4.any);

    fuzz_check(special || !fuzz_private(bytes, 4));
    fuzz_check(special == skep_address_special(&mapped.any));
    fuzz_check(skep_address_special(&v6.any) || !fuzz_private(bytes, 16));

    known = skep_range_parse(text, &range) == 0;
    free(text);

    if (!known) {
        return 0;
    }

    address_range(&range);

    fuzz_check(skep_address_in(&v4.any, &range, 1)
               == (range.family == AF_INET
                   && address_in_range(&range, bytes)));
    fuzz_check(skep_address_in(&mapped.any, &range, 1)
               == skep_address_in(&v4.any, &range, 1));

    if (memcmp(bytes, prefix, 12) != 0) {
        fuzz_check(skep_address_in(&v6.any, &range, 1)
                   == (range.family == AF_INET6
                       && address_in_range(&range, bytes)));
    }

    return 0;
}
