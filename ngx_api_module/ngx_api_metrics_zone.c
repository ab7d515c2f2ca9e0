
#include "ngx_api_metrics_zone.h"
#include <signal.h>


typedef struct ngx_api_metrics_series_s  ngx_api_metrics_series_t;


struct ngx_api_metrics_series_s {
    ngx_api_metrics_series_t *volatile  next;
    uint32_t                  hash;         /* of name and labels */
    uint32_t                  first;        /* of its values, of those of all */
    uint32_t                  nvalues;
    uint32_t                  gauge;
    size_t                    name;         /* lengths */
    size_t                    labels;
    u_char                    text[1];      /* the name, the labels */
};


typedef struct {
    ngx_api_metrics_series_t *series;
    uint64_t                  values[1];
} ngx_api_metrics_cell_t;


struct ngx_api_metrics_page_s {
    ngx_api_metrics_page_t *volatile    next;
    volatile size_t           used;         /* bytes, with these */
};


typedef struct {
    volatile ngx_pid_t        pid;          /* 0: nobody */
    ngx_api_metrics_page_t *volatile    pages;
} ngx_api_metrics_slot_t;


struct ngx_api_metrics_table_s {
    ngx_api_metrics_series_t *volatile  series;   /* in the order of time */
    volatile uint32_t         nvalues;
    ngx_atomic_t              dropped;
    ngx_atomic_t              told;
    ngx_api_metrics_slot_t    slots[NGX_MAX_PROCESSES];
};


static ngx_int_t ngx_api_metrics_zone_init(ngx_shm_zone_t *shm_zone,
    void *data);
static size_t ngx_api_metrics_cell_size(
    const ngx_api_metrics_series_t *series);
static ngx_api_metrics_cell_t *ngx_api_metrics_cell_first(
    ngx_api_metrics_page_t *page);
static ngx_api_metrics_cell_t *ngx_api_metrics_cell_next(
    ngx_api_metrics_page_t *page, ngx_api_metrics_cell_t *cell);
static ngx_uint_t ngx_api_metrics_series_is(
    const ngx_api_metrics_series_t *series, uint32_t hash,
    const ngx_str_t *name, const ngx_str_t *labels);
static ngx_api_metrics_cell_t *ngx_api_metrics_zone_find(
    ngx_api_metrics_zone_t *zone, uint32_t hash, const ngx_str_t *name,
    const ngx_str_t *labels);
static ngx_api_metrics_series_t *ngx_api_metrics_zone_series(
    ngx_api_metrics_zone_t *zone, uint32_t hash,
    const ngx_api_metric_family_t *family, const ngx_str_t *labels);
static ngx_api_metrics_cell_t *ngx_api_metrics_zone_reserve(
    ngx_api_metrics_zone_t *zone, size_t size);
static void ngx_api_metrics_zone_full(ngx_api_metrics_zone_t *zone);


ngx_api_metrics_zone_t *
ngx_api_metrics_zone_add(ngx_conf_t *cf, size_t size, void *tag)
{
    ngx_str_t                name;
    ngx_shm_zone_t          *shm_zone;
    ngx_api_metrics_zone_t  *zone;

    zone = ngx_pcalloc(cf->pool, sizeof(ngx_api_metrics_zone_t));
    if (zone == NULL) {
        return NULL;
    }

    ngx_str_set(&name, "api_metrics");

    shm_zone = ngx_shared_memory_add(cf, &name, size, tag);
    if (shm_zone == NULL) {
        return NULL;
    }

    zone->size = size;

    shm_zone->init = ngx_api_metrics_zone_init;
    shm_zone->data = zone;

    return zone;
}


static ngx_int_t
ngx_api_metrics_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_api_metrics_zone_t *old = data;

    ngx_api_metrics_zone_t  *zone;

    zone = shm_zone->data;

    if (old) {
        zone->table = old->table;
        zone->shpool = old->shpool;
        return NGX_OK;
    }

    zone->shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    return ngx_api_metrics_zone_create(zone);
}


ngx_int_t
ngx_api_metrics_zone_create(ngx_api_metrics_zone_t *zone)
{
    zone->table = ngx_slab_calloc(zone->shpool,
                                  sizeof(ngx_api_metrics_table_t));
    if (zone->table == NULL) {
        return NGX_ERROR;
    }

    /* that it is full is told here, once */

    zone->shpool->log_nomem = 0;
    zone->shpool->data = zone->table;

    return NGX_OK;
}


void
ngx_api_metrics_zone_enter(ngx_api_metrics_zone_t *zone, ngx_uint_t slot)
{
    ngx_api_metrics_cell_t  *cell;
    ngx_api_metrics_page_t  *page;
    ngx_api_metrics_slot_t  *s;

    zone->slot = slot;
    zone->page = NULL;

    s = &zone->table->slots[slot];

    for (page = s->pages; page; page = page->next) {
        zone->page = page;

        for (cell = ngx_api_metrics_cell_first(page);
             cell;
             cell = ngx_api_metrics_cell_next(page, cell))
        {
            if (cell->series->gauge) {
                cell->values[0] = 0;
            }
        }
    }

    ngx_memory_barrier();
    s->pid = ngx_pid;
}


