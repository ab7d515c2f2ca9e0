
/*
 * ngx_auth_module: directives, the access phase, variables.
 */


#include "ngx_auth_account.h"
#include "ngx_auth_limit.h"
#include "ngx_auth_revoked.h"


static ngx_int_t ngx_auth_preaccess_handler(ngx_http_request_t *r);
static ngx_int_t ngx_auth_handler(ngx_http_request_t *r);
static ngx_int_t ngx_auth_identify(ngx_http_request_t *r);
static ngx_uint_t ngx_auth_valid(ngx_http_request_t *r,
    const ngx_api_identity_t *identity);
static ngx_int_t ngx_auth_token_refuse(ngx_http_request_t *r,
    ngx_auth_refused_reason_e reason);
static ngx_int_t ngx_auth_admit(ngx_http_request_t *r,
    ngx_auth_bearer_t *bearer);

static ngx_int_t ngx_auth_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);

static ngx_int_t ngx_auth_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_auth_postconfiguration(ngx_conf_t *cf);
static void *ngx_auth_create_main_conf(ngx_conf_t *cf);
static char *ngx_auth_init_main_conf(ngx_conf_t *cf, void *conf);
static void *ngx_auth_create_loc_conf(ngx_conf_t *cf);
static char *ngx_auth_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static ngx_int_t ngx_auth_init_process(ngx_cycle_t *cycle);
static void ngx_auth_exit_process(ngx_cycle_t *cycle);

static char *ngx_auth_token_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_auth_api_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_auth_forward_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


static ngx_conf_enum_t  ngx_auth_token_modes[] = {
    { ngx_string("off"), NGX_AUTH_OFF },
    { ngx_string("required"), NGX_AUTH_REQUIRED },
    { ngx_string("optional"), NGX_AUTH_OPTIONAL },
    { ngx_null_string, 0 }
};

static ngx_conf_num_bounds_t  ngx_auth_bcrypt_cost_bounds = {
    ngx_conf_check_num_bounds, NGX_AUTH_BCRYPT_COST_MIN,
    NGX_AUTH_BCRYPT_COST_MAX
};


static ngx_conf_num_bounds_t  ngx_auth_password_bounds = {
    ngx_conf_check_num_bounds, 8, NGX_AUTH_BCRYPT_PASSWORD
};

static ngx_auth_time_bounds_t  ngx_auth_ttl_bounds = {
    ngx_auth_time_check, 1, 10 * 365 * 24 * 60 * 60
};

static ngx_auth_time_bounds_t  ngx_auth_leeway_bounds = {
    ngx_auth_time_check, 0, 60 * 60
};


