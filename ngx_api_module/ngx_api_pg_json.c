
/*
 * Rows of a binary PostgreSQL result -> JSON.
 *
 * Numbers arrive in network byte order; the layouts are those of the types'
 * send functions.  No length is trusted: it must be the type's own, or lie
 * within the value.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <libpq-fe.h>

#include "ngx_api_json.h"
#include "ngx_api_pg_json.h"
#include "ngx_api_time.h"
#include "ngx_api_uuid.h"


/* of the system catalogue pg_type; they never change */
#define NGX_API_PG_BOOL         16
#define NGX_API_PG_NAME         19
#define NGX_API_PG_INT8         20
#define NGX_API_PG_INT2         21
#define NGX_API_PG_INT4         23
#define NGX_API_PG_TEXT         25
#define NGX_API_PG_JSON         114
#define NGX_API_PG_TEXT_ARRAY   1009
#define NGX_API_PG_BPCHAR       1042
#define NGX_API_PG_VARCHAR      1043
#define NGX_API_PG_TIMESTAMPTZ  1184
#define NGX_API_PG_UUID         2950
#define NGX_API_PG_JSONB        3802

/* the first OID that is not the server's own */
#define NGX_API_PG_USER_TYPE    16384

#define NGX_API_PG_JSONB_VERSION  1


static void ngx_api_pg_json_write(ngx_api_json_t *j, Oid type,
    const u_char *p, size_t len);
static size_t ngx_api_pg_json_size(Oid type);
static void ngx_api_pg_json_text(ngx_api_json_t *j, const u_char *p,
    size_t len);
static void ngx_api_pg_json_uuid(ngx_api_json_t *j, const u_char *uuid);
static void ngx_api_pg_json_time(ngx_api_json_t *j, const u_char *value);
static void ngx_api_pg_json_array(ngx_api_json_t *j, const u_char *p,
    size_t len);
static void ngx_api_pg_json_elements(ngx_api_json_t *j, const u_char *p,
    const u_char *end, uint32_t n);
static int64_t ngx_api_pg_int(const u_char *p, size_t len);
static uint32_t ngx_api_pg_uint32(const u_char *p);
static uint64_t ngx_api_pg_uint64(const u_char *p);


void
ngx_api_pg_json_row(ngx_api_json_t *j, const PGresult *res, int row)
{
    if (ngx_api_pg_json_open(j, res, row) == 0) {
        ngx_api_json_literal(j, "{");
    }

    ngx_api_json_literal(j, "}");
}


ngx_uint_t
ngx_api_pg_json_open(ngx_api_json_t *j, const PGresult *res, int row)
{
    int          i, n;
    char         mark;
    size_t       len;
    u_char      *p;
    const char  *name;

    n = PQnfields(res);
    mark = '{';

    for (i = 0; i < n; i++) {
        name = PQfname(res, i);

        if (name[0] == '_') {
            continue;
        }

        len = ngx_strlen(name);

        p = ngx_api_json_reserve(j, len + sizeof(",\"\":") - 1);
        if (p == NULL) {
            return 1;
        }

        *p++ = mark;
        *p++ = '"';
        p = ngx_cpymem(p, name, len);
        *p++ = '"';
        *p++ = ':';

        ngx_api_json_advance(j, p);

        ngx_api_pg_json_value(j, res, row, i);

        mark = ',';
    }

    return mark == ',';
}


void
ngx_api_pg_json_value(ngx_api_json_t *j, const PGresult *res, int row,
    int column)
{
    if (PQgetisnull(res, row, column)) {
        ngx_api_json_literal(j, "null");
        return;
    }

    ngx_api_pg_json_write(j, PQftype(res, column),
                          (u_char *) PQgetvalue(res, row, column),
                          PQgetlength(res, row, column));
}


int64_t
ngx_api_pg_integer(const PGresult *res, int row, int column)
{
    if (PQgetisnull(res, row, column)) {
        return 0;
    }

    return ngx_api_pg_int((u_char *) PQgetvalue(res, row, column),
                          PQgetlength(res, row, column));
}


int64_t
ngx_api_pg_time(const PGresult *res, int row, int column)
{
    int64_t  t;

    if (PQgetisnull(res, row, column)) {
        return 0;
    }

    t = ngx_api_pg_integer(res, row, column);

    if (t == INT64_MIN) {
        return t;
    }

    if (t > INT64_MAX - NGX_API_TIME_PG_EPOCH) {
        return INT64_MAX;
    }

    return t + NGX_API_TIME_PG_EPOCH;
}


ngx_uint_t
ngx_api_pg_boolean(const PGresult *res, int row, int column)
{
    return PQgetlength(res, row, column) == 1
           && PQgetvalue(res, row, column)[0] != 0;
}


ngx_str_t
ngx_api_pg_text(const PGresult *res, int row, int column)
{
    ngx_str_t  text;

    if (PQgetisnull(res, row, column)) {
        ngx_str_null(&text);
        return text;
    }

    text.data = (u_char *) PQgetvalue(res, row, column);
    text.len = PQgetlength(res, row, column);

    return text;
}


