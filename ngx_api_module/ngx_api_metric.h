
/*
 * A series of a metric, as whoever counts has it: a counter, a gauge or a
 * histogram.  To count is to write to a place of this process: no lock, no
 * atomic, and without "api_metrics" a place where nobody looks.
 */


#ifndef _NGX_API_METRIC_H_INCLUDED_
#define _NGX_API_METRIC_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <time.h>


#define NGX_API_METRIC_BUCKETS  16      /* of a histogram, with +Inf */

/* the buckets, and the sum in nanoseconds */
#define NGX_API_METRIC_VALUES   (NGX_API_METRIC_BUCKETS + 1)


typedef enum {
    NGX_API_METRIC_COUNTER = 0,
    NGX_API_METRIC_GAUGE,         /* of this process; all are summed, and that
                                     of one that died is gone */
    NGX_API_METRIC_HISTOGRAM      /* of times */
} ngx_api_metric_type_e;


typedef struct ngx_api_metric_family_s  ngx_api_metric_family_t;

struct ngx_api_metric_family_s {
    ngx_str_t                        name;
    ngx_str_t                        help;      /* one line */
    ngx_api_metric_type_e            type;
    unsigned                         seconds:1; /* counted in nanoseconds */

    /* a counter that is no more than the counts of this histogram */
    const ngx_api_metric_family_t   *count_of;
};


typedef struct {
    const ngx_api_metric_family_t   *family;
    ngx_str_t                        labels;    /* name="value",...; of values
                                                   nothing is escaped */
    uint64_t                        *value;
} ngx_api_metric_t;


/* where those count that nobody asks for */
extern uint64_t  ngx_api_metric_nowhere[NGX_API_METRIC_VALUES];

/* the initializer of a metric; labels is a literal, "" for none */
#define ngx_api_metric(family, labels)                                        \
    { family, ngx_string(labels), ngx_api_metric_nowhere }


/* the time of a histogram's event, in nanoseconds */
void ngx_api_metric_observe_value(uint64_t *value, uint64_t ns);


static ngx_inline void
ngx_api_metric_add(const ngx_api_metric_t *metric, uint64_t n)
{
    *metric->value += n;
}


static ngx_inline void
ngx_api_metric_inc(const ngx_api_metric_t *metric)
{
    (*metric->value)++;
}


static ngx_inline void
ngx_api_metric_dec(const ngx_api_metric_t *metric)
{
    (*metric->value)--;
}


static ngx_inline void
ngx_api_metric_set(const ngx_api_metric_t *metric, uint64_t n)
{
    *metric->value = n;
}


static ngx_inline void
ngx_api_metric_observe(const ngx_api_metric_t *metric, uint64_t ns)
{
    ngx_api_metric_observe_value(metric->value, ns);
}


/* nanoseconds of a clock that is never set; to take differences of */

static ngx_inline uint64_t
ngx_api_clock(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}


#endif /* _NGX_API_METRIC_H_INCLUDED_ */
