
/*
 * RFC 3339 timestamps.  Instants are int64_t microseconds since the UNIX
 * epoch, UTC, in the years 0001 to 9999.
 */


#ifndef _NGX_API_TIME_H_INCLUDED_
#define _NGX_API_TIME_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* "9999-12-31T23:59:59.999999Z" without the terminating NUL */
#define NGX_API_TIME_LEN  27

/* 0001-01-01T00:00:00Z and 9999-12-31T23:59:59.999999Z */
#define NGX_API_TIME_MIN  INT64_C(-62135596800000000)
#define NGX_API_TIME_MAX  INT64_C(253402300799999999)

/* what PostgreSQL's binary timestamptz counts from: 2000-01-01, in us */
#define NGX_API_TIME_PG_EPOCH  INT64_C(946684800000000)


/*
 * Reads an RFC 3339 date-time with any offset; fractions beyond microseconds
 * are cut.  Second 60 is the next minute's first, as PostgreSQL has it.
 * NGX_OK, or NGX_ERROR if the text is not a date-time or no such day exists.
 */
ngx_int_t ngx_api_time_parse(const u_char *text, size_t len, int64_t *usec);

/*
 * Writes YYYY-MM-DDThh:mm:ss[.ffffff]Z, the fraction only if there is one and
 * without trailing zeros; at most NGX_API_TIME_LEN bytes, no NUL.
 * usec is within NGX_API_TIME_MIN .. NGX_API_TIME_MAX.  Returns the end.
 */
u_char *ngx_api_time_format(u_char *p, int64_t usec);


#endif /* _NGX_API_TIME_H_INCLUDED_ */
