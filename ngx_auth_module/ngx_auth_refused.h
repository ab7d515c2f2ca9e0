
/*
 * A file of passwords that are refused: one per line, sorted bytewise.  It is
 * looked into, not read: with pread(), which takes a file that was cut short
 * for an error where mapped memory would take it for a crash.
 *
 * Pure but for the file; any number of threads may look at once.
 */


#ifndef _NGX_AUTH_REFUSED_H_INCLUDED_
#define _NGX_AUTH_REFUSED_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_AUTH_REFUSED_LINE  255      /* bytes of a line, at most */


typedef struct {
    ngx_fd_t    fd;                     /* the caller's to open and close */
    off_t       size;
} ngx_auth_refused_t;


/*
 * Reads the file once, sets its size, and checks that each line is in place.
 * NGX_OK; NGX_DECLINED, with the number of a line and what is wrong with it; or
 * NGX_ERROR, with errno.
 */
ngx_int_t ngx_auth_refused_check(ngx_auth_refused_t *list, ngx_uint_t *line,
    const char **fault);

/*
 * Whether a password (NUL-terminated, at most NGX_AUTH_REFUSED_LINE bytes), or
 * the same with ASCII letters in lower case, is a line: NGX_OK if it is,
 * NGX_DECLINED if it is not, NGX_ERROR if the file can't be read.
 */
ngx_int_t ngx_auth_refused_find(const ngx_auth_refused_t *list,
    const char *password);


#endif /* _NGX_AUTH_REFUSED_H_INCLUDED_ */
