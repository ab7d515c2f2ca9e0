
/*
 * auth_forward_identity: the server behind is told who is calling, by headers
 * that nobody else can set.
 */


#include "ngx_auth_module.h"


#define NGX_AUTH_FORWARDED  4


static ngx_uint_t ngx_auth_forward_find(const ngx_list_part_t *part);
static ngx_uint_t ngx_auth_forward_is_ours(const ngx_str_t *name);
static ngx_int_t ngx_auth_forward_strip(ngx_http_request_t *r);
static ngx_int_t ngx_auth_forward_push(ngx_http_request_t *r, ngx_uint_t n,
    const ngx_str_t *value);


static const struct {
    ngx_str_t  name;
    ngx_str_t  lowcase;
} ngx_auth_forwarded[NGX_AUTH_FORWARDED] = {
    { ngx_string("X-Auth-User"), ngx_string("x-auth-user") },
    { ngx_string("X-Auth-Role"), ngx_string("x-auth-role") },
    { ngx_string("X-Auth-Session"), ngx_string("x-auth-session") },
    { ngx_string("X-Auth-Issuer"), ngx_string("x-auth-issuer") }
};


ngx_int_t
ngx_auth_forward(ngx_http_request_t *r)
{
    ngx_uint_t             i;
    ngx_auth_bearer_t     *bearer;
    ngx_auth_main_conf_t  *amcf;
    const ngx_str_t       *values[NGX_AUTH_FORWARDED];

    /* a subrequest shares the elements of its parent's list, and must not add
     * to them */

    if ((r != r->main || ngx_auth_forward_find(&r->headers_in.headers.part))
        && ngx_auth_forward_strip(r) != NGX_OK)
    {
        return NGX_ERROR;
    }

    bearer = ngx_auth_bearer(r);

    if (bearer == NULL) {
        return NGX_OK;
    }

    amcf = ngx_http_get_module_main_conf(r, ngx_auth_module);

    values[0] = &bearer->identity.user;
    values[1] = &bearer->identity.role;
    values[2] = &bearer->identity.session;
    values[3] = &amcf->jwt.issuers[bearer->claims.issuer].issuer;

    for (i = 0; i < NGX_AUTH_FORWARDED; i++) {
        if (values[i]->len
            && ngx_auth_forward_push(r, i, values[i]) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_auth_forward_find(const ngx_list_part_t *part)
{
    ngx_uint_t        i;
    ngx_table_elt_t  *h;

    for ( /* void */ ; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (ngx_auth_forward_is_ours(&h[i].key)) {
                return 1;
            }
        }
    }

    return 0;
}


/* in CGI and its kin all that is no letter or digit becomes "_", so it is as
 * good as "-" */

static ngx_uint_t
ngx_auth_forward_is_ours(const ngx_str_t *name)
{
    u_char      c;
    size_t      k;
    ngx_uint_t  i;

    for (i = 0; i < NGX_AUTH_FORWARDED; i++) {

        if (name->len != ngx_auth_forwarded[i].lowcase.len) {
            continue;
        }

        for (k = 0; k < name->len; k++) {
            c = ngx_tolower(name->data[k]);

            if ((c < 'a' || c > 'z') && (c < '0' || c > '9')) {
                c = '-';
            }

            if (c != ngx_auth_forwarded[i].lowcase.data[k]) {
                break;
            }
        }

        if (k == name->len) {
            return 1;
        }
    }

    return 0;
}


/* a list of its own, of all the other headers */

static ngx_int_t
ngx_auth_forward_strip(ngx_http_request_t *r)
{
    ngx_uint_t        i;
    ngx_list_part_t   old, *part;
    ngx_table_elt_t  *from, *to;

    old = r->headers_in.headers.part;

    if (ngx_list_init(&r->headers_in.headers, r->pool, 20,
                      sizeof(ngx_table_elt_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (part = &old; part; part = part->next) {
        from = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (ngx_auth_forward_is_ours(&from[i].key)) {
                continue;
            }

            to = ngx_list_push(&r->headers_in.headers);
            if (to == NULL) {
                return NGX_ERROR;
            }

            *to = from[i];
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_auth_forward_push(ngx_http_request_t *r, ngx_uint_t n,
    const ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_in.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->key = ngx_auth_forwarded[n].name;
    h->lowcase_key = ngx_auth_forwarded[n].lowcase.data;
    h->hash = ngx_hash_key(h->lowcase_key, h->key.len);
    h->value = *value;

    return NGX_OK;
}
