
/*
 * auth_require: what the bearer of a token must be, beyond being known; and
 * $auth_claim_NAME.
 */


#include "ngx_auth_module.h"
#include "ngx_auth_claim.h"


#define NGX_AUTH_CLAIM_PREFIX  (sizeof("auth_claim_") - 1)


typedef struct {
    ngx_str_t     claim;      /* empty: the role */
    ngx_array_t   values;     /* of ngx_str_t: any of them; none: the claim is
                                 to be there */
    ngx_uint_t    words;      /* a string is a list of words */
} ngx_auth_require_t;


static ngx_int_t ngx_auth_require_parse(ngx_conf_t *cf, ngx_str_t *arg,
    ngx_auth_require_t *require);
static u_char *ngx_auth_require_colon(u_char *p, u_char *last);
static ngx_int_t ngx_auth_require_values(ngx_conf_t *cf, u_char *p,
    u_char *last, ngx_auth_require_t *require);
static ngx_uint_t ngx_auth_require_holds(ngx_http_request_t *r,
    const ngx_auth_require_t *require, ngx_auth_bearer_t *bearer);


/* auth_require role=... | claim=... | off; */

char *
ngx_auth_require_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_auth_loc_conf_t *alcf = conf;

    ngx_str_t           *value;
    ngx_auth_require_t  *require;

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {

        if (alcf->require != NGX_CONF_UNSET_PTR) {
            return "is duplicate";
        }

        alcf->require = NULL;
        return NGX_CONF_OK;
    }

    if (alcf->require == NULL) {
        return "is off here already";
    }

    if (alcf->require == NGX_CONF_UNSET_PTR) {
        alcf->require = ngx_array_create(cf->pool, 2,
                                         sizeof(ngx_auth_require_t));
        if (alcf->require == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    require = ngx_array_push(alcf->require);
    if (require == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(require, sizeof(ngx_auth_require_t));

    switch (ngx_auth_require_parse(cf, &value[1], require)) {

    case NGX_DECLINED:
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid requirement \"%V\"", &value[1]);
        return NGX_CONF_ERROR;

    case NGX_ERROR:
        return NGX_CONF_ERROR;
    }

    (void) ngx_auth_in_use(cf, "auth_require");

    return NGX_CONF_OK;
}


/* NGX_DECLINED: it is none */

static ngx_int_t
ngx_auth_require_parse(ngx_conf_t *cf, ngx_str_t *arg,
    ngx_auth_require_t *require)
{
    u_char  *p, *last, *colon;

    p = arg->data;
    last = p + arg->len;

    if (ngx_array_init(&require->values, cf->pool, 2, sizeof(ngx_str_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_strncmp(p, "role=", 5) == 0) {
        return ngx_auth_require_values(cf, p + 5, last, require);
    }

    if (ngx_strncmp(p, "claim=", 6) != 0) {
        return NGX_DECLINED;
    }

    p += 6;
    colon = ngx_auth_require_colon(p, last);

    require->claim.data = p;
    require->claim.len = (colon ? colon : last) - p;

    if (require->claim.len == 0) {
        return NGX_DECLINED;
    }

    require->words = (require->claim.len == 5
                      && ngx_strncmp(p, "scope", 5) == 0)
                     || (require->claim.len == 3
                         && ngx_strncmp(p, "scp", 3) == 0);

    return colon ? ngx_auth_require_values(cf, colon + 1, last, require)
                 : NGX_OK;
}


/* between name and values; that of a URL's scheme is of the name */

static u_char *
ngx_auth_require_colon(u_char *p, u_char *last)
{
    for ( /* void */ ; p < last; p++) {
        if (*p == ':'
            && !(last - p > 2 && p[1] == '/' && p[2] == '/'))
        {
            return p;
        }
    }

    return NULL;
}


static ngx_int_t
ngx_auth_require_values(ngx_conf_t *cf, u_char *p, u_char *last,
    ngx_auth_require_t *require)
{
    u_char     *comma;
    ngx_str_t  *value;

    for ( ;; ) {
        comma = ngx_strlchr(p, last, ',');

        value = ngx_array_push(&require->values);
        if (value == NULL) {
            return NGX_ERROR;
        }

        value->data = p;
        value->len = (comma ? comma : last) - p;

        if (value->len == 0) {
            return NGX_DECLINED;
        }

        if (comma == NULL) {
            return NGX_OK;
        }

        p = comma + 1;
    }
}


ngx_int_t
ngx_auth_require(ngx_http_request_t *r, const ngx_array_t *require,
    ngx_auth_bearer_t *bearer)
{
    ngx_uint_t           i;
    ngx_auth_require_t  *one;

    one = require->elts;

    for (i = 0; i < require->nelts; i++) {

        if (!ngx_auth_require_holds(r, &one[i], bearer)) {
            ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                          "access forbidden: \"auth_require\" wants another "
                          "%s%V", one[i].claim.len ? "claim " : "role",
                          &one[i].claim);

            return ngx_auth_challenge(r, &ngx_auth_forbidden);
        }
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_auth_require_holds(ngx_http_request_t *r,
    const ngx_auth_require_t *require, ngx_auth_bearer_t *bearer)
{
    ngx_str_t   *value;
    ngx_uint_t   i;

    value = require->values.elts;

    if (require->claim.len) {
        return ngx_auth_claim_is(ngx_auth_bearer_claim(bearer, r,
                                                       &require->claim),
                                 value, require->values.nelts,
                                 require->words);
    }

    for (i = 0; i < require->values.nelts; i++) {
        if (value[i].len == bearer->identity.role.len
            && ngx_memcmp(value[i].data, bearer->identity.role.data,
                          value[i].len)
               == 0)
        {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_auth_claim_variable(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    ngx_str_t          *variable = (ngx_str_t *) data;
    ngx_int_t           rc;
    ngx_str_t           name, text;
    const json_t       *claim;
    ngx_auth_bearer_t  *bearer;

    v->not_found = 1;

    bearer = ngx_auth_bearer(r);

    if (bearer == NULL) {
        return NGX_OK;
    }

    name.data = variable->data + NGX_AUTH_CLAIM_PREFIX;
    name.len = variable->len - NGX_AUTH_CLAIM_PREFIX;

    claim = ngx_auth_bearer_claim(bearer, r, &name);

    if (claim == NULL) {
        return NGX_OK;
    }

    rc = ngx_auth_claim_text(r->pool, claim, &text);

    if (rc == NGX_OK) {
        v->len = text.len;
        v->data = text.data;
        v->valid = 1;
        v->no_cacheable = 0;
        v->not_found = 0;
    }

    return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
}
