
/*
 * auth_key and auth_key_jwks: whose tokens are good, and by which keys.
 */


#include "ngx_auth_module.h"
#include "ngx_auth_key.h"


#define NGX_AUTH_KEY_FILE_MAX   (16 * 1024)
#define NGX_AUTH_JWKS_FILE_MAX  (256 * 1024)
#define NGX_AUTH_JWKS_DEPTH     8


static ngx_int_t ngx_auth_key_kid(ngx_conf_t *cf, const ngx_str_t *kid);
static ngx_int_t ngx_auth_key_unique(ngx_conf_t *cf, const ngx_array_t *keys,
    const ngx_auth_jwt_key_t *key);
static ngx_int_t ngx_auth_jwks_names(ngx_conf_t *cf,
    ngx_auth_jwt_issuer_t *issuer);
static ngx_int_t ngx_auth_jwks_name(ngx_conf_t *cf, ngx_str_t *arg,
    size_t skip, ngx_str_t *name);
static ngx_int_t ngx_auth_jwks_typ(const ngx_str_t *arg, size_t skip,
    ngx_auth_jwt_typ_e *typ);
static ngx_array_t *ngx_auth_jwks_load(ngx_conf_t *cf, ngx_str_t *file);
static ngx_int_t ngx_auth_jwks_keys(ngx_conf_t *cf, const ngx_str_t *file,
    const json_t *list, ngx_array_t *keys);


/* auth_key HS256|RS256|ES256 FILE [kid=NAME]; */

char *
ngx_auth_key_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_auth_main_conf_t *amcf = conf;

    ngx_str_t           *value, kid, content;
    const char          *fault;
    ngx_auth_jwt_key_t   key, *slot;

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "HS256") != 0
        && ngx_strcmp(value[1].data, "RS256") != 0
        && ngx_strcmp(value[1].data, "ES256") != 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown algorithm \"%V\", it must be HS256, RS256 "
                           "or ES256", &value[1]);
        return NGX_CONF_ERROR;
    }

    ngx_str_null(&kid);

    if (cf->args->nelts == 4) {

        if (ngx_strncmp(value[3].data, "kid=", 4) != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\"", &value[3]);
            return NGX_CONF_ERROR;
        }

        kid.data = value[3].data + 4;
        kid.len = value[3].len - 4;

        if (ngx_auth_key_kid(cf, &kid) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    if (ngx_api_conf_file_max(cf, &value[2], 1, NGX_AUTH_KEY_FILE_MAX,
                              &content)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    fault = ngx_auth_key_read(cf->pool, &value[1], &kid, &content, &key);

    if (key.secret.data != content.data) {
        ngx_explicit_memzero(content.data, content.len);
    }

    if (fault) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" %s", &value[2],
                           fault);
        return NGX_CONF_ERROR;
    }

    if (ngx_auth_key_unique(cf, &amcf->keys, &key) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    slot = ngx_array_push(&amcf->keys);
    if (slot == NULL) {
        return NGX_CONF_ERROR;
    }

    *slot = key;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_auth_key_kid(ngx_conf_t *cf, const ngx_str_t *kid)
{
    u_char  c;
    size_t  i;

    for (i = 0; i < kid->len; i++) {
        c = kid->data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
              || (c >= '0' && c <= '9')
              || c == '.' || c == '_' || c == '-'))
        {
            break;
        }
    }

    if (kid->len == 0 || kid->len > NGX_AUTH_JWT_KID_MAX || i < kid->len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid kid \"%V\", it must be 1 to %d letters, "
                           "digits, \".\", \"_\" or \"-\"",
                           kid, NGX_AUTH_JWT_KID_MAX);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_auth_key_unique(ngx_conf_t *cf, const ngx_array_t *keys,
    const ngx_auth_jwt_key_t *key)
{
    ngx_uint_t           n;
    ngx_auth_jwt_key_t  *other;

    if (key->kid.len == 0) {
        return NGX_OK;
    }

    other = keys->elts;

    for (n = 0; n < keys->nelts; n++) {
        if (other[n].kid.len == key->kid.len
            && ngx_memcmp(other[n].kid.data, key->kid.data, key->kid.len) == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "duplicate kid \"%V\"",
                               &key->kid);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* auth_key_jwks FILE issuer=NAME audience=NAME [typ=JWT|at+jwt]; */

char *
ngx_auth_key_jwks_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_auth_main_conf_t *amcf = conf;

    ngx_str_t              *value;
    ngx_uint_t              i;
    ngx_array_t            *keys;
    ngx_auth_jwt_issuer_t   issuer, *others;

    if (ngx_auth_jwks_names(cf, &issuer) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    others = amcf->issuers.elts;

    for (i = 1; i < amcf->issuers.nelts; i++) {
        if (others[i].issuer.len == issuer.issuer.len
            && ngx_memcmp(others[i].issuer.data, issuer.issuer.data,
                          issuer.issuer.len)
               == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "duplicate issuer \"%V\"",
                               &issuer.issuer);
            return NGX_CONF_ERROR;
        }
    }

    value = cf->args->elts;

    keys = ngx_auth_jwks_load(cf, &value[1]);
    if (keys == NULL) {
        return NGX_CONF_ERROR;
    }

    issuer.keys = keys->elts;
    issuer.nkeys = keys->nelts;

    others = ngx_array_push(&amcf->issuers);
    if (others == NULL) {
        return NGX_CONF_ERROR;
    }

    *others = issuer;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_auth_jwks_names(ngx_conf_t *cf, ngx_auth_jwt_issuer_t *issuer)
{
    ngx_int_t    rc;
    ngx_str_t   *value;
    ngx_uint_t   i;

    ngx_memzero(issuer, sizeof(ngx_auth_jwt_issuer_t));

    value = cf->args->elts;

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "issuer=", 7) == 0) {
            rc = ngx_auth_jwks_name(cf, &value[i], 7, &issuer->issuer);

        } else if (ngx_strncmp(value[i].data, "audience=", 9) == 0) {
            rc = ngx_auth_jwks_name(cf, &value[i], 9, &issuer->audience);

        } else if (issuer->typ == NGX_AUTH_JWT_TYP_NONE
                   && ngx_strncmp(value[i].data, "typ=", 4) == 0)
        {
            rc = ngx_auth_jwks_typ(&value[i], 4, &issuer->typ);

        } else {
            rc = NGX_DECLINED;
        }

        if (rc == NGX_DECLINED) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\"", &value[i]);
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (issuer->issuer.len == 0 || issuer->audience.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"auth_key_jwks\" needs \"issuer=\" and "
                           "\"audience=\"");
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* NGX_DECLINED if it was set already */

