
/*
 * URLs of webhooks.  The first byte is "h" where http:// is allowed; the rest
 * is the URL.  What is taken is read by libcurl, too, which will connect.
 */


#include "fuzz.h"
#include "ngx_unit.h"
#include "ngx_notify_url.h"

#include <arpa/inet.h>
#include <curl/curl.h>


static char *
url_part(CURLU *url, CURLUPart part)
{
    char  *text;

    text = NULL;

    return curl_url_get(url, part, &text, 0) == CURLUE_OK ? text : NULL;
}


/* in whatever notation a resolver may know */

static void
url_host(const char *host)
{
    char             text[64];
    size_t           len;
    struct in_addr   in;
    struct in6_addr  in6;

    len = strlen(host);
    fuzz_check(len > 0 && len <= 254);

    if (inet_aton(host, &in) != 0) {
        fuzz_check(!fuzz_private((uint8_t *) &in, 4));
    }

    /* the root's dot is no part of an address, but some take it off */

    if (host[len - 1] == '.' && len < sizeof(text)) {
        memcpy(text, host, len - 1);
        text[len - 1] = '\0';
        fuzz_check(inet_aton(text, &in) == 0
                   || !fuzz_private((uint8_t *) &in, 4));
    }

    if (host[0] == '[') {
        fuzz_check(host[len - 1] == ']' && len < sizeof(text));
        memcpy(text, host + 1, len - 2);
        text[len - 2] = '\0';

        fuzz_check(inet_pton(AF_INET6, text, &in6) == 1);
        fuzz_check(!fuzz_private((uint8_t *) &in6, 16));
    }

    fuzz_check(strcasecmp(host, "localhost") != 0);
    fuzz_check(strcasecmp(host, "localhost.") != 0);
}


static void
url_accepted(const char *text, ngx_uint_t http)
{
    char   *scheme, *host, *port;
    CURLU  *url;

    fuzz_check(fuzz_printable(text, strlen(text), 0));

    url = curl_url();
    fuzz_check(url != NULL);
    fuzz_check(curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK);

    scheme = url_part(url, CURLUPART_SCHEME);
    host = url_part(url, CURLUPART_HOST);
    port = url_part(url, CURLUPART_PORT);

    fuzz_check(strcmp(scheme, "https") == 0
               || (http && strcmp(scheme, "http") == 0));
    fuzz_check(port == NULL || (atoi(port) > 0 && atoi(port) < 65536));
    fuzz_check(url_part(url, CURLUPART_USER) == NULL);
    fuzz_check(url_part(url, CURLUPART_PASSWORD) == NULL);
    fuzz_check(url_part(url, CURLUPART_FRAGMENT) == NULL);

    url_host(host);

    /* the host that is taken is the one that stands there */

    fuzz_check(strcasestr(text, host) != NULL
               || strspn(host, "0123456789.") == strlen(host)
               || host[0] == '[');

    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(url);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char                     *text;
    size_t                    len;
    ngx_uint_t                faults;
    fuzz_input_t              input;
    ngx_notify_url_policy_t   policy;

    input = fuzz_input(data, size);

    memset(&policy, 0, sizeof(policy));
    policy.http = (fuzz_number(&input, 1) == 'h');

    faults = ngx_notify_url_check(input.p, (size_t) (input.end - input.p),
                                  &policy);

    fuzz_check(faults < 0x80);
    fuzz_check(!(faults & 1) || faults == 1);

    if (faults == 0) {
        text = fuzz_text(&input, -1, &len);

        fuzz_check(strlen(text) == len);
        url_accepted(text, policy.http);

        free(text);
    }

    return 0;
}
