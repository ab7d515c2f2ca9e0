
/*
 * Lists of tasks: filters, orders, search.
 */


#include "ngx_task_list.h"


#define NGX_TASK_LIST_Q_MAX       500
#define NGX_TASK_LIST_SINCE_MAX   120     /* a time, or a token */

/* a page of so many rows has a statement for who is in few projects */
#define NGX_TASK_LIST_SHORT       20

/* users, by a hash, of whom is known whether they are in many projects */
#define NGX_TASK_LIST_USERS       65536

/* the statements with filters take them from $7 on */
#define NGX_TASK_LIST_VALUES      (6 + NGX_TASK_LIST_NFILTERS)


static void ngx_task_list_of(ngx_http_request_t *r, const char *project);
static ngx_uint_t ngx_task_list_user(ngx_http_request_t *r);
static void ngx_task_list_few(ngx_http_request_t *r, const PGresult *res);
static void ngx_task_list_filtered(ngx_http_request_t *r,
    const char *project, ngx_uint_t ranked, const char **values);
static const ngx_api_pg_statement_t *ngx_task_list_statement(
    const ngx_api_value_t *args);
static ngx_uint_t ngx_task_list_open(const ngx_api_value_t *arg);
static void ngx_task_list_start(const ngx_api_value_t *args, ngx_uint_t sort,
    const char **values);
static const char *ngx_task_list_priority(const ngx_api_value_t *arg,
    ngx_uint_t highest);
static ngx_uint_t ngx_task_list_cursor(const ngx_api_value_t *args);
static void ngx_task_list_send(ngx_http_request_t *r, const PGresult *res);


/* Whether users are in many projects, as far as this worker has seen.  It need
 * not be right: both statements give the same. */

static u_char  ngx_task_list_many[NGX_TASK_LIST_USERS];


static const ngx_str_t  ngx_task_sort_names[] = {
    NGX_TASK_FIELDS(ngx_api_field_sorts, ngx_api_field_sorts)
    ngx_null_string
};


const ngx_api_field_t  ngx_task_list_args[] = {

    { ngx_string("limit"), NGX_API_INTEGER, 0, 1, 100, 0, NULL, "20" },

    { ngx_string("cursor"), NGX_API_CURSOR, 0, 0, 0, 0, NULL, NULL },

    { ngx_string("sort"), NGX_API_ENUM, 0, 0, 0, 0, ngx_task_sort_names,
      "-created_at" },

    { ngx_string("q"), NGX_API_STRING, 0, 1, NGX_TASK_LIST_Q_MAX, 0, NULL,
      NULL },

    { ngx_string("updated_since"), NGX_API_STRING, 0, 1,
      NGX_TASK_LIST_SINCE_MAX, 0, NULL, NULL },

    NGX_TASK_FIELDS(ngx_api_field_args, ngx_api_field_args)

    ngx_api_null_field
};


void
ngx_task_list(ngx_http_request_t *r)
{
    ngx_task_list_of(r, NULL);
}


void
ngx_task_list_project(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    if (ngx_api_args(r)[ngx_task_list_by_project].set) {
        rc = ngx_api_parameter_fault(r, "project", "unknown_parameter",
                                     "is not a parameter of this request");
        ngx_api_finish(r, rc);
        return;
    }

    ngx_task_list_of(r, ngx_api_path_id(r, 0));
}


/* project: the one whose list it is; NULL: of all that the caller can see */

