
/*
 * The configuration: names, times, and what is made of all at the end.
 */


#include "ngx_auth_module.h"
#include "ngx_auth_key.h"


static ngx_int_t ngx_auth_conf_keys(ngx_conf_t *cf,
    ngx_auth_main_conf_t *amcf);
static ngx_int_t ngx_auth_conf_fingerprint(ngx_auth_main_conf_t *amcf);
static ngx_int_t ngx_auth_conf_absorb(ngx_auth_main_conf_t *amcf,
    const ngx_str_t *text);
static ngx_int_t ngx_auth_conf_accounts(ngx_conf_t *cf,
    ngx_auth_main_conf_t *amcf);
static void ngx_auth_refused_close(void *data);


char *
ngx_auth_name_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    if (value[1].len == 0 || value[1].len > NGX_AUTH_NAME_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" must be 1 to %d bytes", &cmd->name,
                           NGX_AUTH_NAME_MAX);
        return NGX_CONF_ERROR;
    }

    return ngx_conf_set_str_slot(cf, cmd, conf);
}


char *
ngx_auth_time_check(ngx_conf_t *cf, void *post, void *data)
{
    ngx_auth_time_bounds_t *bounds = post;
    time_t                 *sp = data;

    if (*sp < bounds->min || *sp > bounds->max) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "value must be between %T and %T seconds",
                           bounds->min, bounds->max);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* auth_token_cache SIZE | off; */

char *
ngx_auth_token_cache_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_auth_main_conf_t *amcf = conf;

    ssize_t     size;
    ngx_str_t  *value;

    if (amcf->cache_size != NGX_CONF_UNSET_SIZE) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        amcf->cache_size = 0;
        return NGX_CONF_OK;
    }

    size = ngx_parse_size(&value[1]);

    if (size == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid size \"%V\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    if (size < (ssize_t) (8 * ngx_pagesize)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "token cache of \"%V\" is too small, it must be "
                           "at least %uz bytes",
                           &value[1], (size_t) (8 * ngx_pagesize));
        return NGX_CONF_ERROR;
    }

    amcf->cache_size = size;

    return NGX_CONF_OK;
}


/* auth_password_refuse FILE; */

char *
ngx_auth_password_refuse_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_auth_main_conf_t *amcf = conf;

    ngx_str_t            name;
    ngx_uint_t           line;
    const char          *fault;
    ngx_auth_refused_t  *list;
    ngx_pool_cleanup_t  *cln;

    if (amcf->refused) {
        return "is duplicate";
    }

    name = ((ngx_str_t *) cf->args->elts)[1];

    list = ngx_palloc(cf->pool, sizeof(ngx_auth_refused_t));
    cln = ngx_pool_cleanup_add(cf->pool, 0);

    if (list == NULL || cln == NULL
        || ngx_conf_full_name(cf->cycle, &name, 1) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    /* workers inherit it open: they may have no way to the file */

    list->fd = open((const char *) name.data, O_RDONLY|O_CLOEXEC);

    if (list->fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"%V\" failed", &name);
        return NGX_CONF_ERROR;
    }

    cln->handler = ngx_auth_refused_close;
    cln->data = list;

    switch (ngx_auth_refused_check(list, &line, &fault)) {

    case NGX_OK:
        break;

    case NGX_DECLINED:
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "line %ui of \"%V\" %s",
                           line, &name, fault);
        return NGX_CONF_ERROR;

    default:
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_read_file_n " \"%V\" failed", &name);
        return NGX_CONF_ERROR;
    }

    amcf->refused = list;

    return NGX_CONF_OK;
}


static void
ngx_auth_refused_close(void *data)
{
    ngx_auth_refused_t *list = data;

    (void) ngx_close_file(list->fd);
}


ngx_int_t
ngx_auth_conf_init(ngx_conf_t *cf, ngx_auth_main_conf_t *amcf)
{
    ngx_int_t  rc;

    if (ngx_auth_conf_keys(cf, amcf) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_auth_digest_init();

    if (rc == NGX_OK) {
        rc = ngx_auth_conf_fingerprint(amcf);
        ngx_auth_digest_done();
    }

    if (rc != NGX_OK) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "SHA-256 failed");
        return NGX_ERROR;
    }

    if (amcf->cache_size) {
        amcf->cache = ngx_auth_cache_add(cf, amcf->cache_size,
                                         &ngx_auth_module);
        if (amcf->cache == NULL) {
            return NGX_ERROR;
        }
    }

    return amcf->accounts ? ngx_auth_conf_accounts(cf, amcf) : NGX_OK;
}