static void
ngx_api_pg_json_write(ngx_api_json_t *j, Oid type, const u_char *p, size_t len)
{
    size_t  size;

    size = ngx_api_pg_json_size(type);

    if (size && len != size) {
        j->failed = 1;
        return;
    }

    switch (type) {

    case NGX_API_PG_TEXT:
    case NGX_API_PG_VARCHAR:
    case NGX_API_PG_BPCHAR:
    case NGX_API_PG_NAME:
        ngx_api_json_string(j, p, len);
        return;

    case NGX_API_PG_UUID:
        ngx_api_pg_json_uuid(j, p);
        return;

    case NGX_API_PG_TIMESTAMPTZ:
        ngx_api_pg_json_time(j, p);
        return;

    case NGX_API_PG_INT8:
    case NGX_API_PG_INT4:
    case NGX_API_PG_INT2:
        ngx_api_json_integer(j, ngx_api_pg_int(p, len));
        return;

    case NGX_API_PG_BOOL:
        if (p[0]) {
            ngx_api_json_literal(j, "true");

        } else {
            ngx_api_json_literal(j, "false");
        }

        return;

    case NGX_API_PG_TEXT_ARRAY:
        ngx_api_pg_json_array(j, p, len);
        return;

    case NGX_API_PG_JSON:
        ngx_api_pg_json_text(j, p, len);
        return;

    case NGX_API_PG_JSONB:
        if (len > 0 && p[0] == NGX_API_PG_JSONB_VERSION) {
            ngx_api_pg_json_text(j, p + 1, len - 1);
            return;
        }

        break;

    default:
        if (type >= NGX_API_PG_USER_TYPE) {
            ngx_api_json_string(j, p, len);
            return;
        }
    }

    j->failed = 1;
}


/* of a type whose values all have the same, else 0 */

static size_t
ngx_api_pg_json_size(Oid type)
{
    switch (type) {

    case NGX_API_PG_UUID:
        return 16;

    case NGX_API_PG_TIMESTAMPTZ:
    case NGX_API_PG_INT8:
        return 8;

    case NGX_API_PG_INT4:
        return 4;

    case NGX_API_PG_INT2:
        return 2;

    case NGX_API_PG_BOOL:
        return 1;

    default:
        return 0;
    }
}


static void
ngx_api_pg_json_text(ngx_api_json_t *j, const u_char *p, size_t len)
{
    if (len == 0) {
        j->failed = 1;
        return;
    }

    ngx_api_json_raw(j, p, len);
}


static void
ngx_api_pg_json_uuid(ngx_api_json_t *j, const u_char *uuid)
{
    u_char  *p;

    p = ngx_api_json_reserve(j, NGX_API_UUID_LEN + 2);
    if (p == NULL) {
        return;
    }

    *p++ = '"';
    p = ngx_api_uuid_format(p, uuid);
    *p++ = '"';

    ngx_api_json_advance(j, p);
}


static void
ngx_api_pg_json_time(ngx_api_json_t *j, const u_char *value)
{
    u_char   *p;
    int64_t   t;

    t = (int64_t) ngx_api_pg_uint64(value);

    /* also what PostgreSQL has for the infinities, its limits of int64_t */

    if (t < NGX_API_TIME_MIN - NGX_API_TIME_PG_EPOCH
        || t > NGX_API_TIME_MAX - NGX_API_TIME_PG_EPOCH)
    {
        j->failed = 1;
        return;
    }

    p = ngx_api_json_reserve(j, NGX_API_TIME_LEN + 2);
    if (p == NULL) {
        return;
    }

    *p++ = '"';
    p = ngx_api_time_format(p, t + NGX_API_TIME_PG_EPOCH);
    *p++ = '"';

    ngx_api_json_advance(j, p);
}


/*
 * array_send(): number of dimensions, flags (1: there are NULLs), OID of the
 * elements; for each dimension its size and lower bound; for each element its
 * length, -1 for NULL, and its bytes.  An empty array has no dimension.
 */

static void
ngx_api_pg_json_array(ngx_api_json_t *j, const u_char *p, size_t len)
{
    uint32_t       ndim, flags, type;
    const u_char  *end;

    end = p + len;

    if (len < 12) {
        j->failed = 1;
        return;
    }

    ndim = ngx_api_pg_uint32(p);
    flags = ngx_api_pg_uint32(p + 4);
    type = ngx_api_pg_uint32(p + 8);
    p += 12;

    if (flags > 1 || type != NGX_API_PG_TEXT) {
        j->failed = 1;
        return;
    }

    if (ndim == 0 && p == end) {
        ngx_api_json_literal(j, "[]");
        return;
    }

    if (ndim != 1 || end - p < 8) {
        j->failed = 1;
        return;
    }

    ngx_api_pg_json_elements(j, p + 8, end, ngx_api_pg_uint32(p));
}


static void
ngx_api_pg_json_elements(ngx_api_json_t *j, const u_char *p,
    const u_char *end, uint32_t n)
{
    uint32_t  i, len;

    ngx_api_json_literal(j, "[");

    for (i = 0; i < n; i++) {

        if (end - p < 4) {
            j->failed = 1;
            return;
        }

        len = ngx_api_pg_uint32(p);
        p += 4;

        if (i > 0) {
            ngx_api_json_literal(j, ",");
        }

        if (len == (uint32_t) -1) {
            ngx_api_json_literal(j, "null");
            continue;
        }

        if (len > (size_t) (end - p)) {
            j->failed = 1;
            return;
        }

        ngx_api_json_string(j, p, len);
        p += len;
    }

    if (p != end) {
        j->failed = 1;
        return;
    }

    ngx_api_json_literal(j, "]");
}


/* smallint, integer or bigint; 0 of any other length */

static int64_t
ngx_api_pg_int(const u_char *p, size_t len)
{
    switch (len) {

    case 8:
        return (int64_t) ngx_api_pg_uint64(p);

    case 4:
        return (int32_t) ngx_api_pg_uint32(p);

    case 2:
        return (int16_t) (p[0] << 8 | p[1]);

    default:
        return 0;
    }
}


static uint32_t
ngx_api_pg_uint32(const u_char *p)
{
    return (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16
           | (uint32_t) p[2] << 8 | p[3];
}


static uint64_t
ngx_api_pg_uint64(const u_char *p)
{
    return (uint64_t) ngx_api_pg_uint32(p) << 32 | ngx_api_pg_uint32(p + 4);
}