static void
ngx_task_list_of(ngx_http_request_t *r, const char *project)
{
    ngx_int_t               rc;
    ngx_uint_t              i, sort, filters;
    const char             *values[NGX_TASK_LIST_VALUES];
    const ngx_api_value_t  *args;

    args = ngx_api_args(r);

    if (args[NGX_TASK_LIST_SINCE].set) {
        ngx_task_sync(r, project);
        return;
    }

    ngx_memzero(values, sizeof(values));

    values[0] = (char *) ngx_api_identity(r)->user.data;

    rc = ngx_api_page_values(r, &args[NGX_TASK_LIST_LIMIT],
                             &args[NGX_TASK_LIST_CURSOR],
                             ngx_task_list_cursor(args), &values[1]);
    if (rc != NGX_OK) {
        ngx_api_finish(r, rc);
        return;
    }

    filters = args[NGX_TASK_LIST_Q].set;

    for (i = 0; i < NGX_TASK_LIST_NFILTERS; i++) {
        filters |= args[NGX_TASK_LIST_FILTERS + i].set;
    }

    sort = (ngx_uint_t) args[NGX_TASK_LIST_SORT].integer;

    if (filters) {
        ngx_task_list_filtered(r, project,
                               args[NGX_TASK_LIST_Q].set
                               && !args[NGX_TASK_LIST_SORT].set, values);
        return;
    }

    if (project) {
        values[4] = project;
        ngx_api_pg_exec(r, NGX_TASK_SQL_TASK_LIST_PROJECT + sort, values,
                        ngx_task_list_send);
        return;
    }

    if (args[NGX_TASK_LIST_LIMIT].integer <= NGX_TASK_LIST_SHORT
        && !ngx_task_list_many[ngx_task_list_user(r)])
    {
        ngx_api_pg_exec(r, NGX_TASK_SQL_TASK_LIST_FEW + sort, values,
                        ngx_task_list_few);
        return;
    }

    ngx_api_pg_exec(r, NGX_TASK_SQL_TASK_LIST + sort, values,
                    ngx_task_list_send);
}


/* the caller's place among those of whom it is known */

static ngx_uint_t
ngx_task_list_user(ngx_http_request_t *r)
{
    const ngx_str_t  *user;

    user = &ngx_api_identity(r)->user;

    return ngx_murmur_hash2(user->data, user->len) % NGX_TASK_LIST_USERS;
}


/* whoever turns out to have many gets the other statement the next time */

static void
ngx_task_list_few(ngx_http_request_t *r, const PGresult *res)
{
    if (PQntuples(res) > 0 && !PQgetisnull(res, 0, PQfnumber(res, "_many"))) {
        ngx_task_list_many[ngx_task_list_user(r)] = 1;
    }

    ngx_task_list_send(r, res);
}


/* values: the first four are there */

static void
ngx_task_list_filtered(ngx_http_request_t *r, const char *project,
    ngx_uint_t ranked, const char **values)
{
    ngx_uint_t                     i, sort;
    const ngx_api_value_t         *args;
    const ngx_api_pg_statement_t  *statement;

    args = ngx_api_args(r);
    sort = (ngx_uint_t) args[NGX_TASK_LIST_SORT].integer;

    values[4] = project ? "t" : "f";
    values[5] = args[NGX_TASK_LIST_Q].text;

    for (i = 0; i < NGX_TASK_LIST_NFILTERS; i++) {
        values[6 + i] = args[NGX_TASK_LIST_FILTERS + i].text;
    }

    if (project) {
        values[6] = project;
    }

    if (ranked) {
        statement = NGX_TASK_SQL_TASK_LIST_RANKED;

    } else {
        statement = ngx_task_list_statement(args) + sort;
        ngx_task_list_start(args, sort, values);
    }

    ngx_api_pg_exec(r, statement, values, ngx_task_list_send);
}


/* the first of those that look for what is asked for, by the index that is
 * likely to have the fewest rows of it */

static const ngx_api_pg_statement_t *
ngx_task_list_statement(const ngx_api_value_t *args)
{
    ngx_uint_t              open;
    const ngx_api_value_t  *assignee;

    if (args[ngx_task_list_by_label].set) {
        return NGX_TASK_SQL_TASK_LIST_LABEL;
    }

    open = ngx_task_list_open(&args[ngx_task_list_by_status]);

    if (args[NGX_TASK_LIST_Q].set) {
        return open ? NGX_TASK_SQL_TASK_LIST_WORDS_OPEN
                    : NGX_TASK_SQL_TASK_LIST_WORDS;
    }

    assignee = &args[ngx_task_list_by_assignee];

    if (assignee->set && ngx_strcmp(assignee->text, "none") != 0) {
        return NGX_TASK_SQL_TASK_LIST_ASSIGNEE;
    }

    if (args[ngx_task_list_by_due_after].set
        && args[ngx_task_list_by_due_before].set)
    {
        return NGX_TASK_SQL_TASK_LIST_DUE;
    }

    return open ? NGX_TASK_SQL_TASK_LIST_OPEN : NGX_TASK_SQL_TASK_LIST_FILTERED;
}


