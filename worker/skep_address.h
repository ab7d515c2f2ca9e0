
/*
 * Which addresses a request may go to that somebody else has named.
 *
 * Pure.  An IPv4 address in the clothes of IPv6 (::ffff:a.b.c.d) is taken as
 * what it is, here and in the ranges an operator allows.
 */


#ifndef _SKEP_ADDRESS_H_INCLUDED_
#define _SKEP_ADDRESS_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>


typedef struct {
    int       family;            /* AF_INET or AF_INET6 */
    unsigned  bits;              /* of the prefix */
    uint8_t   bytes[16];         /* network order; those after bits are 0 */
} skep_range_t;


/*
 * "192.168.0.0/16", "fd00::/8", "10.0.0.1"; bits set after the prefix are a
 * fault.  Returns 0, or -1.
 */
int skep_range_parse(const char *text, skep_range_t *range);

/*
 * Whether the address is in a range that is not of the public internet
 * (IANA's special-purpose registries, RFC 6890) or leads to one: private,
 * loopback, link-local, shared, multicast, documentation, translated,
 * tunnelled, a cloud's metadata; or of another family than IPv4 and IPv6.
 */
int skep_address_special(const struct sockaddr *address);

/* whether it is in one of the ranges */
int skep_address_in(const struct sockaddr *address,
    const skep_range_t *ranges, size_t n);


#endif /* _SKEP_ADDRESS_H_INCLUDED_ */
