
/*
 * Events to the stream in Redis, once they are committed.
 *
 * The outbox is the truth: a row leaves it in the transaction that fans it out.
 * An entry of the stream says how far there is something to fan out.  So
 * nothing here waits, repeats or remembers: what Redis does not take, the
 * worker finds in the outbox by itself.
 *
 * A statement tells its event in columns, see sql/statements/event.sql.
 */


#include "ngx_notify.h"


#define NGX_NOTIFY_PREFIX     "_event_"
#define NGX_NOTIFY_POOL_SIZE  4096
#define NGX_NOTIFY_DATA_SIZE  1024     /* of most events */

/* after a failure Redis is well again when it took all for so long, ms */
#define NGX_NOTIFY_WELL       1000


typedef enum {
    NGX_NOTIFY_NUMBER = 0,
    NGX_NOTIFY_UUID,
    NGX_NOTIFY_TEXT,
    NGX_NOTIFY_TIME
} ngx_notify_type_e;


typedef struct {
    ngx_str_t           name;
    ngx_notify_type_e   type;
} ngx_notify_field_t;


/* of an entry, in their order; the data follow */

static const ngx_notify_field_t  ngx_notify_fields[] = {
    { ngx_string(SKEP_WIRE_SEQ), NGX_NOTIFY_NUMBER },
    { ngx_string(SKEP_WIRE_ID), NGX_NOTIFY_UUID },
    { ngx_string(SKEP_WIRE_TYPE), NGX_NOTIFY_TEXT },
    { ngx_string(SKEP_WIRE_TIMESTAMP), NGX_NOTIFY_TIME },
    { ngx_string(SKEP_WIRE_ACTOR_ID), NGX_NOTIFY_UUID },
    { ngx_string(SKEP_WIRE_PROJECT_ID), NGX_NOTIFY_UUID },
    { ngx_string(SKEP_WIRE_TASK_ID), NGX_NOTIFY_UUID }
};

#define NGX_NOTIFY_FIELDS                                                     \
    (sizeof(ngx_notify_fields) / sizeof(ngx_notify_fields[0]))

/* XADD, the stream, MAXLEN, "~", the number, "*", the fields, the trace, the
 * data */
#define NGX_NOTIFY_ARGS  (6 + 2 * NGX_NOTIFY_FIELDS + 2 + 2)


/* the columns of a result; -1: there is none */
typedef struct {
    int   field[NGX_NOTIFY_FIELDS];
    int   noun;
    int   changes;
} ngx_notify_columns_t;


typedef struct {
    int           n;
    const char   *argv[NGX_NOTIFY_ARGS];
    size_t        lens[NGX_NOTIFY_ARGS];
} ngx_notify_command_t;


static void ngx_notify_committed(const PGresult *res,
    const ngx_str_t *trace);
static void ngx_notify_lose(const PGresult *res, int row,
    const ngx_notify_columns_t *columns);
static ngx_uint_t ngx_notify_columns(const PGresult *res,
    ngx_notify_columns_t *columns);
static ngx_int_t ngx_notify_row(ngx_pool_t *pool, const PGresult *res, int row,
    const ngx_notify_columns_t *columns, const ngx_str_t *trace);
static ngx_int_t ngx_notify_value(ngx_pool_t *pool, const PGresult *res,
    int row, int column, ngx_notify_type_e type, ngx_str_t *value);
static ngx_int_t ngx_notify_data(ngx_pool_t *pool, const PGresult *res, int row,
    const ngx_notify_columns_t *columns, ngx_str_t *value);
static void ngx_notify_arg(ngx_notify_command_t *command, const void *data,
    size_t len);
static void ngx_notify_added(void *data, const redisReply *reply);
static void ngx_notify_failed(const char *why, size_t len);


/* of this worker */

static ngx_str_t   ngx_notify_stream;
static ngx_str_t   ngx_notify_maxlen;
static ngx_uint_t  ngx_notify_failing;
static ngx_msec_t  ngx_notify_failed_at;


void
ngx_notify_publish_init(const ngx_str_t *stream, const ngx_str_t *maxlen)
{
    ngx_notify_stream = *stream;
    ngx_notify_maxlen = *maxlen;

    ngx_api_pg_on_commit(stream->len ? ngx_notify_committed : NULL);
}