/* whether a list of statuses has none but those of what is yet to be done */

static ngx_uint_t
ngx_task_list_open(const ngx_api_value_t *arg)
{
    return arg->set
           && strstr(arg->text, "done") == NULL
           && strstr(arg->text, "cancelled") == NULL;
}


/*
 * By due date or priority, what is asked for may be a part of the order: the
 * list begins there.  Told so, PostgreSQL finds the place; else it would read
 * all that stands before.
 */

static void
ngx_task_list_start(const ngx_api_value_t *args, ngx_uint_t sort,
    const char **values)
{
    const char  *name, *key;
    ngx_uint_t   descending;

    if (values[2]) {
        return;
    }

    name = (char *) ngx_task_sort_names[sort].data;
    descending = (name[0] == '-');
    name += descending;

    if (ngx_strcmp(name, "due_at") == 0) {

        if (args[ngx_task_list_by_due].set) {
            values[2] = descending ? "-infinity" : "infinity";
            values[3] = descending ? NGX_TASK_ID_MAX : NGX_TASK_ID_MIN;
            return;
        }

        key = args[descending ? ngx_task_list_by_due_before
                              : ngx_task_list_by_due_after].text;
        if (key) {
            values[2] = key;
            values[3] = descending ? NGX_TASK_ID_MIN : NGX_TASK_ID_MAX;
        }

    } else if (ngx_strcmp(name, "priority") == 0
               && args[ngx_task_list_by_priority].set)
    {
        values[2] = ngx_task_list_priority(&args[ngx_task_list_by_priority],
                                           descending);
        values[3] = descending ? NGX_TASK_ID_MAX : NGX_TASK_ID_MIN;
    }
}


/* the lowest or highest of the list */

static const char *
ngx_task_list_priority(const ngx_api_value_t *arg, ngx_uint_t highest)
{
    ngx_uint_t   i;
    const char  *found;

    found = NULL;

    for (i = 0; ngx_task_priorities[i].len; i++) {

        if (strstr(arg->text, (char *) ngx_task_priorities[i].data) == NULL) {
            continue;
        }

        found = (char *) ngx_task_priorities[i].data;

        if (!highest) {
            break;
        }
    }

    return found;
}


/* the number of the order in cursors */

static ngx_uint_t
ngx_task_list_cursor(const ngx_api_value_t *args)
{
    if (args[NGX_TASK_LIST_Q].set && !args[NGX_TASK_LIST_SORT].set) {
        return NGX_TASK_CURSOR_RANK;
    }

    return (ngx_uint_t) args[NGX_TASK_LIST_SORT].integer;
}


static void
ngx_task_list_send(ngx_http_request_t *r, const PGresult *res)
{
    int                     column;
    ngx_str_t               outcome;
    const ngx_api_value_t  *args;

    args = ngx_api_args(r);

    column = PQfnumber(res, "_outcome");

    if (column >= 0 && PQntuples(res) > 0) {
        outcome = ngx_api_pg_text(res, 0, column);

        if (outcome.len == sizeof("no_words") - 1
            && ngx_strncmp(outcome.data, "no_words", outcome.len) == 0)
        {
            ngx_api_finish(r, ngx_api_parameter_fault(r, "q", "invalid_value",
                                                      "must have a word in "
                                                      "it"));
            return;
        }
    }

    ngx_api_send_page(r, res, (ngx_uint_t) args[NGX_TASK_LIST_LIMIT].integer,
                      ngx_task_list_cursor(args));
}
