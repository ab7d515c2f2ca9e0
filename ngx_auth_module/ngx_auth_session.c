
#include "ngx_auth_session.h"
#include "ngx_auth_text.h"

#include <openssl/rand.h>


static ngx_int_t ngx_auth_session_client(ngx_http_request_t *r,
    ngx_auth_session_t *session);
static char *ngx_auth_session_access(ngx_auth_main_conf_t *amcf,
    const ngx_auth_session_t *session, const PGresult *res, time_t life);


ngx_auth_session_t *
ngx_auth_session_create(ngx_http_request_t *r)
{
    ngx_auth_session_t    *session;
    ngx_auth_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(r, ngx_auth_module);

    session = ngx_pcalloc(r->pool, sizeof(ngx_auth_session_t));
    if (session == NULL) {
        return NULL;
    }

    if (ngx_auth_uuid(session->id) != NGX_OK
        || ngx_auth_secret(&session->refresh) != NGX_OK
        || ngx_auth_session_client(r, session) != NGX_OK)
    {
        return NULL;
    }

    (void) ngx_sprintf((u_char *) session->refresh_ttl, "%T%Z",
                       amcf->refresh_ttl);

    (void) ngx_sprintf((u_char *) session->session_ttl, "%T%Z",
                       amcf->session_ttl);

    (void) ngx_sprintf((u_char *) session->keep, "%T%Z",
                       ngx_max(amcf->refresh_ttl, amcf->access_ttl));

    return session;
}


ngx_int_t
ngx_auth_secret(ngx_auth_secret_t *secret)
{
    u_char     bytes[32];
    ngx_str_t  random, text;

    if (RAND_bytes(bytes, sizeof(bytes)) != 1) {
        return NGX_ERROR;
    }

    random.data = bytes;
    random.len = sizeof(bytes);

    text.data = (u_char *) secret->text;

    ngx_encode_base64url(&text, &random);

    secret->text[NGX_AUTH_SECRET_LEN] = '\0';

    ngx_explicit_memzero(bytes, sizeof(bytes));

    return ngx_auth_secret_hash(text.data, text.len, secret->hash);
}


ngx_int_t
ngx_auth_secret_hash(const void *text, size_t len,
    char hash[NGX_AUTH_SECRET_HASH + 1])
{
    u_char     digest[NGX_AUTH_DIGEST_LEN], *p;
    ngx_str_t  whole;

    whole.data = (u_char *) text;
    whole.len = len;

    if (ngx_auth_digest(&whole, 1, digest) != NGX_OK) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(hash, "\\x", 2);
    p = ngx_hex_dump(p, digest, NGX_AUTH_DIGEST_LEN);
    *p = '\0';

    return NGX_OK;
}


static ngx_int_t
ngx_auth_session_client(ngx_http_request_t *r, ngx_auth_session_t *session)
{
    char             *agent;
    ngx_str_t        *addr;
    ngx_table_elt_t  *h;

    addr = &r->connection->addr_text;

    session->ip = ngx_api_cstr(r, addr->data, addr->len);
    if (session->ip == NULL) {
        return NGX_ERROR;
    }

    h = r->headers_in.user_agent;
    if (h == NULL) {
        return NGX_OK;
    }

    agent = ngx_pnalloc(r->pool, NGX_AUTH_AGENT_MAX + 1);
    if (agent == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_auth_text_clean(agent, NGX_AUTH_AGENT_MAX + 1, h->value.data,
                               h->value.len);

    session->user_agent = agent;

    return NGX_OK;
}


void
ngx_auth_session_send(ngx_http_request_t *r, ngx_uint_t status,
    const ngx_auth_session_t *session, const PGresult *res,
    const ngx_str_t *location)
{
    int                    version, ttl;
    char                  *token;
    time_t                 left, life;
    ngx_api_json_t         json;
    ngx_auth_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(r, ngx_auth_module);

    /* a session that is near its end has less; nothing of it outlives it */

    ttl = PQfnumber(res, "_ttl");
    left = (ttl == -1) ? amcf->refresh_ttl
                       : (time_t) ngx_api_pg_integer(res, 0, ttl);
    life = ngx_min(amcf->access_ttl, left);

    token = ngx_auth_session_access(amcf, session, res, life);

    if (token == NULL) {
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    ngx_api_json_init(&json, r->pool, 1536);

    ngx_api_json_literal(&json, "{\"access_token\":");
    ngx_api_json_string(&json, token, ngx_strlen(token));
    ngx_api_json_literal(&json, ",\"token_type\":\"Bearer\",\"expires_in\":");
    ngx_api_json_integer(&json, life);
    ngx_api_json_literal(&json, ",\"refresh_token\":");
    ngx_api_json_string(&json, session->refresh.text, NGX_AUTH_SECRET_LEN);
    ngx_api_json_literal(&json, ",\"refresh_expires_in\":");
    ngx_api_json_integer(&json, left);
    ngx_api_json_literal(&json, ",\"user\":");
    ngx_api_pg_json_row(&json, res, 0);
    ngx_api_json_literal(&json, "}");

    free(token);

    version = PQfnumber(res, "version");

    /* the tag is of the user that was made */

    if (location
        && (version == -1
            || ngx_api_set_etag(r, ngx_api_pg_integer(res, 0, version))
               != NGX_OK))
    {
        ngx_api_finish(r, NGX_ERROR);
        return;
    }

    ngx_api_send_json(r, status, &json, location, NGX_API_NO_STORE);
}


/* the access token, good for so many seconds, to be freed; NULL on an error */

static char *
ngx_auth_session_access(ngx_auth_main_conf_t *amcf,
    const ngx_auth_session_t *session, const PGresult *res, time_t life)
{
    int                     id, role;
    char                    jti[NGX_API_UUID_LEN + 1];
    ngx_str_t               text;
    ngx_auth_jwt_claims_t   claims;

    id = PQfnumber(res, "id");
    role = PQfnumber(res, "role");

    if (id == -1 || role == -1 || PQgetlength(res, 0, id) != 16) {
        return NULL;
    }

    text = ngx_api_pg_text(res, 0, role);

    if (text.len > NGX_AUTH_JWT_ROLE_MAX
        || ngx_auth_uuid(jti) != NGX_OK)
    {
        return NULL;
    }

    ngx_memzero(&claims, sizeof(ngx_auth_jwt_claims_t));

    (void) ngx_api_uuid_format(claims.user,
                               (u_char *) PQgetvalue(res, 0, id));
    ngx_memcpy(claims.session, session->id, NGX_API_UUID_LEN + 1);
    ngx_memcpy(claims.role, text.data, text.len);

    claims.expires = (int64_t) ngx_time() + life;

    return ngx_auth_jwt_sign(&amcf->jwt, &claims, jti, ngx_time());
}


ngx_int_t
ngx_auth_uuid(char *dst)
{
    u_char       uuid[16];
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    if (ngx_api_uuid_v7(uuid, (uint64_t) tp->sec * 1000 + tp->msec)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    *ngx_api_uuid_format((u_char *) dst, uuid) = '\0';

    return NGX_OK;
}