static void
ngx_notify_committed(const PGresult *res, const ngx_str_t *trace)
{
    int                    i, n;
    ngx_pool_t            *pool;
    ngx_notify_columns_t   columns;

    n = PQntuples(res);

    if (n == 0 || !ngx_notify_columns(res, &columns)) {
        return;
    }

    pool = NULL;

    for (i = 0; i < n; i++) {

        if (PQgetisnull(res, i, columns.field[0])) {
            continue;
        }

        if (pool == NULL) {
            pool = ngx_create_pool(NGX_NOTIFY_POOL_SIZE, ngx_cycle->log);
            if (pool == NULL) {
                ngx_notify_lose(res, i, &columns);
                return;
            }
        }

        if (ngx_notify_row(pool, res, i, &columns, trace) != NGX_OK) {
            ngx_notify_lose(res, i, &columns);
            break;
        }

        ngx_reset_pool(pool);
    }

    if (pool) {
        ngx_destroy_pool(pool);
    }
}


/* counts the events of a row and of those after it, which are not told of */

static void
ngx_notify_lose(const PGresult *res, int row,
    const ngx_notify_columns_t *columns)
{
    for ( /* void */ ; row < PQntuples(res); row++) {
        if (!PQgetisnull(res, row, columns->field[0])) {
            ngx_api_metric_inc(&ngx_notify_lost);
        }
    }
}


/* whether the result is one that may tell of events */

static ngx_uint_t
ngx_notify_columns(const PGresult *res, ngx_notify_columns_t *columns)
{
    int          i, n;
    ngx_uint_t   k;
    const char  *name;

    for (k = 0; k < NGX_NOTIFY_FIELDS; k++) {
        columns->field[k] = -1;
    }

    columns->noun = -1;
    columns->changes = -1;

    n = PQnfields(res);

    for (i = 0; i < n; i++) {
        name = PQfname(res, i);

        if (name[0] != '_'
            || ngx_strncmp(name, NGX_NOTIFY_PREFIX,
                           sizeof(NGX_NOTIFY_PREFIX) - 1)
               != 0)
        {
            continue;
        }

        name += sizeof(NGX_NOTIFY_PREFIX) - 1;

        for (k = 0; k < NGX_NOTIFY_FIELDS; k++) {
            if (ngx_strcmp(name, ngx_notify_fields[k].name.data) == 0) {
                columns->field[k] = i;
            }
        }

        if (ngx_strcmp(name, "noun") == 0) {
            columns->noun = i;

        } else if (ngx_strcmp(name, "changes") == 0) {
            columns->changes = i;
        }
    }

    return columns->field[0] >= 0;
}


/* NGX_ERROR: it is of no use to go on with the next one */

