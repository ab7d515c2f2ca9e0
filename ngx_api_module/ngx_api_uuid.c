
/*
 * UUIDs (RFC 9562).
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include <openssl/rand.h>

#include "ngx_api_uuid.h"


#define NGX_API_UUID_RANDOM  512      /* bytes taken from OpenSSL at a time */
#define NGX_API_UUID_SEQ_MAX  0xfff   /* rand_a has 12 bits */


/* the last UUID made */
static uint64_t    ngx_api_uuid_msec;
static ngx_uint_t  ngx_api_uuid_seq;

/* random bytes not yet used; they belong to one process */
static u_char     ngx_api_uuid_pool[NGX_API_UUID_RANDOM];
static size_t     ngx_api_uuid_left;
static ngx_pid_t  ngx_api_uuid_pid;


ngx_int_t
ngx_api_uuid_v7(u_char uuid[16], uint64_t msec)
{
    u_char      *random;
    ngx_uint_t   i;

    random = ngx_api_uuid_random(10);
    if (random == NULL) {
        return NGX_ERROR;
    }

    if (msec > ngx_api_uuid_msec) {

        /* half of the range at least is left to count in */

        ngx_api_uuid_msec = msec;
        ngx_api_uuid_seq = (random[8] << 8 | random[9])
                           & (NGX_API_UUID_SEQ_MAX >> 1);

    } else if (++ngx_api_uuid_seq > NGX_API_UUID_SEQ_MAX) {

        /* used up: ahead of the clock into the next millisecond */

        ngx_api_uuid_msec++;
        ngx_api_uuid_seq = 0;
    }

    for (i = 0; i < 6; i++) {
        uuid[i] = (u_char) (ngx_api_uuid_msec >> (40 - 8 * i));
    }

    uuid[6] = (u_char) (0x70 | ngx_api_uuid_seq >> 8);
    uuid[7] = (u_char) ngx_api_uuid_seq;

    ngx_memcpy(&uuid[8], random, 8);
    uuid[8] = (u_char) (0x80 | (uuid[8] & 0x3f));

    return NGX_OK;
}


u_char *
ngx_api_uuid_format(u_char *p, const u_char uuid[16])
{
    ngx_uint_t            i;
    static const u_char   hex[] = "0123456789abcdef";

    for (i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *p++ = '-';
        }

        *p++ = hex[uuid[i] >> 4];
        *p++ = hex[uuid[i] & 0xf];
    }

    return p;
}


ngx_int_t
ngx_api_uuid_parse(const u_char *text, size_t len, u_char uuid[16])
{
    u_char      c;
    ngx_uint_t  i, n, digit;

    if (len != NGX_API_UUID_LEN) {
        return NGX_ERROR;
    }

    n = 0;

    for (i = 0; i < NGX_API_UUID_LEN; i++) {
        c = text[i];

        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (c != '-') {
                return NGX_ERROR;
            }

            continue;
        }

        if (c >= '0' && c <= '9') {
            digit = c - '0';

        } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
            digit = (c | 0x20) - 'a' + 10;

        } else {
            return NGX_ERROR;
        }

        if (n % 2 == 0) {
            uuid[n / 2] = (u_char) (digit << 4);

        } else {
            uuid[n / 2] |= (u_char) digit;
        }

        n++;
    }

    return NGX_OK;
}


u_char *
ngx_api_uuid_random(size_t n)
{
    /* what was read before a fork would be given out by both processes */

    if (ngx_api_uuid_left < n || ngx_api_uuid_pid != ngx_pid) {

        if (RAND_bytes(ngx_api_uuid_pool, NGX_API_UUID_RANDOM) != 1) {
            ngx_api_uuid_left = 0;
            return NULL;
        }

        ngx_api_uuid_left = NGX_API_UUID_RANDOM;
        ngx_api_uuid_pid = ngx_pid;
    }

    ngx_api_uuid_left -= n;

    return ngx_api_uuid_pool + ngx_api_uuid_left;
}
