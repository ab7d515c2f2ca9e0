
/*
 * Metrics in shared memory.
 *
 * A registry of all series that ever were, and for each process, by its number
 * in the master's table (ngx_process_slot), pages of cells: a series and its
 * values.  A page is written by one process alone, so counting needs no lock
 * and no other processor's cache line.  Whoever follows a process under its
 * number counts on where it ended.  Nothing is ever freed, so that whoever sums
 * up needs no lock either.  The whole outlives a reload.
 */


#ifndef _NGX_API_METRICS_ZONE_H_INCLUDED_
#define _NGX_API_METRICS_ZONE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_api_metric.h"


typedef struct ngx_api_metrics_table_s  ngx_api_metrics_table_t;
typedef struct ngx_api_metrics_page_s  ngx_api_metrics_page_t;


typedef struct {
    ngx_api_metrics_table_t  *table;      /* in shared memory */
    ngx_slab_pool_t          *shpool;
    size_t                    size;

    /* this process's */
    ngx_api_metrics_page_t   *page;       /* the last one */
    ngx_uint_t                slot;
} ngx_api_metrics_zone_t;


/* a series and the sum of its values, over all processes */
typedef struct {
    ngx_str_t                 labels;
    const uint64_t           *values;
} ngx_api_metrics_sum_t;


/* At configuration time; NULL: no memory.  The zone lives as long as the
 * configuration, what it holds longer. */
ngx_api_metrics_zone_t *ngx_api_metrics_zone_add(ngx_conf_t *cf, size_t size,
    void *tag);

/* makes an empty table of a zone that has its shpool; NGX_ERROR: no room */
ngx_int_t ngx_api_metrics_zone_create(ngx_api_metrics_zone_t *zone);

/* takes a process's place: from now on its gauges count; those of who had it
 * before are 0 */
void ngx_api_metrics_zone_enter(ngx_api_metrics_zone_t *zone, ngx_uint_t slot);

/* leaves it: the gauges count no more */
void ngx_api_metrics_zone_leave(ngx_api_metrics_zone_t *zone);

/* the place of this process's values of a series, which is made when there is
 * none; NULL: the zone is full, which is logged once */
uint64_t *ngx_api_metrics_zone_cell(ngx_api_metrics_zone_t *zone,
    const ngx_api_metric_family_t *family, const ngx_str_t *labels);

/* counts what the full zone did not take */
void ngx_api_metrics_zone_drop(ngx_api_metrics_zone_t *zone);
ngx_atomic_uint_t ngx_api_metrics_zone_dropped(ngx_api_metrics_zone_t *zone);

/* bytes that are free, in whole pages */
size_t ngx_api_metrics_zone_free(ngx_api_metrics_zone_t *zone);

/* the sums of all values, in pool, for ngx_api_metrics_zone_next(); NULL: no
 * memory */
uint64_t *ngx_api_metrics_zone_sums(ngx_api_metrics_zone_t *zone,
    ngx_pool_t *pool);

/* the next series of a family, after *at, which begins with NULL.  NGX_DONE:
 * there is none */
ngx_int_t ngx_api_metrics_zone_next(ngx_api_metrics_zone_t *zone,
    const uint64_t *sums, const ngx_api_metric_family_t *family, void **at,
    ngx_api_metrics_sum_t *sum);


#endif /* _NGX_API_METRICS_ZONE_H_INCLUDED_ */