static ngx_int_t
ngx_auth_conf_keys(ngx_conf_t *cf, ngx_auth_main_conf_t *amcf)
{
    ngx_uint_t                 i;
    ngx_auth_jwt_issuer_t     *issuers;
    const ngx_auth_jwt_key_t  *keys;

    issuers = amcf->issuers.elts;
    keys = amcf->keys.elts;

    if (amcf->keys.nelts == 0 && amcf->issuers.nelts == 1) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "no \"auth_key\" is set for the \"%s\" in %V:%ui",
                      amcf->needs_key, &amcf->needs_file, amcf->needs_line);
        return NGX_ERROR;
    }

    issuers[0].issuer = amcf->issuer;
    issuers[0].audience = amcf->audience;
    issuers[0].typ = NGX_AUTH_JWT_TYP_NONE;
    issuers[0].keys = keys;
    issuers[0].nkeys = amcf->keys.nelts;

    amcf->jwt.issuers = issuers;
    amcf->jwt.nissuers = amcf->issuers.nelts;

    /* a token's "iss" is to choose between keys without doubt */

    for (i = 1; amcf->keys.nelts && i < amcf->issuers.nelts; i++) {
        if (issuers[i].issuer.len == amcf->issuer.len
            && ngx_memcmp(issuers[i].issuer.data, amcf->issuer.data,
                          amcf->issuer.len)
               == 0)
        {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "the issuer \"%V\" of \"auth_key_jwks\" is that of "
                          "\"auth_issuer\"", &amcf->issuer);
            return NGX_ERROR;
        }
    }

    for (i = 0; i < amcf->keys.nelts; i++) {
        if (keys[i].signs) {
            amcf->jwt.signer = &keys[i];
            break;
        }
    }

    return ngx_auth_key_set(cf->pool, keys, amcf->keys.nelts, &amcf->jwks);
}


/* of everything that the verdict on a token depends on, but for the time */

static ngx_int_t
ngx_auth_conf_fingerprint(ngx_auth_main_conf_t *amcf)
{
    u_char                        number[NGX_TIME_T_LEN];
    ngx_str_t                     text;
    ngx_uint_t                    i, k;
    const ngx_auth_jwt_key_t     *key;
    const ngx_auth_jwt_issuer_t  *issuer;

    ngx_memzero(amcf->fingerprint, NGX_AUTH_DIGEST_LEN);

    text.data = number;
    text.len = ngx_sprintf(number, "%T", amcf->jwt.leeway) - number;

    if (ngx_auth_conf_absorb(amcf, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    for (i = 0; i < amcf->jwt.nissuers; i++) {

        issuer = &amcf->jwt.issuers[i];

        text.len = ngx_sprintf(number, "%ui %ui", issuer->nkeys,
                               (ngx_uint_t) issuer->typ)
                   - number;

        if (ngx_auth_conf_absorb(amcf, &issuer->issuer) != NGX_OK
            || ngx_auth_conf_absorb(amcf, &issuer->audience) != NGX_OK
            || ngx_auth_conf_absorb(amcf, &text) != NGX_OK)
        {
            return NGX_ERROR;
        }

        for (k = 0; k < issuer->nkeys; k++) {

            key = &issuer->keys[k];

            if (ngx_auth_conf_absorb(amcf, &key->kid) != NGX_OK
                || ngx_auth_conf_absorb(amcf, &key->alg) != NGX_OK
                || ngx_auth_conf_absorb(amcf, &key->secret) != NGX_OK
                || ngx_auth_conf_absorb(amcf, &key->jwk) != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


/* each text goes in with its length, after the digest of those before */

static ngx_int_t
ngx_auth_conf_absorb(ngx_auth_main_conf_t *amcf, const ngx_str_t *text)
{
    ngx_str_t  texts[3];

    texts[0].data = amcf->fingerprint;
    texts[0].len = NGX_AUTH_DIGEST_LEN;
    texts[1].data = (u_char *) &text->len;
    texts[1].len = sizeof(text->len);
    texts[2] = *text;

    return ngx_auth_digest(texts, 3, amcf->fingerprint);
}


static ngx_int_t
ngx_auth_conf_accounts(ngx_conf_t *cf, ngx_auth_main_conf_t *amcf)
{
    char                   *token;
    ngx_uint_t              i;
    ngx_api_field_t       **passwords;
    ngx_auth_jwt_claims_t   claims;

    passwords = amcf->new_passwords.elts;

    for (i = 0; i < amcf->new_passwords.nelts; i++) {
        passwords[i]->min = amcf->password_min;
    }

    if (amcf->jwt.signer == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"auth_api\" needs an \"auth_key\" that signs: a "
                      "secret or a private key");
        return NGX_ERROR;
    }

    amcf->thread_pool = ngx_thread_pool_add(cf, &amcf->thread_pool_name);
    if (amcf->thread_pool == NULL) {
        return NGX_ERROR;
    }

    if (ngx_auth_bcrypt_dummy(amcf->bcrypt_cost, amcf->dummy) != NGX_OK) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "libcrypt does not make bcrypt hashes of cost %ui",
                      amcf->bcrypt_cost);
        return NGX_ERROR;
    }

    /* what can't be signed is to be found now, not at the first login */

    ngx_memzero(&claims, sizeof(ngx_auth_jwt_claims_t));

    token = ngx_auth_jwt_sign(&amcf->jwt, &claims, "", ngx_time());

    if (token == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "a token can't be signed by the \"auth_key\": are "
                      "\"auth_issuer\" and \"auth_audience\" UTF-8?");
        return NGX_ERROR;
    }

    free(token);

    return NGX_OK;
}
