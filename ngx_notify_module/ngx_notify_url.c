
/*
 * The check of a webhook's URL.
 */


#include "ngx_notify_url.h"

#include <arpa/inet.h>


#define NGX_NOTIFY_URL_FORMAT    0x01
#define NGX_NOTIFY_URL_SCHEME    0x02
#define NGX_NOTIFY_URL_USERINFO  0x04
#define NGX_NOTIFY_URL_HOST      0x08
#define NGX_NOTIFY_URL_ADDRESS   0x10
#define NGX_NOTIFY_URL_PORT      0x20
#define NGX_NOTIFY_URL_FRAGMENT  0x40

/* RFC 1035, 2.3.4, without the root's dot */
#define NGX_NOTIFY_URL_NAME      253
#define NGX_NOTIFY_URL_LABEL     63


static ngx_uint_t ngx_notify_url_chars(const u_char *p, const u_char *last);
static ngx_uint_t ngx_notify_url_scheme(const u_char *p, size_t len,
    const ngx_notify_url_policy_t *policy);
static ngx_uint_t ngx_notify_url_authority(const u_char *p, const u_char *last,
    const ngx_notify_url_policy_t *policy);
static ngx_uint_t ngx_notify_url_port(const u_char *p, const u_char *last);
static ngx_uint_t ngx_notify_url_v6(const u_char *p, size_t len,
    const ngx_notify_url_policy_t *policy);
static ngx_uint_t ngx_notify_url_name(const u_char *p, const u_char *last,
    const ngx_notify_url_policy_t *policy);
static ngx_uint_t ngx_notify_url_labels(const u_char *p, const u_char *last,
    const u_char **label);
static ngx_uint_t ngx_notify_url_number(const u_char *p, const u_char *last);
static ngx_int_t ngx_notify_url_v4(const u_char *p, const u_char *last,
    uint32_t *address);
static ngx_int_t ngx_notify_url_part(const u_char *p, const u_char *last,
    uint64_t *n);
static ngx_uint_t ngx_notify_url_v4_refused(uint32_t address,
    const ngx_notify_url_policy_t *policy);
static ngx_uint_t ngx_notify_url_refused(const struct sockaddr *address,
    const ngx_notify_url_policy_t *policy);


const ngx_api_check_fault_t  ngx_notify_url_faults[] = {

    { "invalid_format", "must be an absolute URL such as "
                        "https://example.com/hook, in ASCII, with %-encoding "
                        "where RFC 3986 wants it" },

    { "https_required", "must begin with https://" },

    { "userinfo_not_allowed", "must not hold a user name or a password" },

    { "invalid_host", "must name a host: a domain name or an IP address" },

    { "address_not_allowed", "must not point to a private, loopback, "
                             "link-local or otherwise reserved address" },

    { "invalid_port", "must have a port from 1 to 65535, or none" },

    { "fragment_not_allowed", "must not have a fragment (#...)" },

    { NULL, NULL }
};


ngx_uint_t
ngx_notify_url_check(const u_char *url, size_t len,
    const ngx_notify_url_policy_t *policy)
{
    ngx_uint_t     faults;
    const u_char  *p, *last, *end, *fragment;

    last = url + len;

    for (p = url; p < last && *p != ':'; p++) { /* void */ }

    if (last - p < 3 || p[1] != '/' || p[2] != '/') {
        return NGX_NOTIFY_URL_FORMAT;
    }

    faults = ngx_notify_url_scheme(url, p - url, policy);

    if (faults & NGX_NOTIFY_URL_FORMAT) {
        return NGX_NOTIFY_URL_FORMAT;
    }

    p += 3;

    for (end = p; end < last && *end != '/' && *end != '?' && *end != '#';
         end++)
    {
        /* void */
    }

    fragment = ngx_strlchr((u_char *) end, (u_char *) last, '#');

    if (fragment) {
        faults |= NGX_NOTIFY_URL_FRAGMENT;
        last = fragment;
    }

    if (!ngx_notify_url_chars(end, last)) {
        return NGX_NOTIFY_URL_FORMAT;
    }

    return faults | ngx_notify_url_authority(p, end, policy);
}


/* whether a path and a query are of characters that these may have; RFC 3986,
 * 3.3 and 3.4 */

