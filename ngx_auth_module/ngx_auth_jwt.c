
#include "ngx_auth_jwt.h"
#include "ngx_auth_signature.h"
#include "ngx_api_reserve.h"
#include "ngx_api_uuid.h"


/* nested arrays and objects in a header or in claims; jansson allows 2048 */
#define NGX_AUTH_JWT_DEPTH  8

#define NGX_AUTH_JWT_PART_MAX  (NGX_AUTH_JWT_MAX / 4 * 3)


typedef struct {
    ngx_str_t   header;       /* base64url */
    ngx_str_t   payload;
    ngx_str_t   signature;
} ngx_auth_jwt_parts_t;


static ngx_int_t ngx_auth_jwt_split(const ngx_str_t *token,
    ngx_auth_jwt_parts_t *parts);
static json_t *ngx_auth_jwt_object(const ngx_str_t *text);
static const char *ngx_auth_jwt_header(const json_t *header);
static ngx_auth_jwt_typ_e ngx_auth_jwt_typ(const json_t *header);
static const ngx_auth_jwt_issuer_t *ngx_auth_jwt_find_issuer(
    const ngx_auth_jwt_conf_t *conf, const json_t *iss);
static const char *ngx_auth_jwt_signature(const ngx_auth_jwt_issuer_t *issuer,
    const json_t *header, const ngx_auth_jwt_parts_t *parts);
static const char *ngx_auth_jwt_account(const json_t *payload,
    ngx_auth_jwt_claims_t *claims);
static const char *ngx_auth_jwt_stranger(const json_t *payload,
    ngx_auth_jwt_claims_t *claims);
static ngx_int_t ngx_auth_jwt_audience(const json_t *aud,
    const ngx_str_t *audience);
static ngx_int_t ngx_auth_jwt_uuid(const json_t *value, u_char *dst);
static ngx_int_t ngx_auth_jwt_role(const json_t *value, u_char *dst);
static const char *ngx_auth_jwt_times(const ngx_auth_jwt_conf_t *conf,
    const json_t *payload, time_t now, ngx_auth_jwt_claims_t *claims);


/* headers that bring a key or change what the signature means */

static const char  *ngx_auth_jwt_refused[] = {
    "crit", "jwk", "jku", "x5u", "x5c", "b64", "zip", "enc", NULL
};


static const char   ngx_auth_jwt_no_memory[] = "out of memory";


ngx_auth_jwt_status_e
ngx_auth_jwt_verify(const ngx_auth_jwt_conf_t *conf, const ngx_str_t *token,
    time_t now, ngx_auth_jwt_claims_t *claims, const char **fault)
{
    json_t                       *header, *payload;
    ngx_uint_t                    failures;
    ngx_auth_jwt_parts_t          parts;
    ngx_auth_jwt_claims_t         found;
    const ngx_auth_jwt_issuer_t  *issuer;

    ngx_memzero(&found, sizeof(ngx_auth_jwt_claims_t));

    if (ngx_auth_jwt_split(token, &parts) != NGX_OK) {
        *fault = "not three segments";
        return NGX_AUTH_JWT_INVALID;
    }

    failures = ngx_api_reserve_failures();

    header = ngx_auth_jwt_object(&parts.header);
    payload = ngx_auth_jwt_object(&parts.payload);

    if (header == NULL || payload == NULL) {
        *fault = ngx_api_reserve_failures() == failures
                 ? "header or claims are not a JSON object"
                 : ngx_auth_jwt_no_memory;
        goto done;
    }

    *fault = ngx_auth_jwt_header(header);
    if (*fault) {
        goto done;
    }

    issuer = ngx_auth_jwt_find_issuer(conf, json_object_get(payload, "iss"));
    if (issuer == NULL) {
        *fault = "no key is of this iss";
        goto done;
    }

    found.issuer = issuer - conf->issuers;

    if (issuer->typ && ngx_auth_jwt_typ(header) != issuer->typ) {
        *fault = "typ is not that of this iss";
        goto done;
    }

    *fault = ngx_auth_jwt_signature(issuer, header, &parts);
    if (*fault) {
        goto done;
    }

    if (ngx_auth_jwt_audience(json_object_get(payload, "aud"),
                              &issuer->audience)
        != NGX_OK)
    {
        *fault = "aud is not ours";
        goto done;
    }

    *fault = found.issuer ? ngx_auth_jwt_stranger(payload, &found)
                          : ngx_auth_jwt_account(payload, &found);
    if (*fault) {
        goto done;
    }

    *fault = ngx_auth_jwt_times(conf, payload, now, &found);

done:

    json_decref(header);
    json_decref(payload);

    if (*fault) {
        return *fault == ngx_auth_jwt_no_memory ? NGX_AUTH_JWT_FAILED
                                                : NGX_AUTH_JWT_INVALID;
    }

    /* "exp" comes last: only a token that is good else is told to be too old */

    if (found.expires <= (int64_t) now - conf->leeway) {
        *fault = "expired";
        return NGX_AUTH_JWT_EXPIRED;
    }

    *claims = found;

    return NGX_AUTH_JWT_OK;
}


