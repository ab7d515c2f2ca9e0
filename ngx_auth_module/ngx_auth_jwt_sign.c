
/*
 * A token of this server's is made.
 */


#include "ngx_auth_jwt.h"
#include "ngx_auth_signature.h"


static json_t *ngx_auth_jwt_sign_header(const ngx_auth_jwt_key_t *key);
static json_t *ngx_auth_jwt_sign_claims(const ngx_auth_jwt_conf_t *conf,
    const ngx_auth_jwt_claims_t *claims, const char *jti, time_t now);
static ngx_int_t ngx_auth_jwt_sign_part(json_t *json, ngx_str_t *text);


char *
ngx_auth_jwt_sign(const ngx_auth_jwt_conf_t *conf,
    const ngx_auth_jwt_claims_t *claims, const char *jti, time_t now)
{
    u_char                    *token, *p, bytes[NGX_AUTH_SIGNATURE_MAX];
    ngx_int_t                  rc;
    ngx_str_t                  header, payload, input, signature, text;
    const ngx_auth_jwt_key_t  *key;

    key = conf->signer;
    token = NULL;

    if (key == NULL) {
        return NULL;
    }

    rc = ngx_auth_jwt_sign_part(ngx_auth_jwt_sign_header(key), &header);

    if (ngx_auth_jwt_sign_part(ngx_auth_jwt_sign_claims(conf, claims, jti, now),
                               &payload)
        != NGX_OK)
    {
        rc = NGX_ERROR;
    }

    if (rc == NGX_OK) {
        token = malloc(header.len + 1 + payload.len + 1
                       + ngx_base64_encoded_length(NGX_AUTH_SIGNATURE_MAX)
                       + 1);
    }

    if (token) {
        p = ngx_cpymem(token, header.data, header.len);
        *p++ = '.';
        p = ngx_cpymem(p, payload.data, payload.len);

        input.data = token;
        input.len = p - token;
        signature.data = bytes;

        if (ngx_auth_signature_make(key, &input, &signature) == NGX_OK) {
            *p++ = '.';

            text.data = p;
            ngx_encode_base64url(&text, &signature);
            p[text.len] = '\0';

        } else {
            free(token);
            token = NULL;
        }
    }

    free(header.data);
    free(payload.data);

    return (char *) token;
}


static json_t *
ngx_auth_jwt_sign_header(const ngx_auth_jwt_key_t *key)
{
    json_t  *header;

    header = json_pack("{s:s%, s:s}", "alg", (char *) key->alg.data,
                       key->alg.len, "typ", "JWT");

    if (header && key->kid.len
        && json_object_set_new(header, "kid",
                               json_stringn((char *) key->kid.data,
                                            key->kid.len))
           != 0)
    {
        json_decref(header);
        return NULL;
    }

    return header;
}


static json_t *
ngx_auth_jwt_sign_claims(const ngx_auth_jwt_conf_t *conf,
    const ngx_auth_jwt_claims_t *claims, const char *jti, time_t now)
{
    const ngx_auth_jwt_issuer_t  *ours;

    ours = &conf->issuers[0];

    return json_pack("{s:s%, s:s%, s:s, s:s, s:s, s:s, s:I, s:I, s:I}",
                     "iss", (char *) ours->issuer.data, ours->issuer.len,
                     "aud", (char *) ours->audience.data, ours->audience.len,
                     "sub", (char *) claims->user,
                     "sid", (char *) claims->session,
                     "role", (char *) claims->role,
                     "jti", jti,
                     "iat", (json_int_t) now,
                     "nbf", (json_int_t) now,
                     "exp", (json_int_t) claims->expires);
}


/* the JSON, which is given up, as base64url for the caller to free */

static ngx_int_t
ngx_auth_jwt_sign_part(json_t *json, ngx_str_t *text)
{
    size_t     size;
    u_char    *p;
    ngx_str_t  plain;

    text->data = NULL;
    size = json ? json_dumpb(json, NULL, 0, JSON_COMPACT) : 0;
    p = size ? malloc(size + ngx_base64_encoded_length(size)) : NULL;

    if (p == NULL) {
        json_decref(json);
        return NGX_ERROR;
    }

    plain.data = p + ngx_base64_encoded_length(size);
    plain.len = json_dumpb(json, (char *) plain.data, size, JSON_COMPACT);

    json_decref(json);

    if (plain.len != size) {
        free(p);
        return NGX_ERROR;
    }

    text->data = p;
    ngx_encode_base64url(text, &plain);

    return NGX_OK;
}