static ngx_uint_t
ngx_notify_url_chars(const u_char *p, const u_char *last)
{
    for ( /* void */ ; p < last; p++) {

        if (isalnum(*p) || (*p && ngx_strchr("-._~!$&'()*+,;=:@/?", *p))) {
            continue;
        }

        if (*p != '%' || last - p < 3 || !isxdigit(p[1]) || !isxdigit(p[2])) {
            return 0;
        }

        p += 2;
    }

    return 1;
}


static ngx_uint_t
ngx_notify_url_scheme(const u_char *p, size_t len,
    const ngx_notify_url_policy_t *policy)
{
    size_t  i;

    if (len == 0 || !isalpha(p[0])) {
        return NGX_NOTIFY_URL_FORMAT;
    }

    for (i = 1; i < len; i++) {
        if (!isalnum(p[i]) && p[i] != '+' && p[i] != '-' && p[i] != '.') {
            return NGX_NOTIFY_URL_FORMAT;
        }
    }

    if (len == 5 && ngx_strncasecmp((u_char *) p, (u_char *) "https", 5) == 0) {
        return 0;
    }

    if (policy->http && len == 4
        && ngx_strncasecmp((u_char *) p, (u_char *) "http", 4) == 0)
    {
        return 0;
    }

    return NGX_NOTIFY_URL_SCHEME;
}


static ngx_uint_t
ngx_notify_url_authority(const u_char *p, const u_char *last,
    const ngx_notify_url_policy_t *policy)
{
    ngx_uint_t     faults;
    const u_char  *at, *end;

    faults = 0;

    for (at = last; at > p && at[-1] != '@'; at--) { /* void */ }

    if (at > p) {
        faults = NGX_NOTIFY_URL_USERINFO;
        p = at;
    }

    if (p < last && *p == '[') {
        end = ngx_strlchr((u_char *) p, (u_char *) last, ']');

        if (end == NULL) {
            return faults | NGX_NOTIFY_URL_HOST;
        }

        faults |= ngx_notify_url_v6(p + 1, end - p - 1, policy);
        end++;

    } else {
        end = ngx_strlchr((u_char *) p, (u_char *) last, ':');
        if (end == NULL) {
            end = last;
        }

        faults |= ngx_notify_url_name(p, end, policy);
    }

    return faults | ngx_notify_url_port(end, last);
}


/* ":443", or nothing */

static ngx_uint_t
ngx_notify_url_port(const u_char *p, const u_char *last)
{
    ngx_uint_t  n;

    if (p == last) {
        return 0;
    }

    if (*p++ != ':' || p == last || last - p > 5) {
        return NGX_NOTIFY_URL_PORT;
    }

    for (n = 0; p < last; p++) {

        if (!isdigit(*p)) {
            return NGX_NOTIFY_URL_PORT;
        }

        n = n * 10 + (*p - '0');
    }

    return (n > 0 && n < 65536) ? 0 : NGX_NOTIFY_URL_PORT;
}


static ngx_uint_t
ngx_notify_url_v6(const u_char *p, size_t len,
    const ngx_notify_url_policy_t *policy)
{
    char                 text[INET6_ADDRSTRLEN];
    struct sockaddr_in6  sin6;

    if (len >= sizeof(text)) {
        return NGX_NOTIFY_URL_HOST;
    }

    ngx_memzero(&sin6, sizeof(struct sockaddr_in6));
    ngx_memcpy(text, p, len);
    text[len] = '\0';

    sin6.sin6_family = AF_INET6;

    /* a NUL in the text ends it: then it is not the whole */

    if (ngx_strlen(text) != len
        || inet_pton(AF_INET6, text, &sin6.sin6_addr) != 1)
    {
        return NGX_NOTIFY_URL_HOST;
    }

    return ngx_notify_url_refused((struct sockaddr *) &sin6, policy);
}


/*
 * A name, or an IPv4 address: one whose last label is a number is an address
 * and nothing else, as the URL standard of browsers has it, so that no resolver
 * can take it for another.  One dot at the end is the root's.
 */