/* two dots, and three segments that are not empty: an unsigned token's last is.
 * A third dot is not of the alphabet of whoever decodes them. */

static ngx_int_t
ngx_auth_jwt_split(const ngx_str_t *token, ngx_auth_jwt_parts_t *parts)
{
    u_char  *p, *last, *first, *second;

    if (token->len == 0 || token->len > NGX_AUTH_JWT_MAX) {
        return NGX_ERROR;
    }

    p = token->data;
    last = p + token->len;

    first = memchr(p, '.', last - p);
    if (first == NULL) {
        return NGX_ERROR;
    }

    second = memchr(first + 1, '.', last - first - 1);
    if (second == NULL) {
        return NGX_ERROR;
    }

    parts->header.data = p;
    parts->header.len = first - p;

    parts->payload.data = first + 1;
    parts->payload.len = second - first - 1;

    parts->signature.data = second + 1;
    parts->signature.len = last - second - 1;

    if (parts->header.len == 0 || parts->payload.len == 0
        || parts->signature.len == 0)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* NULL if the text is not base64url of one JSON object */

static json_t *
ngx_auth_jwt_object(const ngx_str_t *text)
{
    u_char   buf[NGX_AUTH_JWT_PART_MAX];
    size_t   len;

    if (ngx_auth_base64url_decode(text, buf, &len) != NGX_OK) {
        return NULL;
    }

    return ngx_auth_json_object(buf, len, NGX_AUTH_JWT_DEPTH);
}


json_t *
ngx_auth_jwt_payload(const ngx_str_t *token)
{
    ngx_auth_jwt_parts_t  parts;

    if (ngx_auth_jwt_split(token, &parts) != NGX_OK) {
        return NULL;
    }

    return ngx_auth_jwt_object(&parts.payload);
}


/* "iss" is not believed yet: it only chooses whose keys are to be tried */

static const ngx_auth_jwt_issuer_t *
ngx_auth_jwt_find_issuer(const ngx_auth_jwt_conf_t *conf, const json_t *iss)
{
    ngx_uint_t  i;

    for (i = 0; i < conf->nissuers; i++) {
        if (conf->issuers[i].nkeys
            && ngx_auth_json_equal(iss, &conf->issuers[i].issuer))
        {
            return &conf->issuers[i];
        }
    }

    return NULL;
}


/* NULL, or what is wrong with the header apart from its key */

static const char *
ngx_auth_jwt_header(const json_t *header)
{
    ngx_uint_t  i;

    for (i = 0; ngx_auth_jwt_refused[i]; i++) {
        if (json_object_get(header, ngx_auth_jwt_refused[i])) {
            return "header has crit, or brings its own key";
        }
    }

    if (json_object_get(header, "typ")
        && ngx_auth_jwt_typ(header) == NGX_AUTH_JWT_TYP_NONE)
    {
        return "typ is neither JWT nor at+jwt";
    }

    return NULL;
}


/* a media type, in any case, and without "application/" (RFC 7515, 4.1.9) */

static ngx_auth_jwt_typ_e
ngx_auth_jwt_typ(const json_t *header)
{
    const char  *text;

    text = json_string_value(json_object_get(header, "typ"));

    if (text == NULL) {
        return NGX_AUTH_JWT_TYP_NONE;
    }

    if (strncasecmp(text, "application/", sizeof("application/") - 1) == 0) {
        text += sizeof("application/") - 1;
    }

    if (strcasecmp(text, "JWT") == 0) {
        return NGX_AUTH_JWT_TYP_JWT;
    }

    return strcasecmp(text, "at+jwt") == 0 ? NGX_AUTH_JWT_TYP_ACCESS
                                           : NGX_AUTH_JWT_TYP_NONE;
}


static const char *
ngx_auth_jwt_signature(const ngx_auth_jwt_issuer_t *issuer,
    const json_t *header, const ngx_auth_jwt_parts_t *parts)
{
    u_char                     buf[NGX_AUTH_JWT_PART_MAX];
    json_t                    *alg, *kid;
    ngx_str_t                  input, signature;
    ngx_uint_t                 i;
    const char                *fault;
    const ngx_auth_jwt_key_t  *key;

    alg = json_object_get(header, "alg");
    kid = json_object_get(header, "kid");

    if (kid && !json_is_string(kid)) {
        return "kid is not a string";
    }

    /* what is signed is the first two segments, with the dot between them */

    input.data = parts->header.data;
    input.len = parts->payload.data + parts->payload.len - input.data;

    signature.data = buf;

    if (ngx_auth_base64url_decode(&parts->signature, buf, &signature.len)
        != NGX_OK)
    {
        return "wrong signature";
    }

    fault = "no key has this kid";

    for (i = 0; i < issuer->nkeys; i++) {

        key = &issuer->keys[i];

        if (kid) {
            if (key->kid.len == 0 || !ngx_auth_json_equal(kid, &key->kid)) {
                continue;
            }

        } else if (key->kid.len && !key->derived && issuer->nkeys > 1) {
            continue;
        }

        if (!ngx_auth_json_equal(alg, &key->alg)) {
            fault = "alg is not that of the key";
            continue;
        }

        switch (ngx_auth_signature_verify(key, &input, &signature)) {

        case NGX_OK:
            return NULL;

        case NGX_ABORT:
            return ngx_auth_jwt_no_memory;
        }

        fault = "wrong signature";
    }

    return fault;
}


/* the bearer has an account here */

static const char *
ngx_auth_jwt_account(const json_t *payload, ngx_auth_jwt_claims_t *claims)
{
    json_t  *sid, *jti;

    if (ngx_auth_jwt_uuid(json_object_get(payload, "sub"), claims->user)
        != NGX_OK)
    {
        return "sub is not a UUID";
    }

    sid = json_object_get(payload, "sid");

    if (sid && ngx_auth_jwt_uuid(sid, claims->session) != NGX_OK) {
        return "sid is not a UUID";
    }

    if (ngx_auth_jwt_role(json_object_get(payload, "role"), claims->role)
        != NGX_OK)
    {
        return "role is not an identifier";
    }

    jti = json_object_get(payload, "jti");

    if (jti && !json_is_string(jti)) {
        return "jti is not a string";
    }

    return NULL;
}


/* the bearer is known to another issuer */

static const char *
ngx_auth_jwt_stranger(const json_t *payload, ngx_auth_jwt_claims_t *claims)
{
    size_t       len, i;
    json_t      *sub;
    const char  *text;

    sub = json_object_get(payload, "sub");
    text = json_string_value(sub);
    len = json_string_length(sub);

    if (len == 0 || len > NGX_AUTH_JWT_SUB_MAX) {
        return "sub is not 1 to 255 characters";
    }

    for (i = 0; i < len; i++) {

        /* it goes into headers and logs as it is */

        if (text[i] <= ' ' || text[i] > '~') {
            return "sub is not visible ASCII";
        }
    }

    ngx_memcpy(claims->user, text, len);

    (void) ngx_auth_jwt_role(json_object_get(payload, "role"), claims->role);

    return NULL;
}


static ngx_int_t
ngx_auth_jwt_audience(const json_t *aud, const ngx_str_t *audience)
{
    size_t      i;
    json_t     *one;
    ngx_int_t   rc;

    if (!json_is_array(aud)) {
        return ngx_auth_json_equal(aud, audience) ? NGX_OK : NGX_ERROR;
    }

    rc = NGX_ERROR;

    for (i = 0; i < json_array_size(aud); i++) {
        one = json_array_get(aud, i);

        if (!json_is_string(one)) {
            return NGX_ERROR;
        }

        if (ngx_auth_json_equal(one, audience)) {
            rc = NGX_OK;
        }
    }

    return rc;
}


static ngx_int_t
ngx_auth_jwt_uuid(const json_t *value, u_char *dst)
{
    u_char  uuid[16], *last;

    if (!json_is_string(value)
        || ngx_api_uuid_parse((u_char *) json_string_value(value),
                              json_string_length(value), uuid)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    last = ngx_api_uuid_format(dst, uuid);
    *last = '\0';

    return NGX_OK;
}


static ngx_int_t
ngx_auth_jwt_role(const json_t *value, u_char *dst)
{
    size_t       len, i;
    const char  *text;

    if (!json_is_string(value)) {
        return NGX_ERROR;
    }

    text = json_string_value(value);
    len = json_string_length(value);

    if (len == 0 || len > NGX_AUTH_JWT_ROLE_MAX) {
        return NGX_ERROR;
    }

    for (i = 0; i < len; i++) {
        if ((text[i] >= 'a' && text[i] <= 'z')
            || (text[i] >= 'A' && text[i] <= 'Z')
            || (text[i] >= '0' && text[i] <= '9')
            || text[i] == '_' || text[i] == '-')
        {
            continue;
        }

        return NGX_ERROR;
    }

    ngx_memcpy(dst, text, len);
    dst[len] = '\0';

    return NGX_OK;
}


static const char *
ngx_auth_jwt_times(const ngx_auth_jwt_conf_t *conf, const json_t *payload,
    time_t now, ngx_auth_jwt_claims_t *claims)
{
    json_t  *exp, *nbf, *iat;

    exp = json_object_get(payload, "exp");
    nbf = json_object_get(payload, "nbf");
    iat = json_object_get(payload, "iat");

    if (!json_is_integer(exp) || json_integer_value(exp) < 0) {
        return "exp is not a time";
    }

    if (nbf && (!json_is_integer(nbf) || json_integer_value(nbf) < 0)) {
        return "nbf is not a time";
    }

    if (iat && (!json_is_integer(iat) || json_integer_value(iat) < 0)) {
        return "iat is not a time";
    }

    if (nbf && json_integer_value(nbf) > (json_int_t) now + conf->leeway) {
        return "nbf is still to come";
    }

    if (iat && json_integer_value(iat) > (json_int_t) now + conf->leeway) {
        return "iat is still to come";
    }

    claims->expires = json_integer_value(exp);

    return NULL;
}
