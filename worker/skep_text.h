
/*
 * Text of others, made fit to be stored.  Pure.
 */


#ifndef _SKEP_TEXT_H_INCLUDED_
#define _SKEP_TEXT_H_INCLUDED_


#include <stddef.h>


/*
 * Copies bytes as valid UTF-8 (RFC 3629) into dst, at most size - 1 bytes and
 * a NUL: what is malformed becomes U+FFFD, once for each maximal part of a
 * sequence, NUL is left out, and so is a sequence that the end of src cuts.
 * Returns the length.
 */
size_t skep_text_utf8(char *dst, size_t size, const char *src, size_t len);


#endif /* _SKEP_TEXT_H_INCLUDED_ */