void
ngx_api_metrics_zone_leave(ngx_api_metrics_zone_t *zone)
{
    zone->table->slots[zone->slot].pid = 0;
}


uint64_t *
ngx_api_metrics_zone_cell(ngx_api_metrics_zone_t *zone,
    const ngx_api_metric_family_t *family, const ngx_str_t *labels)
{
    size_t                     size;
    uint32_t                   hash;
    ngx_api_metrics_cell_t    *cell;
    ngx_api_metrics_series_t  *series;

    hash = ngx_murmur_hash2(family->name.data, family->name.len) * 31
           + ngx_murmur_hash2(labels->data, labels->len);

    cell = ngx_api_metrics_zone_find(zone, hash, &family->name, labels);

    if (cell) {
        return cell->values;
    }

    series = ngx_api_metrics_zone_series(zone, hash, family, labels);

    if (series == NULL) {
        ngx_api_metrics_zone_full(zone);
        return NULL;
    }

    size = ngx_api_metrics_cell_size(series);
    cell = ngx_api_metrics_zone_reserve(zone, size);

    if (cell == NULL) {
        ngx_api_metrics_zone_full(zone);
        return NULL;
    }

    cell->series = series;
    ngx_memzero(cell->values, series->nvalues * sizeof(uint64_t));

    /* from here on it is seen */

    ngx_memory_barrier();
    zone->page->used += size;

    return cell->values;
}


void
ngx_api_metrics_zone_drop(ngx_api_metrics_zone_t *zone)
{
    (void) ngx_atomic_fetch_add(&zone->table->dropped, 1);
}


ngx_atomic_uint_t
ngx_api_metrics_zone_dropped(ngx_api_metrics_zone_t *zone)
{
    return zone->table->dropped;
}


size_t
ngx_api_metrics_zone_free(ngx_api_metrics_zone_t *zone)
{
    return zone->shpool->pfree * ngx_pagesize;
}


uint64_t *
ngx_api_metrics_zone_sums(ngx_api_metrics_zone_t *zone, ngx_pool_t *pool)
{
    uint32_t                   k, n;
    uint64_t                  *sums, *sum;
    ngx_uint_t                 i, alive;
    ngx_api_metrics_cell_t    *cell;
    ngx_api_metrics_page_t    *page;
    ngx_api_metrics_slot_t    *slot;
    ngx_api_metrics_series_t  *series;

    n = zone->table->nvalues;
    ngx_memory_barrier();

    sums = ngx_pcalloc(pool, (n + 1) * sizeof(uint64_t));
    if (sums == NULL) {
        return NULL;
    }

    sums[0] = n;

    for (i = 0; i < NGX_MAX_PROCESSES; i++) {
        slot = &zone->table->slots[i];

        if (slot->pages == NULL) {
            continue;
        }

        /* workers are of one user */

        alive = slot->pid && kill(slot->pid, 0) == 0;

        for (page = slot->pages; page; page = page->next) {
            for (cell = ngx_api_metrics_cell_first(page);
                 cell;
                 cell = ngx_api_metrics_cell_next(page, cell))
            {
                series = cell->series;

                if ((series->gauge && !alive)
                    || series->first + series->nvalues > n)
                {
                    continue;
                }

                sum = &sums[1 + series->first];

                for (k = 0; k < series->nvalues; k++) {
                    sum[k] += cell->values[k];
                }
            }
        }
    }

    return sums;
}


ngx_int_t
ngx_api_metrics_zone_next(ngx_api_metrics_zone_t *zone, const uint64_t *sums,
    const ngx_api_metric_family_t *family, void **at,
    ngx_api_metrics_sum_t *sum)
{
    ngx_api_metrics_series_t  *series;

    series = *at ? ((ngx_api_metrics_series_t *) *at)->next
                 : zone->table->series;

    for ( /* void */ ; series; series = series->next) {

        if (series->name != family->name.len
            || series->first + series->nvalues > sums[0]
            || ngx_memcmp(series->text, family->name.data, series->name) != 0)
        {
            continue;
        }

        *at = series;

        sum->labels.data = series->text + series->name;
        sum->labels.len = series->labels;
        sum->values = &sums[1 + series->first];

        return NGX_OK;
    }

    return NGX_DONE;
}


static size_t
ngx_api_metrics_cell_size(const ngx_api_metrics_series_t *series)
{
    return offsetof(ngx_api_metrics_cell_t, values)
           + series->nvalues * sizeof(uint64_t);
}