static ngx_int_t
ngx_auth_jwks_name(ngx_conf_t *cf, ngx_str_t *arg, size_t skip,
    ngx_str_t *name)
{
    if (name->len) {
        return NGX_DECLINED;
    }

    name->data = arg->data + skip;
    name->len = arg->len - skip;

    if (name->len == 0 || name->len > NGX_AUTH_NAME_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\": a name must be 1 to %d bytes", arg,
                           NGX_AUTH_NAME_MAX);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* NGX_DECLINED if it is none that is known */

static ngx_int_t
ngx_auth_jwks_typ(const ngx_str_t *arg, size_t skip, ngx_auth_jwt_typ_e *typ)
{
    const u_char  *name;

    name = arg->data + skip;

    if (ngx_strcmp(name, "JWT") == 0) {
        *typ = NGX_AUTH_JWT_TYP_JWT;

    } else if (ngx_strcmp(name, "at+jwt") == 0) {
        *typ = NGX_AUTH_JWT_TYP_ACCESS;

    } else {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_array_t *
ngx_auth_jwks_load(ngx_conf_t *cf, ngx_str_t *file)
{
    json_t       *set, *list;
    ngx_int_t     rc;
    ngx_str_t     content;
    ngx_array_t  *keys;

    if (ngx_api_conf_file_max(cf, file, 1, NGX_AUTH_JWKS_FILE_MAX, &content)
        != NGX_OK)
    {
        return NULL;
    }

    keys = ngx_array_create(cf->pool, 4, sizeof(ngx_auth_jwt_key_t));
    if (keys == NULL) {
        return NULL;
    }

    set = ngx_auth_json_object(content.data, content.len,
                               NGX_AUTH_JWKS_DEPTH);

    (void) ngx_pfree(cf->pool, content.data);

    list = json_object_get(set, "keys");

    if (!json_is_array(list)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is not a JSON Web Key Set", file);
        json_decref(set);
        return NULL;
    }

    rc = ngx_auth_jwks_keys(cf, file, list, keys);

    json_decref(set);

    if (rc != NGX_OK) {
        return NULL;
    }

    if (keys->nelts == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has no key for RS256 or ES256", file);
        return NULL;
    }

    return keys;
}


static ngx_int_t
ngx_auth_jwks_keys(ngx_conf_t *cf, const ngx_str_t *file, const json_t *list,
    ngx_array_t *keys)
{
    size_t               i;
    ngx_int_t            rc;
    const char          *why;
    ngx_auth_jwt_key_t   key, *slot;

    for (i = 0; i < json_array_size(list); i++) {

        rc = ngx_auth_key_jwk(cf->pool, json_array_get(list, i), &key, &why);

        if (rc == NGX_DECLINED) {
            ngx_conf_log_error(NGX_LOG_NOTICE, cf, 0,
                               "key %uz of \"%V\" is left out: it %s", i + 1,
                               file, why);
            continue;
        }

        if (rc != NGX_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "key %uz of \"%V\" %s",
                               i + 1, file, why);
            return NGX_ERROR;
        }

        slot = ngx_array_push(keys);
        if (slot == NULL) {
            return NGX_ERROR;
        }

        *slot = key;
    }

    return NGX_OK;
}
