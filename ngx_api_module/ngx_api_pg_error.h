
/*
 * What PQerrorMessage() says, in lines: libpq has no other word for some of it.
 */


#ifndef _NGX_API_PG_ERROR_H_INCLUDED_
#define _NGX_API_PG_ERROR_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * The line that says what has happened, without its end: the first one, but of
 * a connect the last one, since each is of another address and the last is that
 * of the last address.  Lines that begin with a tab are hints.  It lies in the
 * message, and is empty if that is.
 */
ngx_str_t ngx_api_pg_error_line(const char *message, ngx_uint_t connecting);

/*
 * Whether libpq waits for ever: it found no memory for the result of a Sync,
 * and waits for another one.  All that tells is a line of its own; those of the
 * server (PQERRORS_TERSE) have more than that in theirs.
 */
ngx_uint_t ngx_api_pg_error_stuck(const char *message);


#endif /* _NGX_API_PG_ERROR_H_INCLUDED_ */