static ngx_api_metrics_cell_t *
ngx_api_metrics_cell_first(ngx_api_metrics_page_t *page)
{
    if (page->used == sizeof(ngx_api_metrics_page_t)) {
        return NULL;
    }

    ngx_memory_barrier();

    return (ngx_api_metrics_cell_t *) (page + 1);
}


static ngx_api_metrics_cell_t *
ngx_api_metrics_cell_next(ngx_api_metrics_page_t *page,
    ngx_api_metrics_cell_t *cell)
{
    u_char  *p;

    p = (u_char *) cell + ngx_api_metrics_cell_size(cell->series);

    if (p == (u_char *) page + page->used) {
        return NULL;
    }

    ngx_memory_barrier();

    return (ngx_api_metrics_cell_t *) p;
}


static ngx_uint_t
ngx_api_metrics_series_is(const ngx_api_metrics_series_t *series,
    uint32_t hash, const ngx_str_t *name, const ngx_str_t *labels)
{
    return series->hash == hash
           && series->name == name->len
           && series->labels == labels->len
           && ngx_memcmp(series->text, name->data, name->len) == 0
           && ngx_memcmp(series->text + name->len, labels->data, labels->len)
              == 0;
}


/* this process's cell, which may be that of the one before it */

static ngx_api_metrics_cell_t *
ngx_api_metrics_zone_find(ngx_api_metrics_zone_t *zone, uint32_t hash,
    const ngx_str_t *name, const ngx_str_t *labels)
{
    ngx_api_metrics_cell_t  *cell;
    ngx_api_metrics_page_t  *page;

    for (page = zone->table->slots[zone->slot].pages;
         page;
         page = page->next)
    {
        for (cell = ngx_api_metrics_cell_first(page);
             cell;
             cell = ngx_api_metrics_cell_next(page, cell))
        {
            if (ngx_api_metrics_series_is(cell->series, hash, name, labels)) {
                return cell;
            }
        }
    }

    return NULL;
}


/* looked up, or made; NULL: no room */

static ngx_api_metrics_series_t *
ngx_api_metrics_zone_series(ngx_api_metrics_zone_t *zone, uint32_t hash,
    const ngx_api_metric_family_t *family, const ngx_str_t *labels)
{
    size_t                              size;
    ngx_api_metrics_table_t            *table;
    ngx_api_metrics_series_t           *series;
    ngx_api_metrics_series_t *volatile *p;

    table = zone->table;

    ngx_shmtx_lock(&zone->shpool->mutex);

    for (p = &table->series; *p; p = &(*p)->next) {
        if (ngx_api_metrics_series_is(*p, hash, &family->name, labels)) {
            series = *p;
            goto done;
        }
    }

    size = offsetof(ngx_api_metrics_series_t, text)
           + family->name.len + labels->len;

    series = ngx_slab_alloc_locked(zone->shpool, size);
    if (series == NULL) {
        goto done;
    }

    series->next = NULL;
    series->hash = hash;
    series->first = table->nvalues;
    series->nvalues = (family->type == NGX_API_METRIC_HISTOGRAM)
                      ? NGX_API_METRIC_VALUES : 1;
    series->gauge = (family->type == NGX_API_METRIC_GAUGE);
    series->name = family->name.len;
    series->labels = labels->len;

    (void) ngx_cpymem(ngx_cpymem(series->text, family->name.data,
                                 family->name.len),
                      labels->data, labels->len);

    /* a process killed between the two leaves numbers unused, no more */

    table->nvalues += series->nvalues;
    ngx_memory_barrier();
    *p = series;

done:

    ngx_shmtx_unlock(&zone->shpool->mutex);

    return series;
}


/* room in this process's pages; NULL: there is none */

static ngx_api_metrics_cell_t *
ngx_api_metrics_zone_reserve(ngx_api_metrics_zone_t *zone, size_t size)
{
    ngx_api_metrics_page_t  *page;

    page = zone->page;

    if (page == NULL || ngx_pagesize - page->used < size) {

        page = ngx_slab_alloc(zone->shpool, ngx_pagesize);
        if (page == NULL) {
            return NULL;
        }

        page->next = NULL;
        page->used = sizeof(ngx_api_metrics_page_t);
        ngx_memory_barrier();

        if (zone->page) {
            zone->page->next = page;

        } else {
            zone->table->slots[zone->slot].pages = page;
        }

        zone->page = page;
    }

    return (ngx_api_metrics_cell_t *) ((u_char *) page + page->used);
}


static void
ngx_api_metrics_zone_full(ngx_api_metrics_zone_t *zone)
{
    ngx_api_metrics_zone_drop(zone);

    if (ngx_atomic_cmp_set(&zone->table->told, 0, 1)) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "the zone of \"api_metrics_zone\" is full: what is new "
                      "is not counted");
    }
}
