
/*
 * UUIDs (RFC 9562): version 7 made here, any version read.
 */


#ifndef _NGX_API_UUID_H_INCLUDED_
#define _NGX_API_UUID_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_API_UUID_LEN  36          /* the text, without a NUL */


/*
 * A new version 7 UUID of the given millisecond.  Monotonic within a process:
 * within one millisecond, or when the clock steps back, rand_a counts on from
 * the last one made (RFC 9562, 6.2, method 1), and when it is used up the UUID
 * is of the next millisecond.  Randomness comes from RAND_bytes(); NGX_ERROR
 * if that fails.  For the event loop's thread alone.
 */
ngx_int_t ngx_api_uuid_v7(u_char uuid[16], uint64_t msec);

/* lower-case text; writes NGX_API_UUID_LEN bytes, no NUL; returns the end */
u_char *ngx_api_uuid_format(u_char *p, const u_char uuid[16]);

/* exactly 8-4-4-4-12 hexadecimal digits, either case; NGX_OK or NGX_ERROR */
ngx_int_t ngx_api_uuid_parse(const u_char *text, size_t len, u_char uuid[16]);

/* n random bytes, valid until the next call, 512 at most; NULL if RAND_bytes()
 * failed.  For the event loop's thread alone. */
u_char *ngx_api_uuid_random(size_t n);


#endif /* _NGX_API_UUID_H_INCLUDED_ */
