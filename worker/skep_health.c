
#include "skep_health.h"
#include "skep_conf.h"
#include "skep_metrics.h"
#include "skep_run.h"

#include <stdio.h>
#include <string.h>


/* an answer of PostgreSQL that took so long is none, ms; with pg_timeout one
 * would learn of it much later */
#define SKEP_HEALTH_TIMEOUT  5000


static const char *skep_health_database(void);
static const char *skep_health_redis(void);


_Atomic int64_t    skep_health_waits[SKEP_HEALTH_THREADS];

static atomic_int  skep_health_found;


void
skep_health_schema(skep_health_schema_t schema)
{
    atomic_store(&skep_health_found, (int) schema);
}


char *
skep_health_text(size_t *len, int *ready)
{
    int          n;
    char        *text;
    const char  *status, *database, *redis, *schema;

    static const char *const  schemas[] = { "unknown", "ok", "outdated" };

    database = skep_health_database();
    redis = skep_health_redis();
    schema = schemas[atomic_load(&skep_health_found)];

    *ready = 0;

    if (skep_stopping()) {
        status = "draining";

    } else if (strcmp(database, "ok") != 0 || strcmp(schema, "ok") != 0) {
        status = "unavailable";

    } else {
        *ready = 1;

        /* without Redis all is done, but later */
        status = redis == NULL || strcmp(redis, "ok") == 0 ? "ok" : "degraded";
    }

    n = asprintf(&text, "{\"status\":\"%s\",\"checks\":{\"database\":\"%s\","
                 "\"schema\":\"%s\"%s%s%s}}", status, database, schema,
                 redis ? ",\"redis\":\"" : "", redis ? redis : "",
                 redis ? "\"" : "");

    if (n < 0) {
        return NULL;
    }

    *len = (size_t) n;

    return text;
}


static const char *
skep_health_database(void)
{
    size_t   i;
    int64_t  since;

    if (atomic_load(skep_metric(UP_PG_CONSUMER)) != 1
        || atomic_load(skep_metric(UP_PG_SWEEPER)) != 1)
    {
        return "unavailable";
    }

    for (i = 0; i < SKEP_HEALTH_THREADS; i++) {
        since = atomic_load(&skep_health_waits[i]);

        if (since && skep_now() - since > SKEP_HEALTH_TIMEOUT) {
            return "timeout";
        }
    }

    return "ok";
}


/* NULL: it is off */

static const char *
skep_health_redis(void)
{
    int                 off;
    const skep_conf_t  *conf;

    conf = skep_conf_take();
    off = strcmp(conf->redis, "off") == 0;
    skep_conf_drop(conf);

    if (off) {
        return NULL;
    }

    return atomic_load(skep_metric(UP_REDIS_CONSUMER)) == 1
           && atomic_load(skep_metric(UP_REDIS_SWEEPER)) == 1
           ? "ok" : "unavailable";
}
