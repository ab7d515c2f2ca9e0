
/*
 * What the targets of libFuzzer share.
 *
 * A target is a file of this directory with LLVMFuzzerTestOneInput() in it.  It
 * hands an input to a parser, and what comes of it to fuzz_check(): what has to
 * be true whatever the input is, by other means than those of the parser.
 *
 * The same file is linked with replay.c, without clang, into a test that goes
 * over the inputs in seeds/ and corpus/ once.
 */


#ifndef _FUZZ_H_INCLUDED_
#define _FUZZ_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>


#define fuzz_check(condition)                                                 \
    ((condition) ? (void) 0 : fuzz_failed(#condition, __FILE__, __LINE__))


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* says so, and aborts */
_Noreturn void fuzz_failed(const char *condition, const char *file, int line);


/* an input that is read piece by piece; after its end there are zeros */

typedef struct {
    const uint8_t  *p;
    const uint8_t  *end;
} fuzz_input_t;

fuzz_input_t fuzz_input(const uint8_t *data, size_t size);

/* a number of n bytes, the least one first; 8 at most */
uint64_t fuzz_number(fuzz_input_t *input, unsigned n);

/* up to a byte, and past it, or what is left; a copy with a NUL to be freed,
 * in which nothing can be read beyond that */
char *fuzz_text(fuzz_input_t *input, int end, size_t *len);


/* by jansson: whether it is UTF-8; U+0000 is a character */
int fuzz_utf8(const void *text, size_t len);

/* whether all bytes are printable ASCII, blanks among them if asked */
int fuzz_printable(const void *text, size_t len, int blanks);

/* whether an address, in network order, is one that must never be reached:
 * private, loopback, link-local, metadata, multicast; of len 4 or 16 */
int fuzz_private(const uint8_t *address, size_t len);


#endif /* _FUZZ_H_INCLUDED_ */
