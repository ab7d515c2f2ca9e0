
#include "skep_pg_order.h"

#include <stddef.h>
#include <string.h>


static const char *skep_pg_order_list(const PQconninfoOption *options,
    const char *name);
static size_t skep_pg_order_count(const char *list);
static const char *skep_pg_order_element(const char *list, size_t n,
    size_t *len);
static int skep_pg_order_is(const char *list, size_t n, const char *text);
static void skep_pg_order_rotate(char *text, const char *list, size_t first);


const char *const  skep_pg_order_names[SKEP_PG_ORDER_LISTS] = {
    "host", "hostaddr", "port"
};


void
skep_pg_order_after(skep_pg_order_t *order, PGconn *conn)
{
    size_t             i, n, list;
    const char        *lists[SKEP_PG_ORDER_LISTS];
    PQconninfoOption  *options;

    const char  *const texts[SKEP_PG_ORDER_LISTS] = {
        PQhost(conn), PQhostaddr(conn), PQport(conn)
    };

    options = PQconninfo(conn);
    if (options == NULL) {
        return;
    }

    n = 1;

    for (list = 0; list < SKEP_PG_ORDER_LISTS; list++) {
        lists[list] = skep_pg_order_list(options, skep_pg_order_names[list]);

        if (strlen(lists[list]) >= SKEP_PG_ORDER_LEN) {
            PQconninfoFree(options);
            return;
        }

        if (skep_pg_order_count(lists[list]) > n) {
            n = skep_pg_order_count(lists[list]);
        }
    }

    for (i = 0; i < n; i++) {
        for (list = 0; list < SKEP_PG_ORDER_LISTS; list++) {
            if (!skep_pg_order_is(lists[list], i, texts[list])) {
                break;
            }
        }

        if (list == SKEP_PG_ORDER_LISTS) {
            break;
        }
    }

    /* if libpq does not tell, it was the first */

    i = (i == n) ? 0 : i;

    for (list = 0; list < SKEP_PG_ORDER_LISTS; list++) {
        skep_pg_order_rotate(order->lists[list], lists[list], i + 1);
    }

    PQconninfoFree(options);
}


static const char *
skep_pg_order_list(const PQconninfoOption *options, const char *name)
{
    const PQconninfoOption  *o;

    for (o = options; o->keyword; o++) {
        if (strcmp(o->keyword, name) == 0 && o->val) {
            return o->val;
        }
    }

    return "";
}


static size_t
skep_pg_order_count(const char *list)
{
    size_t  n;

    for (n = 1; *list; list++) {
        n += (*list == ',');
    }

    return n;
}


/* a list of one is that of every server: a port */

static const char *
skep_pg_order_element(const char *list, size_t n, size_t *len)
{
    if (skep_pg_order_count(list) == 1) {
        n = 0;
    }

    for ( /* void */ ; n; n--) {
        list += strcspn(list, ",");
        list += (*list == ',');
    }

    *len = strcspn(list, ",");

    return list;
}


/* what is empty is libpq's default, and tells nothing */

static int
skep_pg_order_is(const char *list, size_t n, const char *text)
{
    size_t       len;
    const char  *element;

    element = skep_pg_order_element(list, n, &len);

    return len == 0
           || (text && strlen(text) == len && strncmp(text, element, len) == 0);
}


/* the list from that element on, and then those before it */

static void
skep_pg_order_rotate(char *text, const char *list, size_t first)
{
    char        *p;
    size_t       i, n, len;
    const char  *element;

    p = text;
    n = skep_pg_order_count(list);

    for (i = 0; i < n; i++) {
        element = skep_pg_order_element(list, (first + i) % n, &len);

        memcpy(p, element, len);
        p += len;
        *p++ = ',';
    }

    *--p = '\0';
}