static ngx_command_t  ngx_auth_commands[] = {

    { ngx_string("auth_key"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE23,
      ngx_auth_key_directive,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("auth_key_jwks"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_auth_key_jwks_directive,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("auth_issuer"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_auth_name_directive,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_auth_main_conf_t, issuer),
      NULL },

    { ngx_string("auth_audience"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_auth_name_directive,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_auth_main_conf_t, audience),
      NULL },

    { ngx_string("auth_access_ttl"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_sec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_auth_main_conf_t, access_ttl),
      &ngx_auth_ttl_bounds },

    { ngx_string("auth_session_ttl"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_sec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_auth_main_conf_t, session_ttl),
      &ngx_auth_ttl_bounds },

    { ngx_string("auth_refresh_ttl"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_sec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_auth_main_conf_t, refresh_ttl),
      &ngx_auth_ttl_bounds },

    { ngx_string("auth_leeway"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_sec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_auth_main_conf_t, jwt.leeway),
      &ngx_auth_leeway_bounds },

    { ngx_string("auth_token_cache"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_auth_token_cache_directive,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("auth_revocations"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_auth_revocations_directive,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("auth_bcrypt_cost"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_auth_main_conf_t, bcrypt_cost),
      &ngx_auth_bcrypt_cost_bounds },

    { ngx_string("auth_password_min_length"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_auth_main_conf_t, password_min),
      &ngx_auth_password_bounds },

    { ngx_string("auth_password_refuse"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_auth_password_refuse_directive,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("auth_thread_pool"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_auth_main_conf_t, thread_pool_name),
      NULL },

    { ngx_string("auth_token"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_auth_token_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_auth_loc_conf_t, token),
      ngx_auth_token_modes },

    { ngx_string("auth_require"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_auth_require_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("auth_forward_identity"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_auth_forward_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_auth_loc_conf_t, forward_identity),
      NULL },

    { ngx_string("auth_api"),
      NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_auth_api_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_auth_module_ctx = {
    ngx_auth_preconfiguration,     /* preconfiguration */
    ngx_auth_postconfiguration,    /* postconfiguration */

    ngx_auth_create_main_conf,     /* create main configuration */
    ngx_auth_init_main_conf,       /* init main configuration */

    NULL,                          /* create server configuration */
    NULL,                          /* merge server configuration */

    ngx_auth_create_loc_conf,      /* create location configuration */
    ngx_auth_merge_loc_conf        /* merge location configuration */
};


ngx_module_t  ngx_auth_module = {
    NGX_MODULE_V1,
    &ngx_auth_module_ctx,          /* module context */
    ngx_auth_commands,             /* module directives */
    NGX_HTTP_MODULE,               /* module type */
    NULL,                          /* init master */
    NULL,                          /* init module */
    ngx_auth_init_process,         /* init process */
    NULL,                          /* init thread */
    NULL,                          /* exit thread */
    ngx_auth_exit_process,         /* exit process */
    NULL,                          /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_http_variable_t  ngx_auth_variables[] = {

    { ngx_string("auth_user"), NULL, ngx_auth_variable,
      offsetof(ngx_api_identity_t, user), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("auth_role"), NULL, ngx_auth_variable,
      offsetof(ngx_api_identity_t, role), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("auth_session"), NULL, ngx_auth_variable,
      offsetof(ngx_api_identity_t, session), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("auth_claim_"), NULL, ngx_auth_claim_variable, 0,
      NGX_HTTP_VAR_NOCACHEABLE|NGX_HTTP_VAR_PREFIX, 0 },

      ngx_http_null_variable
};


/* before the access phase, which a subrequest has none of, and of which
 * "satisfy any" may leave ours out: what the client says is gone by then */

static ngx_int_t
ngx_auth_preaccess_handler(ngx_http_request_t *r)
{
    ngx_auth_loc_conf_t  *alcf;

    alcf = ngx_http_get_module_loc_conf(r, ngx_auth_module);

    if (alcf->forward_identity && ngx_auth_forward(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_DECLINED;
}


/* the access phase */

static ngx_int_t
ngx_auth_handler(ngx_http_request_t *r)
{
    uint64_t   start;
    ngx_int_t  rc;

    if (ngx_auth_limit_resumed(r, &rc) != NGX_OK) {

        start = ngx_api_clock();
        rc = ngx_auth_identify(r);

        if (rc == NGX_AGAIN) {
            return NGX_AGAIN;
        }

        if (rc != NGX_DECLINED) {
            ngx_api_timing_since(r, NGX_API_TIMING_AUTH, start);
        }

        /* limits come after it: they may ask who is calling */

        rc = ngx_auth_limit(r, rc);
    }

    /* of an error nginx would only close the connection */

    return rc == NGX_ERROR ? NGX_HTTP_INTERNAL_SERVER_ERROR : rc;
}


static ngx_int_t
ngx_auth_identify(ngx_http_request_t *r)
{
    ngx_int_t             rc;
    ngx_str_t             token;
    ngx_auth_bearer_t    *bearer;
    ngx_auth_loc_conf_t  *alcf;

    alcf = ngx_http_get_module_loc_conf(r, ngx_auth_module);

    if (alcf->token == NGX_AUTH_OFF && alcf->require == NULL) {
        return NGX_DECLINED;
    }

    if (ngx_api_location(r)) {
        rc = ngx_api_route_guarded(r);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    rc = ngx_auth_bearer_token(r, &token);

    if (rc == NGX_DECLINED) {

        if (alcf->token == NGX_AUTH_OPTIONAL && alcf->require == NULL) {
            return NGX_DECLINED;
        }

        return ngx_auth_token_refuse(r, NGX_AUTH_REFUSED_MISSING);
    }

    if (rc != NGX_OK) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "access token refused: Authorization is not "
                      "\"Bearer\" and a token");
        return ngx_auth_token_refuse(r, NGX_AUTH_REFUSED_MALFORMED);
    }

    bearer = ngx_palloc(r->pool, sizeof(ngx_auth_bearer_t));
    if (bearer == NULL) {
        return NGX_ERROR;
    }

    bearer->token = token;
    bearer->payload = NULL;

    switch (ngx_auth_bearer_verify(r, bearer)) {

    case NGX_AUTH_JWT_OK:
        return ngx_auth_admit(r, bearer);

    case NGX_AUTH_JWT_FAILED:
        return NGX_ERROR;

    case NGX_AUTH_JWT_EXPIRED:
        return ngx_auth_token_refuse(r, NGX_AUTH_REFUSED_EXPIRED);

    default:
        return ngx_auth_token_refuse(r, NGX_AUTH_REFUSED_INVALID);
    }
}


static ngx_int_t
ngx_auth_token_refuse(ngx_http_request_t *r, ngx_auth_refused_reason_e reason)
{
    const ngx_api_problem_t  *problem;

    static const ngx_api_problem_t *const  problems[NGX_AUTH_REFUSED_REASONS] =
    {
        [NGX_AUTH_REFUSED_MISSING] = &ngx_api_token_missing,
        [NGX_AUTH_REFUSED_MALFORMED] = &ngx_auth_token_invalid,
        [NGX_AUTH_REFUSED_INVALID] = &ngx_auth_token_invalid,
        [NGX_AUTH_REFUSED_EXPIRED] = &ngx_auth_token_expired,
        [NGX_AUTH_REFUSED_FOREIGN] = &ngx_auth_token_invalid,
        [NGX_AUTH_REFUSED_REVOKED] = &ngx_auth_token_revoked,
        [NGX_AUTH_REFUSED_UNKNOWN] = &ngx_api_database_unavailable
    };

    problem = problems[reason];

    ngx_api_metric_inc(&ngx_auth_tokens_refused[reason]);

    return problem->status == NGX_HTTP_UNAUTHORIZED
           ? ngx_auth_challenge(r, problem)
           : ngx_api_problem(r, problem, NULL);
}


static ngx_int_t
ngx_auth_admit(ngx_http_request_t *r, ngx_auth_bearer_t *bearer)
{
    ngx_int_t                   rc;
    ngx_api_identity_t         *identity;
    ngx_auth_loc_conf_t        *alcf;
    ngx_auth_main_conf_t       *amcf;
    ngx_auth_jwt_claims_t      *claims;
    ngx_auth_refused_reason_e   reason;

    amcf = ngx_http_get_module_main_conf(r, ngx_auth_module);

    identity = &bearer->identity;
    claims = &bearer->claims;

    if (claims->issuer && ngx_api_location(r)) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "access token refused: the API has accounts of its "
                      "own, this one is of another issuer");
        return ngx_auth_token_refuse(r, NGX_AUTH_REFUSED_FOREIGN);
    }

    reason = ngx_auth_revoked_reason(amcf, claims);

    if (reason == NGX_AUTH_REFUSED_UNKNOWN) {
        rc = ngx_auth_revoked_wait(r);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    if (reason != NGX_AUTH_REFUSED_NOT) {
        return ngx_auth_token_refuse(r, reason);
    }

    identity->user.data = claims->user;
    identity->user.len = ngx_strlen(claims->user);

    identity->session.data = claims->session;
    identity->session.len = ngx_strlen(claims->session);

    identity->role.data = claims->role;
    identity->role.len = ngx_strlen(claims->role);

    identity->expires = (time_t) claims->expires;
    identity->valid = ngx_auth_valid;

    if (ngx_api_identity_set(r, identity) != NGX_OK) {
        return NGX_ERROR;
    }

    alcf = ngx_http_get_module_loc_conf(r, ngx_auth_module);

    if (alcf->require) {
        rc = ngx_auth_require(r, alcf->require, bearer);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return alcf->forward_identity ? ngx_auth_forward(r) : NGX_OK;
}


/* of an identity that was admitted: what is not known speaks for it */

static ngx_uint_t
ngx_auth_valid(ngx_http_request_t *r, const ngx_api_identity_t *identity)
{
    ngx_auth_main_conf_t       *amcf;
    const ngx_auth_bearer_t    *bearer;
    ngx_auth_refused_reason_e   reason;

    amcf = ngx_http_get_module_main_conf(r, ngx_auth_module);

    if (identity->expires <= ngx_time() - amcf->jwt.leeway) {
        return 0;
    }

    bearer = (const ngx_auth_bearer_t *)
                 ((const char *) identity
                  - offsetof(ngx_auth_bearer_t, identity));

    reason = ngx_auth_revoked_reason(amcf, &bearer->claims);

    return reason == NGX_AUTH_REFUSED_NOT || reason == NGX_AUTH_REFUSED_UNKNOWN;
}


ngx_auth_ctx_t *
ngx_auth_ctx(ngx_http_request_t *r)
{
    ngx_auth_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_auth_module);

    if (ctx == NULL) {
        ctx = ngx_pcalloc(r->pool, sizeof(ngx_auth_ctx_t));

        if (ctx) {
            ngx_http_set_ctx(r, ctx, ngx_auth_module);
        }
    }

    return ctx;
}


static ngx_int_t
ngx_auth_variable(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    const ngx_str_t           *value;
    const ngx_api_identity_t  *identity;

    identity = ngx_api_identity(r->main);

    if (identity == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    value = (const ngx_str_t *) ((const char *) identity + data);

    v->len = value->len;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->data = value->data;

    return NGX_OK;
}


static ngx_int_t
ngx_auth_preconfiguration(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_auth_variables; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_auth_postconfiguration(ngx_conf_t *cf)
{
    ngx_http_handler_pt        *h;
    ngx_auth_main_conf_t       *amcf;
    ngx_http_core_main_conf_t  *cmcf;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_auth_module);

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    if (amcf->forwards) {
        h = ngx_array_push(&cmcf->phases[NGX_HTTP_PREACCESS_PHASE].handlers);
        if (h == NULL) {
            return NGX_ERROR;
        }

        *h = ngx_auth_preaccess_handler;
    }

    if (amcf->needs_key == NULL && !ngx_auth_limit_configured(cf)) {
        return NGX_OK;
    }

    if (amcf->needs_key
        && (ngx_auth_conf_init(cf, amcf) != NGX_OK
            || ngx_auth_revoked_conf_init(cf, amcf) != NGX_OK
            || ngx_auth_metrics_add(cf, amcf->accounts) != NGX_OK))
    {
        return NGX_ERROR;
    }

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_ACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_auth_handler;

    return NGX_OK;
}


static void *
ngx_auth_create_main_conf(ngx_conf_t *cf)
{
    ngx_auth_main_conf_t  *amcf;

    amcf = ngx_pcalloc(cf->pool, sizeof(ngx_auth_main_conf_t));
    if (amcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&amcf->keys, cf->pool, 4, sizeof(ngx_auth_jwt_key_t))
        != NGX_OK
        || ngx_array_init(&amcf->issuers, cf->pool, 4,
                          sizeof(ngx_auth_jwt_issuer_t))
           != NGX_OK)
    {
        return NULL;
    }

    /* this server's own place */

    if (ngx_array_push(&amcf->issuers) == NULL) {
        return NULL;
    }

    amcf->jwt.leeway = NGX_CONF_UNSET;
    amcf->access_ttl = NGX_CONF_UNSET;
    amcf->refresh_ttl = NGX_CONF_UNSET;
    amcf->session_ttl = NGX_CONF_UNSET;
    amcf->cache_size = NGX_CONF_UNSET_SIZE;
    amcf->password_min = NGX_CONF_UNSET_UINT;
    amcf->revocations_size = NGX_CONF_UNSET_SIZE;
    amcf->revocations_poll = NGX_CONF_UNSET_MSEC;
    amcf->bcrypt_cost = NGX_CONF_UNSET_UINT;

    return amcf;
}


static char *
ngx_auth_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_auth_main_conf_t *amcf = conf;

    ngx_conf_init_value(amcf->jwt.leeway, 0);
    ngx_conf_init_value(amcf->access_ttl, 15 * 60);
    ngx_conf_init_value(amcf->refresh_ttl, 30 * 24 * 60 * 60);
    ngx_conf_init_value(amcf->session_ttl, 365 * 24 * 60 * 60);

    amcf->refresh_ttl = ngx_min(amcf->refresh_ttl, amcf->session_ttl);
    ngx_conf_init_size_value(amcf->cache_size, 8 * 1024 * 1024);
    ngx_conf_init_uint_value(amcf->password_min, 8);
    ngx_conf_init_size_value(amcf->revocations_size, 1024 * 1024);
    ngx_conf_init_msec_value(amcf->revocations_poll, 500);
    ngx_conf_init_uint_value(amcf->bcrypt_cost, 10);

    if (amcf->issuer.data == NULL) {
        ngx_str_set(&amcf->issuer, "skep");
    }

    if (amcf->audience.data == NULL) {
        ngx_str_set(&amcf->audience, "skep");
    }

    if (amcf->thread_pool_name.data == NULL) {
        ngx_str_set(&amcf->thread_pool_name, "default");
    }

    return NGX_CONF_OK;
}


static void *
ngx_auth_create_loc_conf(ngx_conf_t *cf)
{
    ngx_auth_loc_conf_t  *alcf;

    alcf = ngx_palloc(cf->pool, sizeof(ngx_auth_loc_conf_t));
    if (alcf == NULL) {
        return NULL;
    }

    alcf->token = NGX_CONF_UNSET_UINT;
    alcf->require = NGX_CONF_UNSET_PTR;
    alcf->forward_identity = NGX_CONF_UNSET;

    return alcf;
}


static char *
ngx_auth_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_auth_loc_conf_t *prev = parent;
    ngx_auth_loc_conf_t *conf = child;

    ngx_conf_merge_uint_value(conf->token, prev->token, NGX_AUTH_OFF);
    ngx_conf_merge_ptr_value(conf->require, prev->require, NULL);
    ngx_conf_merge_value(conf->forward_identity, prev->forward_identity, 0);

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_auth_init_process(ngx_cycle_t *cycle)
{
    ngx_auth_main_conf_t  *amcf;

    amcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_auth_module);

    if (ngx_auth_digest_init() != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_auth_revoked_init_process(cycle, amcf);
}


static void
ngx_auth_exit_process(ngx_cycle_t *cycle)
{
    ngx_auth_digest_done();
}


static char *
ngx_auth_token_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_auth_loc_conf_t *alcf = conf;

    char  *rv;

    rv = ngx_conf_set_enum_slot(cf, cmd, conf);

    if (rv == NGX_CONF_OK && alcf->token != NGX_AUTH_OFF) {
        (void) ngx_auth_in_use(cf, "auth_token");
    }

    return rv;
}


static char *
ngx_auth_forward_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                  *rv;
    ngx_auth_loc_conf_t   *alcf = conf;
    ngx_auth_main_conf_t  *amcf;

    rv = ngx_conf_set_flag_slot(cf, cmd, conf);

    if (rv == NGX_CONF_OK && alcf->forward_identity) {
        amcf = ngx_http_conf_get_module_main_conf(cf, ngx_auth_module);
        amcf->forwards = 1;
    }

    return rv;
}


static char *
ngx_auth_api_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                   *rv;
    ngx_str_t              *value;
    ngx_auth_main_conf_t   *amcf;
    const ngx_api_route_t  *routes;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_auth_module);

    routes = ngx_auth_routes(cf, amcf);
    if (routes == NULL) {
        return NGX_CONF_ERROR;
    }

    rv = ngx_api_route_switch(cf, routes, ngx_auth_sql, NGX_AUTH_SQL_N);

    value = cf->args->elts;

    if (rv == NGX_CONF_OK
        && ngx_strcasecmp(value[1].data, (u_char *) "on") == 0)
    {
        (void) ngx_auth_in_use(cf, "auth_api");
        amcf->accounts = 1;
    }

    return rv;
}


ngx_auth_main_conf_t *
ngx_auth_in_use(ngx_conf_t *cf, const char *directive)
{
    ngx_auth_main_conf_t  *amcf;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_auth_module);

    if (amcf->needs_key == NULL) {
        amcf->needs_key = directive;
        amcf->needs_file = cf->conf_file->file.name;
        amcf->needs_line = cf->conf_file->line;
    }

    return amcf;
}
