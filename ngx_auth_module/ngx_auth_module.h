
/*
 * ngx_auth_module: who is calling.  What its files share; private to it.
 */


#ifndef _NGX_AUTH_MODULE_H_INCLUDED_
#define _NGX_AUTH_MODULE_H_INCLUDED_


#include "ngx_api.h"

#include "ngx_auth_bcrypt.h"
#include "ngx_auth_cache.h"
#include "ngx_auth_digest.h"
#include "ngx_auth_jwt.h"
#include "ngx_auth_metrics.h"
#include "ngx_auth_revoked_zone.h"
#include "ngx_auth_refused.h"


#if !(NGX_THREADS)
#error ngx_auth_module needs nginx with --with-threads
#endif


#define NGX_AUTH_NAME_MAX  255               /* bytes of an issuer or
                                                audience */

#define NGX_AUTH_OFF       0
#define NGX_AUTH_REQUIRED  1
#define NGX_AUTH_OPTIONAL  2


/* const once the configuration is read */
typedef struct {
    ngx_str_t             issuer;            /* this server's names */
    ngx_str_t             audience;
    ngx_array_t           keys;              /* of ngx_auth_jwt_key_t: ours */
    ngx_array_t           issuers;           /* of ngx_auth_jwt_issuer_t: this
                                                server, then the others */
    ngx_auth_jwt_conf_t   jwt;
    u_char                fingerprint[NGX_AUTH_DIGEST_LEN];
                                             /* of the whole of jwt */
    ngx_str_t             jwks;              /* our public keys, JSON */

    time_t                access_ttl;        /* seconds */
    time_t                refresh_ttl;
    time_t                session_ttl;   /* however often it is refreshed */

    size_t                cache_size;        /* 0: off */
    ngx_auth_cache_t     *cache;             /* NULL: off */

    size_t                revocations_size;
    ngx_msec_t            revocations_poll;
    ngx_auth_revoked_zone_t  *revoked;       /* NULL: auth is not in use */

    const ngx_api_route_t  *routes;          /* of accounts, or NULL */
    ngx_array_t           new_passwords;     /* of ngx_api_field_t *: of theirs,
                                                those for new passwords */
    ngx_uint_t            password_min;      /* bytes of a new password */
    ngx_auth_refused_t   *refused;           /* NULL: none is */

    ngx_uint_t            bcrypt_cost;
    char                  dummy[NGX_AUTH_BCRYPT_LEN + 1];

    ngx_str_t             thread_pool_name;
    ngx_thread_pool_t    *thread_pool;       /* NULL unless accounts */

    const char           *needs_key;         /* the first directive that does,
                                                or NULL, and where it is */
    ngx_str_t             needs_file;
    ngx_uint_t            needs_line;

    unsigned              accounts:1;        /* auth_api is on somewhere */
    unsigned              revocations_pg:1;  /* PostgreSQL knows of them */
    unsigned              forwards:1;        /* auth_forward_identity is */
} ngx_auth_main_conf_t;


/* of a request */
typedef struct {
    void                 *call;              /* of the handler that answers, see
                                                ngx_auth_account.h */
    void                 *wait;              /* see ngx_auth_revoked_wait.c */
} ngx_auth_ctx_t;


/* made when there is none; NULL: out of memory */
ngx_auth_ctx_t *ngx_auth_ctx(ngx_http_request_t *r);


/* for ngx_conf_set_sec_slot(), as ngx_conf_num_bounds_t is for numbers */
typedef struct {
    ngx_conf_post_handler_pt  post_handler;  /* ngx_auth_time_check() */
    time_t                    min;           /* seconds */
    time_t                    max;
} ngx_auth_time_bounds_t;

char *ngx_auth_time_check(ngx_conf_t *cf, void *post, void *data);


typedef struct {
    ngx_uint_t            token;             /* NGX_AUTH_OFF, ... */
    ngx_array_t          *require;           /* of ngx_auth_require_t; NULL:
                                                nothing */
    ngx_flag_t            forward_identity;
} ngx_auth_loc_conf_t;


/* an identity, and what it was made of */
typedef struct {
    ngx_api_identity_t     identity;         /* points into claims */
    ngx_auth_jwt_claims_t  claims;
    ngx_str_t              token;            /* of the request's header */
    json_t                *payload;          /* NULL until it is asked for */
} ngx_auth_bearer_t;


/* handlers of directives */
char *ngx_auth_key_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_auth_key_jwks_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_auth_require_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_auth_name_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_auth_token_cache_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

char *ngx_auth_password_refuse_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* once all is read: keys and what hangs on them; NGX_OK or NGX_ERROR */
ngx_int_t ngx_auth_conf_init(ngx_conf_t *cf, ngx_auth_main_conf_t *amcf);


/* remembers that keys are needed, and by which directive: whether there are
 * some is known only when all is read */
ngx_auth_main_conf_t *ngx_auth_in_use(ngx_conf_t *cf, const char *directive);


/*
 * Authorization: Bearer <token> (RFC 6750, 2.1).  NGX_DECLINED: no such header;
 * NGX_ERROR: the header holds anything else.  nginx itself refuses a second
 * Authorization header.
 */
ngx_int_t ngx_auth_bearer_token(ngx_http_request_t *r, ngx_str_t *token);

/* bearer->token, in the cache of verified ones, or else by its keys; fills in
 * bearer->claims if it is good, and logs what is wrong with it if not */
ngx_auth_jwt_status_e ngx_auth_bearer_verify(ngx_http_request_t *r,
    ngx_auth_bearer_t *bearer);

/* who the bearer of this request's token is; NULL: nobody */
ngx_auth_bearer_t *ngx_auth_bearer(ngx_http_request_t *r);

/* a claim of the bearer's token; NULL if there is none */
const json_t *ngx_auth_bearer_claim(ngx_auth_bearer_t *bearer,
    ngx_http_request_t *r, const ngx_str_t *name);

/* auth_require: NGX_OK, or what a phase handler is to return */
ngx_int_t ngx_auth_require(ngx_http_request_t *r, const ngx_array_t *require,
    ngx_auth_bearer_t *bearer);

/* $auth_claim_NAME; data: the variable's whole name */
ngx_int_t ngx_auth_claim_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);

/* GET /.well-known/jwks.json */
void ngx_auth_jwks(ngx_http_request_t *r);

/* auth_forward_identity: the request's headers name its bearer, or nobody;
 * NGX_OK or NGX_ERROR */
ngx_int_t ngx_auth_forward(ngx_http_request_t *r);


/* notes a problem of status 401 or 403 and its challenge (RFC 6750, 3); returns
 * what a phase handler is to return */
ngx_int_t ngx_auth_challenge(ngx_http_request_t *r,
    const ngx_api_problem_t *problem);


extern ngx_module_t  ngx_auth_module;

extern const ngx_api_problem_t  ngx_auth_token_invalid;
extern const ngx_api_problem_t  ngx_auth_token_expired;
extern const ngx_api_problem_t  ngx_auth_token_revoked;
extern const ngx_api_problem_t  ngx_auth_forbidden;
extern const ngx_api_problem_t  ngx_auth_invalid_credentials;
extern const ngx_api_problem_t  ngx_auth_email_taken;
extern const ngx_api_problem_t  ngx_auth_refresh_token_invalid;
extern const ngx_api_problem_t  ngx_auth_refresh_token_reused;
extern const ngx_api_problem_t  ngx_auth_last_owner;
extern const ngx_api_problem_t  ngx_auth_server_busy;


#endif /* _NGX_AUTH_MODULE_H_INCLUDED_ */
