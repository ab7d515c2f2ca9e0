
/*
 * Static tables of fields, and the check of a JSON body or of query arguments
 * against one.  Every fault is collected, not only the first.  Accepted values
 * come out as the text that PostgreSQL reads, by the index of their field.
 */


#ifndef _NGX_API_SCHEMA_H_INCLUDED_
#define _NGX_API_SCHEMA_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <jansson.h>


/* further faults are not told */
#define NGX_API_FAULTS_MAX  50      /* of one object */
#define NGX_API_FAULTS_ALL  500     /* of a body */


typedef enum {
    NGX_API_STRING = 0,    /* min..max in code points */
    NGX_API_TEXT_BYTES,    /* a string, min..max in bytes: passwords */
    NGX_API_EMAIL,         /* an address of RFC 5321's plain form (ASCII, no
                              quotes, a domain with a dot), max bytes and
                              never over 254 */
    NGX_API_UUID,          /* out: lower-case text; or, if there are names,
                              one of them */
    NGX_API_TIMESTAMP,     /* RFC 3339; out: UTC with Z */
    NGX_API_ENUM,          /* one of names[] */
    NGX_API_ENUM_LIST,     /* arguments only, "a,b", duplicates folded; out: an
                              array literal */
    NGX_API_LABELS,        /* a body only: array of 0..items strings, each
                              min..max code points, duplicates folded; out: an
                              array literal */
    NGX_API_UUIDS,         /* a body only: array of min..max different UUIDs;
                              out: an array literal */
    NGX_API_NAMES,         /* a body only: array of min..max different ones of
                              names[]; out: an array literal */
    NGX_API_CHECKED,       /* a string, min..max in code points, that a feature
                              looks at */
    NGX_API_OBJECT,        /* a body only: an object of its own table */
    NGX_API_OBJECTS,       /* a body only: array of min..max such objects */
    NGX_API_INTEGER,       /* min..max */
    NGX_API_BOOLEAN,       /* out: "t" or "f" */
    NGX_API_CURSOR         /* arguments only; out: the text as it came */
} ngx_api_type_e;


/*
 * What a feature finds in a text that is of the right length: the faults of its
 * table, a bit each, the first is the lowest.  The text is UTF-8.
 */
typedef struct {
    const char         *code;
    const char         *detail;
} ngx_api_check_fault_t;

typedef struct {
    ngx_uint_t        (*check)(const u_char *text, size_t len);
    const ngx_api_check_fault_t
                       *faults;    /* ends with a null code */
} ngx_api_check_t;


#define NGX_API_REQUIRED   0x01    /* must be there unless partial */
#define NGX_API_NULLABLE   0x02    /* null is a value */
#define NGX_API_READ_ONLY  0x04    /* known, but the client may not set it */
#define NGX_API_ONE_OF     0x10    /* exactly one of the fields with this must
                                      be there, unless partial */
#define NGX_API_PARTIAL    0x08    /* NGX_API_OBJECT(S): absent fields of it
                                      stay unset */


typedef struct {
    ngx_str_t           name;
    ngx_api_type_e      type;
    ngx_uint_t          flags;
    ngx_int_t           min;
    ngx_int_t           max;
    ngx_uint_t          items;     /* NGX_API_LABELS */
    const void         *of;        /* NGX_API_ENUM(_LIST), NGX_API_UUID,
                                      NGX_API_NAMES: the names, of ngx_str_t,
                                      each with a NUL, as ngx_string() makes
                                      them; ends with a null string.
                                      NGX_API_CHECKED: an ngx_api_check_t.
                                      NGX_API_OBJECT(S): the table of its
                                      fields (ngx_api_field_t) */
    const char         *preset;    /* the text when absent and not partial, as
                                      it comes out; NULL: SQL NULL */
} ngx_api_field_t;


/* a table ends with a field of a null name; NULL is an empty table */
#define ngx_api_null_field                                                    \
    { ngx_null_string, NGX_API_STRING, 0, 0, 0, 0, NULL, NULL }


/* names of query arguments: "none"; "me" and "none" */
extern const ngx_str_t  ngx_api_none_names[];
extern const ngx_str_t  ngx_api_member_names[];


typedef struct ngx_api_value_s  ngx_api_value_t;

struct ngx_api_value_s {
    const char             *text;     /* NUL-terminated; NULL for null or
                                         absent */
    size_t                  len;
    int64_t                 integer;  /* NGX_API_INTEGER, NGX_API_BOOLEAN; the
                                         instant in us of NGX_API_TIMESTAMP;
                                         the index in the names of
                                         NGX_API_ENUM; also of a preset; how
                                         many elements NGX_API_OBJECTS and
                                         NGX_API_UUIDS have */
    const ngx_api_value_t  *members;  /* NGX_API_OBJECT: the values of its
                                         table; NGX_API_OBJECTS: those of all
                                         its elements, one after another */
    ngx_uint_t              nmembers; /* of one object */
    unsigned                set:1;    /* was in the body or query */
};


typedef struct {
    ngx_str_t           where;     /* "/title", or the parameter's name */
    const char         *code;      /* static: "too_long" */
    ngx_str_t           detail;    /* what it has to be; for a developer */
} ngx_api_fault_t;


/*
 * Checks an object against a table.  partial: absent fields stay unset
 * (PATCH); otherwise a required one is a fault and others get their preset.
 * values: as many as the table has fields; their text lives in the pool, in
 * the body or in the table.  faults: an array of ngx_api_fault_t to push onto,
 * in the order of the body and then of the table; where is a JSON pointer
 * (RFC 6901), "/tasks/3/title".  Codes are invalid_type, required,
 * unknown_field, read_only, not_nullable, too_short, too_long, too_many,
 * duplicate, out_of_range, invalid_format, invalid_value, mutually_exclusive,
 * and those of features.
 * NGX_OK (look whether faults->nelts is 0: if not, the values are of no use)
 * or NGX_ERROR (out of memory).
 */
ngx_int_t ngx_api_schema_check(ngx_pool_t *pool, const ngx_api_field_t *fields,
    const json_t *body, ngx_uint_t partial, ngx_api_value_t *values,
    ngx_array_t *faults);

/*
 * Checks a query string ("a=1&b=2", percent-encoded, "+" is a space) against a
 * table.  Unknown, repeated and malformed parameters are faults, with where =
 * the name and code unknown_parameter, repeated, or as above.  where is always
 * valid UTF-8: of a name that is not, the encoded form is told.
 */
ngx_int_t ngx_api_schema_check_args(ngx_pool_t *pool,
    const ngx_api_field_t *fields, const ngx_str_t *args,
    ngx_api_value_t *values, ngx_array_t *faults);

/*
 * Adds a fault.  where is copied into the array's pool; code and detail are
 * static or live in that pool.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_api_fault_add(ngx_array_t *faults, const ngx_str_t *where,
    const char *code, const char *detail);


#endif /* _NGX_API_SCHEMA_H_INCLUDED_ */
