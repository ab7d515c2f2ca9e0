
#include "ngx_auth_claim.h"


static ngx_uint_t ngx_auth_claim_equal(const json_t *value,
    const ngx_str_t *text, ngx_uint_t words);
static ngx_uint_t ngx_auth_claim_word(const ngx_str_t *list,
    const ngx_str_t *word);
static ngx_int_t ngx_auth_claim_scalar(const json_t *value, u_char *buf,
    ngx_str_t *text);
static ngx_uint_t ngx_auth_claim_plain(const ngx_str_t *text,
    ngx_uint_t listed);


const json_t *
ngx_auth_claim_find(const json_t *payload, const ngx_str_t *name)
{
    size_t         i;
    ngx_str_t      rest;
    const json_t  *value;

    value = json_object_getn(payload, (char *) name->data, name->len);

    for (i = 0; value == NULL && i < name->len; i++) {

        if (name->data[i] != '.') {
            continue;
        }

        rest.data = name->data + i + 1;
        rest.len = name->len - i - 1;

        /* as deep as the payload is, which is bounded */

        value = ngx_auth_claim_find(json_object_getn(payload,
                                                     (char *) name->data, i),
                                    &rest);
    }

    return value;
}


ngx_uint_t
ngx_auth_claim_is(const json_t *claim, const ngx_str_t *texts, ngx_uint_t n,
    ngx_uint_t words)
{
    size_t      k;
    ngx_uint_t  i;

    if (n == 0) {
        return claim && !json_is_null(claim) && !json_is_false(claim);
    }

    for (i = 0; i < n; i++) {

        if (ngx_auth_claim_equal(claim, &texts[i], words)) {
            return 1;
        }

        /* zero if it is no array */

        for (k = 0; k < json_array_size(claim); k++) {
            if (ngx_auth_claim_equal(json_array_get(claim, k), &texts[i], 0)) {
                return 1;
            }
        }
    }

    return 0;
}


static ngx_uint_t
ngx_auth_claim_equal(const json_t *value, const ngx_str_t *text,
    ngx_uint_t words)
{
    u_char     buf[NGX_INT64_LEN + 1];
    ngx_str_t  is;

    if (ngx_auth_claim_scalar(value, buf, &is) != NGX_OK) {
        return 0;
    }

    if (words && json_is_string(value)) {
        return ngx_auth_claim_word(&is, text);
    }

    return is.len == text->len && ngx_memcmp(is.data, text->data, is.len) == 0;
}


static ngx_uint_t
ngx_auth_claim_word(const ngx_str_t *list, const ngx_str_t *word)
{
    u_char  *p, *end, *last;

    last = list->data + list->len;

    for (p = list->data; p < last; p = end + 1) {

        end = ngx_strlchr(p, last, ' ');
        if (end == NULL) {
            end = last;
        }

        if ((size_t) (end - p) == word->len
            && ngx_memcmp(p, word->data, word->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* buf takes an integer's digits: NGX_INT64_LEN + 1 bytes */

static ngx_int_t
ngx_auth_claim_scalar(const json_t *value, u_char *buf, ngx_str_t *text)
{
    if (json_is_string(value)) {
        text->data = (u_char *) json_string_value(value);
        text->len = json_string_length(value);
        return NGX_OK;
    }

    if (json_is_integer(value)) {
        text->data = buf;
        text->len = snprintf((char *) buf, NGX_INT64_LEN + 1,
                             "%" JSON_INTEGER_FORMAT,
                             json_integer_value(value));
        return NGX_OK;
    }

    if (json_is_boolean(value)) {
        if (json_is_true(value)) {
            ngx_str_set(text, "true");
        } else {
            ngx_str_set(text, "false");
        }

        return NGX_OK;
    }

    return NGX_DECLINED;
}


ngx_int_t
ngx_auth_claim_text(ngx_pool_t *pool, const json_t *claim, ngx_str_t *text)
{
    u_char      *p, buf[NGX_INT64_LEN + 1];
    size_t       size, i, n;
    ngx_str_t    one;
    ngx_uint_t   list;

    list = json_is_array(claim);
    n = list ? json_array_size(claim) : 1;
    size = 0;

    for (i = 0; i < n; i++) {
        if (ngx_auth_claim_scalar(list ? json_array_get(claim, i) : claim,
                                  buf, &one)
            != NGX_OK
            || !ngx_auth_claim_plain(&one, list))
        {
            return NGX_DECLINED;
        }

        size += one.len + 1;
    }

    p = ngx_pnalloc(pool, size + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;

    for (i = 0; i < n; i++) {
        (void) ngx_auth_claim_scalar(list ? json_array_get(claim, i) : claim,
                                     buf, &one);

        if (i) {
            *p++ = ',';
        }

        p = ngx_cpymem(p, one.data, one.len);
    }

    text->len = p - text->data;

    return NGX_OK;
}


/* a line feed would begin another header, a comma another member; blanks at
 * the ends of a header are not seen by those who read it */

static ngx_uint_t
ngx_auth_claim_plain(const ngx_str_t *text, ngx_uint_t listed)
{
    size_t  i;

    if (text->len
        && (text->data[0] == ' ' || text->data[text->len - 1] == ' '))
    {
        return 0;
    }

    for (i = 0; i < text->len; i++) {
        if (text->data[i] < 0x20 || text->data[i] == 0x7f
            || (listed && text->data[i] == ','))
        {
            return 0;
        }
    }

    return 1;
}
