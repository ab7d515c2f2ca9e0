
/*
 * The arithmetic of rate limits: the generic cell rate algorithm.
 *
 * Of each key one number is kept, the theoretical arrival time: when all that
 * came so far would have been served at the rate.  A request is let in if that
 * is not further ahead than what may come at once; then it moves on by the
 * request's cost.
 *
 * Pure.  All times are nanoseconds of one clock.
 */


#ifndef _NGX_AUTH_GCRA_H_INCLUDED_
#define _NGX_AUTH_GCRA_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_AUTH_GCRA_SECOND    1000000000LL
#define NGX_AUTH_GCRA_MSEC      1000000LL

#define NGX_AUTH_GCRA_RATE_MAX  1000000     /* per second, minute or hour */
#define NGX_AUTH_GCRA_MAX       1000000     /* requests at once */


typedef struct {
    ngx_uint_t    count;         /* per period */
    int64_t       period;        /* a second, a minute or an hour */
} ngx_auth_gcra_rate_t;


typedef struct {
    int64_t       interval;      /* between two requests at the rate */
    int64_t       cost;          /* of a request */
    int64_t       limit;         /* what may come at once */
} ngx_auth_gcra_t;


/* "100r/s", "100 r/m", "5r/h"; NGX_OK or NGX_ERROR */
ngx_int_t ngx_auth_gcra_rate(const ngx_str_t *text,
    ngx_auth_gcra_rate_t *rate);

/* requests at once and the cost of one, both 1 to NGX_AUTH_GCRA_MAX */
void ngx_auth_gcra_init(ngx_auth_gcra_t *gcra,
    const ngx_auth_gcra_rate_t *rate, ngx_uint_t at_once, ngx_uint_t cost);

/*
 * How far ahead of now the arrival time tat is: 0 to max, the largest limit of
 * those that share it.  More than that comes of a clock that was set back, or
 * of a rate that was lower before.
 */
int64_t ngx_auth_gcra_ahead(int64_t tat, int64_t now, int64_t max);

/* whether a request is let in that finds the arrival time so far ahead */
ngx_uint_t ngx_auth_gcra_admits(const ngx_auth_gcra_t *gcra, int64_t ahead);

/* what is left of the limit, in requests of cost 1 */
ngx_uint_t ngx_auth_gcra_remaining(const ngx_auth_gcra_t *gcra, int64_t ahead);

/* seconds until nothing is ahead any more, rounded up */
time_t ngx_auth_gcra_reset(int64_t ahead);

/* seconds after which a refused request is let in, if nobody else comes; at
 * least 1 */
time_t ngx_auth_gcra_retry_after(const ngx_auth_gcra_t *gcra, int64_t ahead);

/* milliseconds by which a request is to wait to keep to the rate */
ngx_msec_t ngx_auth_gcra_delay(int64_t ahead);

/* what to tell clients: a quota per window of so many whole seconds */
void ngx_auth_gcra_policy(const ngx_auth_gcra_t *gcra, ngx_uint_t *quota,
    ngx_uint_t *window);


#endif /* _NGX_AUTH_GCRA_H_INCLUDED_ */