static ngx_uint_t
ngx_notify_url_name(const u_char *p, const u_char *last,
    const ngx_notify_url_policy_t *policy)
{
    size_t         len;
    uint32_t       address;
    const u_char  *label;

    if (last > p && last[-1] == '.') {
        last--;
    }

    len = last - p;

    if (len == 0 || len > NGX_NOTIFY_URL_NAME
        || !ngx_notify_url_labels(p, last, &label))
    {
        return NGX_NOTIFY_URL_HOST;
    }

    if (ngx_notify_url_number(label, last)) {

        if (ngx_notify_url_v4(p, last, &address) != NGX_OK) {
            return NGX_NOTIFY_URL_HOST;
        }

        return ngx_notify_url_v4_refused(address, policy);
    }

    /* RFC 6761, 6.3: never anything but loopback */

    if (last - label == 9
        && ngx_strncasecmp((u_char *) label, (u_char *) "localhost", 9) == 0)
    {
        return ngx_notify_url_v4_refused(INADDR_LOOPBACK, policy);
    }

    return 0;
}


/* letters, digits, "-" and "_", in labels with dots between them; *label: the
 * last one */

static ngx_uint_t
ngx_notify_url_labels(const u_char *p, const u_char *last,
    const u_char **label)
{
    const u_char  *begin;

    for (begin = p; /* void */ ; p++) {

        if (p < last && *p != '.') {

            if (!isalnum(*p) && *p != '-' && *p != '_') {
                return 0;
            }

            continue;
        }

        if (p == begin || p - begin > NGX_NOTIFY_URL_LABEL
            || *begin == '-' || p[-1] == '-')
        {
            return 0;
        }

        if (p == last) {
            break;
        }

        begin = p + 1;
    }

    *label = begin;

    return 1;
}


/* whether a label is of digits, or begins as a hexadecimal number */

static ngx_uint_t
ngx_notify_url_number(const u_char *p, const u_char *last)
{
    uint64_t  n;

    if (ngx_notify_url_part(p, last, &n) == NGX_OK) {
        return 1;
    }

    while (p < last && isdigit(*p)) {
        p++;
    }

    return p == last;
}


/*
 * What inet_aton() takes: one to four numbers, decimal, octal or hexadecimal,
 * the last of which fills all that is left.  In host order.
 */

static ngx_int_t
ngx_notify_url_v4(const u_char *p, const u_char *last, uint32_t *address)
{
    uint64_t       n, sum;
    ngx_uint_t     parts;
    const u_char  *dot;

    sum = 0;

    for (parts = 1; /* void */ ; parts++) {

        dot = ngx_strlchr((u_char *) p, (u_char *) last, '.');

        if (parts > 4
            || ngx_notify_url_part(p, dot ? dot : last, &n) != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (dot == NULL) {
            break;
        }

        if (n > 255) {
            return NGX_ERROR;
        }

        sum |= n << (32 - 8 * parts);
        p = dot + 1;
    }

    if (n >> (40 - 8 * parts)) {
        return NGX_ERROR;
    }

    *address = (uint32_t) (sum | n);

    return NGX_OK;
}


/* "10", "012", "0xa" and "0x", which is 0; a larger number than an address can
 * be is UINT32_MAX + 1 */

static ngx_int_t
ngx_notify_url_part(const u_char *p, const u_char *last, uint64_t *n)
{
    u_char    c;
    uint64_t  base, digit;

    if (p == last) {
        return NGX_ERROR;
    }

    base = 10;

    if (last - p > 1 && *p == '0') {
        p++;
        base = 8;

        if (*p == 'x' || *p == 'X') {
            p++;
            base = 16;
        }
    }

    for (*n = 0; p < last; p++) {
        c = ngx_tolower(*p);

        if (isdigit(c)) {
            digit = c - '0';

        } else if (c >= 'a' && c <= 'f') {
            digit = c - 'a' + 10;

        } else {
            return NGX_ERROR;
        }

        if (digit >= base) {
            return NGX_ERROR;
        }

        *n = ngx_min(*n * base + digit, (uint64_t) UINT32_MAX + 1);
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_notify_url_v4_refused(uint32_t address,
    const ngx_notify_url_policy_t *policy)
{
    struct sockaddr_in  sin;

    ngx_memzero(&sin, sizeof(struct sockaddr_in));

    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(address);

    return ngx_notify_url_refused((struct sockaddr *) &sin, policy);
}


static ngx_uint_t
ngx_notify_url_refused(const struct sockaddr *address,
    const ngx_notify_url_policy_t *policy)
{
    if (skep_address_special(address)
        && !skep_address_in(address, policy->ranges, policy->nranges))
    {
        return NGX_NOTIFY_URL_ADDRESS;
    }

    return 0;
}
