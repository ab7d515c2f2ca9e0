
#include "ngx_api_pg_place.h"


static ngx_uint_t ngx_api_pg_place_count(const char *list);
static ngx_str_t ngx_api_pg_place_element(const char *list, ngx_uint_t n);
static const char *ngx_api_pg_place_rotate(ngx_pool_t *pool, const char *list,
    ngx_uint_t first);
static ngx_uint_t ngx_api_pg_place_is(const ngx_api_pg_place_t *place,
    const PGconn *pg);


const char  *ngx_api_pg_place_keywords[NGX_API_PG_PLACE_LISTS] = {
    "host", "hostaddr", "port"
};


ngx_int_t
ngx_api_pg_places(ngx_pool_t *pool, ngx_array_t *places,
    const char *const lists[NGX_API_PG_PLACE_LISTS])
{
    ngx_uint_t           i, n, list;
    ngx_api_pg_place_t  *place;

    n = 1;

    for (list = 0; list < NGX_API_PG_PLACE_LISTS; list++) {
        n = ngx_max(n, ngx_api_pg_place_count(lists[list]));
    }

    if (ngx_array_init(places, pool, n, sizeof(ngx_api_pg_place_t)) != NGX_OK) {
        return NGX_ERROR;
    }

    places->nelts = n;
    place = places->elts;

    for (i = 0; i < n; i++) {
        for (list = 0; list < NGX_API_PG_PLACE_LISTS; list++) {

            place[i].own[list] = ngx_api_pg_place_element(lists[list], i);
            place[i].lists[list] = NULL;

            if (lists[list] == NULL) {
                continue;
            }

            place[i].lists[list] = ngx_api_pg_place_rotate(pool, lists[list],
                                                           i);
            if (place[i].lists[list] == NULL) {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_api_pg_place_count(const char *list)
{
    ngx_uint_t  n;

    for (n = 1; list && *list; list++) {
        n += (*list == ',');
    }

    return n;
}


/* a list of one is that of every server: a port */

static ngx_str_t
ngx_api_pg_place_element(const char *list, ngx_uint_t n)
{
    ngx_str_t  element;

    ngx_str_null(&element);

    if (list == NULL) {
        return element;
    }

    if (ngx_api_pg_place_count(list) == 1) {
        n = 0;
    }

    while (n) {
        list += strcspn(list, ",");
        list += (*list == ',');
        n--;
    }

    element.data = (u_char *) list;
    element.len = strcspn(list, ",");

    return element;
}


/* a copy of the list, from that element on, and then those before it */

static const char *
ngx_api_pg_place_rotate(ngx_pool_t *pool, const char *list, ngx_uint_t first)
{
    u_char      *text, *p;
    ngx_str_t    element;
    ngx_uint_t   i, n;

    text = ngx_pnalloc(pool, ngx_strlen(list) + 1);
    if (text == NULL) {
        return NULL;
    }

    p = text;
    n = ngx_api_pg_place_count(list);

    for (i = 0; i < n; i++) {
        element = ngx_api_pg_place_element(list, (first + i) % n);

        p = ngx_cpymem(p, element.data, element.len);
        *p++ = ',';
    }

    *--p = '\0';

    return (const char *) text;
}


ngx_uint_t
ngx_api_pg_place_after(const ngx_array_t *places, const PGconn *pg,
    ngx_uint_t place)
{
    ngx_uint_t                 i;
    const ngx_api_pg_place_t  *p;

    p = places->elts;

    for (i = 0; i < places->nelts; i++) {
        if (ngx_api_pg_place_is(&p[i], pg)) {
            place = i;
            break;
        }
    }

    place++;

    return place < places->nelts ? place : 0;
}


static ngx_uint_t
ngx_api_pg_place_is(const ngx_api_pg_place_t *place, const PGconn *pg)
{
    ngx_uint_t        i;
    const char       *texts[NGX_API_PG_PLACE_LISTS];
    const ngx_str_t  *own;

    own = place->own;

    texts[NGX_API_PG_PLACE_HOST] = PQhost(pg);
    texts[NGX_API_PG_PLACE_HOSTADDR] = PQhostaddr(pg);
    texts[NGX_API_PG_PLACE_PORT] = PQport(pg);

    for (i = 0; i < NGX_API_PG_PLACE_LISTS; i++) {

        if (own[i].len == 0) {
            continue;
        }

        if (texts[i] == NULL
            || ngx_strlen(texts[i]) != own[i].len
            || ngx_strncmp(texts[i], own[i].data, own[i].len) != 0)
        {
            return 0;
        }
    }

    return 1;
}