static ngx_int_t
ngx_notify_row(ngx_pool_t *pool, const PGresult *res, int row,
    const ngx_notify_columns_t *columns, const ngx_str_t *trace)
{
    ngx_str_t              value;
    ngx_uint_t             k;
    ngx_notify_command_t   command;

    command.n = 0;

    ngx_notify_arg(&command, "XADD", sizeof("XADD") - 1);
    ngx_notify_arg(&command, ngx_notify_stream.data, ngx_notify_stream.len);
    ngx_notify_arg(&command, "MAXLEN", sizeof("MAXLEN") - 1);
    ngx_notify_arg(&command, "~", 1);
    ngx_notify_arg(&command, ngx_notify_maxlen.data, ngx_notify_maxlen.len);
    ngx_notify_arg(&command, "*", 1);

    for (k = 0; k < NGX_NOTIFY_FIELDS; k++) {

        if (columns->field[k] < 0
            || PQgetisnull(res, row, columns->field[k]))
        {
            continue;
        }

        if (ngx_notify_value(pool, res, row, columns->field[k],
                             ngx_notify_fields[k].type, &value)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        ngx_notify_arg(&command, ngx_notify_fields[k].name.data,
                       ngx_notify_fields[k].name.len);
        ngx_notify_arg(&command, value.data, value.len);
    }

    if (trace->len) {
        ngx_notify_arg(&command, SKEP_WIRE_TRACE, sizeof(SKEP_WIRE_TRACE) - 1);
        ngx_notify_arg(&command, trace->data, trace->len);
    }

    if (columns->noun >= 0) {

        if (ngx_notify_data(pool, res, row, columns, &value) != NGX_OK) {
            return NGX_ERROR;
        }

        ngx_notify_arg(&command, SKEP_WIRE_DATA, sizeof(SKEP_WIRE_DATA) - 1);
        ngx_notify_arg(&command, value.data, value.len);
    }

    if (ngx_api_redis_command(command.n, command.argv, command.lens,
                              ngx_notify_added, NULL)
        == NULL)
    {
        ngx_notify_failed("away or behind", sizeof("away or behind") - 1);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_notify_value(ngx_pool_t *pool, const PGresult *res, int row, int column,
    ngx_notify_type_e type, ngx_str_t *value)
{
    u_char   *p;
    int64_t   t;

    if (type == NGX_NOTIFY_TEXT) {
        *value = ngx_api_pg_text(res, row, column);
        return NGX_OK;
    }

    /* the longest of the others */

    value->data = ngx_pnalloc(pool, NGX_API_UUID_LEN);
    if (value->data == NULL) {
        return NGX_ERROR;
    }

    p = value->data;

    switch (type) {

    case NGX_NOTIFY_UUID:
        if (PQgetlength(res, row, column) != 16) {
            return NGX_ERROR;
        }

        p = ngx_api_uuid_format(p, (u_char *) PQgetvalue(res, row, column));
        break;

    case NGX_NOTIFY_TIME:
        t = ngx_api_pg_time(res, row, column);

        if (t < NGX_API_TIME_MIN || t > NGX_API_TIME_MAX) {
            return NGX_ERROR;
        }

        p = ngx_api_time_format(p, t);
        break;

    default: /* NGX_NOTIFY_NUMBER */
        p = ngx_sprintf(p, "%L", ngx_api_pg_integer(res, row, column));
    }

    value->len = p - value->data;

    return NGX_OK;
}


/* {"task":{...},"changes":{...}}: the same as in the outbox */

static ngx_int_t
ngx_notify_data(ngx_pool_t *pool, const PGresult *res, int row,
    const ngx_notify_columns_t *columns, ngx_str_t *value)
{
    u_char          *p;
    ngx_chain_t     *cl;
    ngx_api_json_t   j;

    ngx_api_json_init(&j, pool, NGX_NOTIFY_DATA_SIZE);

    ngx_api_json_literal(&j, "{");
    ngx_api_pg_json_value(&j, res, row, columns->noun);
    ngx_api_json_literal(&j, ":");
    ngx_api_pg_json_row(&j, res, row);

    if (columns->changes >= 0 && !PQgetisnull(res, row, columns->changes)) {
        ngx_api_json_literal(&j, ",\"changes\":");
        ngx_api_pg_json_value(&j, res, row, columns->changes);
    }

    ngx_api_json_literal(&j, "}");

    cl = ngx_api_json_close(&j, 0);
    if (cl == NULL) {
        return NGX_ERROR;
    }

    value->len = j.size;

    if (cl->next == NULL) {
        value->data = cl->buf->pos;
        return NGX_OK;
    }

    value->data = ngx_pnalloc(pool, j.size);
    if (value->data == NULL) {
        return NGX_ERROR;
    }

    for (p = value->data; cl; cl = cl->next) {
        p = ngx_cpymem(p, cl->buf->pos, cl->buf->last - cl->buf->pos);
    }

    return NGX_OK;
}


static void
ngx_notify_arg(ngx_notify_command_t *command, const void *data, size_t len)
{
    command->argv[command->n] = data;
    command->lens[command->n] = len;
    command->n++;
}


static void
ngx_notify_added(void *data, const redisReply *reply)
{
    ngx_api_metric_inc(reply == NULL || reply->type == REDIS_REPLY_ERROR
                       ? &ngx_notify_lost : &ngx_notify_published);

    if (reply == NULL) {
        ngx_notify_failed("no answer", sizeof("no answer") - 1);
        return;
    }

    if (reply->type == REDIS_REPLY_ERROR) {
        ngx_notify_failed(reply->str, reply->len);
        return;
    }

    if (ngx_notify_failing
        && ngx_current_msec - ngx_notify_failed_at >= NGX_NOTIFY_WELL)
    {
        ngx_notify_failing = 0;

        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "events are published again");
    }
}


/* one line for an outage, however many events there are */

static void
ngx_notify_failed(const char *why, size_t len)
{
    ngx_notify_failed_at = ngx_current_msec;

    if (ngx_notify_failing) {
        return;
    }

    ngx_notify_failing = 1;

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "events are not published and wait in the outbox, "
                  "Redis: %*s", len, why);
}
