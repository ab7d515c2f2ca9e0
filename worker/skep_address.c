
#include "skep_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>


static int skep_address_bytes(const struct sockaddr *address, uint8_t *bytes);
static int skep_address_prefix(const uint8_t *a, const uint8_t *b,
    unsigned bits);
static int skep_address_match(const skep_range_t *range, int family,
    const uint8_t *bytes);


static const uint8_t  skep_address_mapped[12] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff
};


static const skep_range_t  skep_address_ranges[] = {

    { AF_INET, 8,  { 0 } },                      /* this network */
    { AF_INET, 8,  { 10 } },                     /* private, RFC 1918 */
    { AF_INET, 10, { 100, 64 } },                /* shared, RFC 6598 */
    { AF_INET, 8,  { 127 } },                    /* loopback */
    { AF_INET, 32, { 168, 63, 129, 16 } },       /* metadata of a cloud */
    { AF_INET, 16, { 169, 254 } },               /* link-local, metadata */
    { AF_INET, 12, { 172, 16 } },                /* private */
    { AF_INET, 24, { 192, 0, 0 } },              /* protocol assignments */
    { AF_INET, 24, { 192, 0, 2 } },              /* documentation */
    { AF_INET, 24, { 192, 88, 99 } },            /* 6to4 relays, RFC 7526 */
    { AF_INET, 16, { 192, 168 } },               /* private */
    { AF_INET, 15, { 198, 18 } },                /* benchmarking, RFC 2544 */
    { AF_INET, 24, { 198, 51, 100 } },           /* documentation */
    { AF_INET, 24, { 203, 0, 113 } },            /* documentation */
    { AF_INET, 4,  { 224 } },                    /* multicast */
    { AF_INET, 4,  { 240 } },                    /* reserved, broadcast */

    { AF_INET6, 23, { 0x20, 0x01 } },            /* Teredo, ORCHID, ... */
    { AF_INET6, 32, { 0x20, 0x01, 0x0d, 0xb8 } },    /* documentation */
    { AF_INET6, 16, { 0x20, 0x02 } },            /* 6to4 */
    { AF_INET6, 20, { 0x3f, 0xff } }             /* documentation, RFC 9637 */
};


/* all that is given out to be global unicast; the rest of IPv6 is special */

static const skep_range_t  skep_address_global = { AF_INET6, 3, { 0x20 } };


int
skep_range_parse(const char *text, skep_range_t *range)
{
    char         *end;
    char          address[INET6_ADDRSTRLEN];
    size_t        len;
    unsigned      max, i;
    const char   *slash;

    slash = strchr(text, '/');
    len = slash ? (size_t) (slash - text) : strlen(text);

    if (len >= sizeof(address)) {
        return -1;
    }

    memcpy(address, text, len);
    address[len] = '\0';
    memset(range, 0, sizeof(*range));

    range->family = strchr(address, ':') ? AF_INET6 : AF_INET;

    if (inet_pton(range->family, address, range->bytes) != 1) {
        return -1;
    }

    max = (range->family == AF_INET6) ? 128 : 32;
    range->bits = max;

    if (slash) {
        if (slash[1] < '0' || slash[1] > '9' || strlen(slash + 1) > 3) {
            return -1;
        }

        range->bits = (unsigned) strtoul(slash + 1, &end, 10);

        if (*end != '\0' || range->bits > max) {
            return -1;
        }
    }

    if (range->family == AF_INET6 && range->bits >= 96
        && memcmp(range->bytes, skep_address_mapped, 12) == 0)
    {
        memmove(range->bytes, range->bytes + 12, 4);
        memset(range->bytes + 4, 0, 12);
        range->family = AF_INET;
        range->bits -= 96;
        max = 32;
    }

    for (i = range->bits; i < max; i++) {
        if (range->bytes[i / 8] & (0x80 >> i % 8)) {
            return -1;
        }
    }

    return 0;
}


int
skep_address_special(const struct sockaddr *address)
{
    int      family;
    size_t   i, n;
    uint8_t  bytes[16];

    family = skep_address_bytes(address, bytes);

    if (family != AF_INET && family != AF_INET6) {
        return 1;
    }

    if (family == AF_INET6
        && !skep_address_match(&skep_address_global, family, bytes))
    {
        return 1;
    }

    n = sizeof(skep_address_ranges) / sizeof(skep_address_ranges[0]);

    for (i = 0; i < n; i++) {
        if (skep_address_match(&skep_address_ranges[i], family, bytes)) {
            return 1;
        }
    }

    return 0;
}


int
skep_address_in(const struct sockaddr *address, const skep_range_t *ranges,
    size_t n)
{
    int      family;
    size_t   i;
    uint8_t  bytes[16];

    family = skep_address_bytes(address, bytes);

    for (i = 0; i < n; i++) {
        if (skep_address_match(&ranges[i], family, bytes)) {
            return 1;
        }
    }

    return 0;
}


/* the family, after a mapped address was taken for IPv4; -1: neither */

static int
skep_address_bytes(const struct sockaddr *address, uint8_t *bytes)
{
    struct sockaddr_in   in;
    struct sockaddr_in6  in6;

    switch (address->sa_family) {

    case AF_INET:
        memcpy(&in, address, sizeof(in));
        memcpy(bytes, &in.sin_addr, 4);
        return AF_INET;

    case AF_INET6:
        memcpy(&in6, address, sizeof(in6));
        memcpy(bytes, &in6.sin6_addr, 16);

        if (memcmp(bytes, skep_address_mapped, 12) == 0) {
            memmove(bytes, bytes + 12, 4);
            return AF_INET;
        }

        return AF_INET6;

    default:
        return -1;
    }
}


static int
skep_address_match(const skep_range_t *range, int family,
    const uint8_t *bytes)
{
    return range->family == family
           && skep_address_prefix(range->bytes, bytes, range->bits);
}


static int
skep_address_prefix(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    uint8_t  mask;

    if (memcmp(a, b, bits / 8) != 0) {
        return 0;
    }

    if (bits % 8 == 0) {
        return 1;
    }

    mask = (uint8_t) (0xff << (8 - bits % 8));

    return ((a[bits / 8] ^ b[bits / 8]) & mask) == 0;
}
