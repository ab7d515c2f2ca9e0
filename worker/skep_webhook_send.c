
#include "skep_webhook_send.h"
#include "skep_run.h"
#include "skep_version.h"
#include "skep_webhook_sign.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>


static int skep_webhook_send_headers(skep_webhook_send_t *s,
    const skep_webhook_request_t *request);
static int skep_webhook_send_trace(skep_webhook_send_t *s,
    const char *trace);
static int skep_webhook_send_header(skep_webhook_send_t *s,
    const char *header);
static int skep_webhook_send_options(skep_webhook_send_t *s,
    const skep_conf_t *conf);
static curl_socket_t skep_webhook_send_socket(void *data,
    curlsocktype purpose, struct curl_sockaddr *address);
static size_t skep_webhook_send_head(char *p, size_t size, size_t n,
    void *data);
static size_t skep_webhook_send_answer(char *p, size_t size, size_t n,
    void *data);
static void skep_webhook_send_judge(skep_webhook_send_t *s, CURLcode code);
static const char *skep_webhook_send_error(const skep_webhook_send_t *s,
    CURLcode code);


int
skep_webhook_send_init(skep_webhook_send_t *s, const skep_conf_t *conf,
    const skep_webhook_reach_t *reach, const skep_webhook_request_t *request)
{
    CURL  *easy;

    easy = curl_easy_init();

    if (easy == NULL) {
        return -1;
    }

    s->send.easy = easy;
    s->reach = reach;

    if (skep_webhook_send_headers(s, request) != 0
        || curl_easy_setopt(easy, CURLOPT_URL, request->url) != CURLE_OK
        || curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                            (curl_off_t) request->body_len) != CURLE_OK
        || curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, request->body)
           != CURLE_OK
        || curl_easy_setopt(easy, CURLOPT_HTTPHEADER, s->headers)
           != CURLE_OK
        || skep_webhook_send_options(s, conf) != 0)
    {
        skep_webhook_send_free(s);
        return -1;
    }

    return 0;
}


static int
skep_webhook_send_headers(skep_webhook_send_t *s,
    const skep_webhook_request_t *request)
{
    char      text[256];
    size_t    i, n;
    int64_t   now;

    now = (int64_t) time(NULL);

    n = (size_t) snprintf(text, sizeof(text), "webhook-signature:");

    for (i = 0; i < 2; i++) {

        if (request->secrets[i].bytes == NULL) {
            continue;
        }

        text[n++] = ' ';

        if (skep_webhook_sign(text + n, request->secrets[i].bytes,
                              request->secrets[i].len, request->event_id, now,
                              request->body, request->body_len)
            != 0)
        {
            return -1;
        }

        n += SKEP_WEBHOOK_SIGNATURE - 1;
    }

    if (skep_webhook_send_header(s, text) != 0) {
        return -1;
    }

    snprintf(text, sizeof(text), "webhook-id: %s", request->event_id);

    if (skep_webhook_send_header(s, text) != 0) {
        return -1;
    }

    snprintf(text, sizeof(text), "webhook-timestamp: %" PRId64, now);

    if (skep_webhook_send_header(s, text) != 0
        || skep_webhook_send_header(s, "Content-Type: application/json") != 0
        || skep_webhook_send_trace(s, request->trace) != 0)
    {
        return -1;
    }

    /* no question whether a body may come */
    return skep_webhook_send_header(s, "Expect:");
}


/* the request that it all began with; each attempt is a span of its own */

static int
skep_webhook_send_trace(skep_webhook_send_t *s, const char *trace)
{
    char        text[128], parent[SKEP_TRACEPARENT_LEN + 1];
    uint64_t    span;
    const char *id;

    span = (uint64_t) skep_random() << 32 | skep_random();

    if (skep_trace_parent(parent, sizeof(parent), trace, span)) {
        snprintf(text, sizeof(text), "traceparent: %s", parent);

        if (skep_webhook_send_header(s, text) != 0) {
            return -1;
        }
    }

    id = skep_trace_request_id(trace);

    if (id[0] == '\0') {
        return 0;
    }

    snprintf(text, sizeof(text), "X-Request-ID: %s", id);

    return skep_webhook_send_header(s, text);
}


static int
skep_webhook_send_header(skep_webhook_send_t *s, const char *header)
{
    struct curl_slist  *headers;

    headers = curl_slist_append(s->headers, header);

    if (headers == NULL) {
        return -1;
    }

    s->headers = headers;

    return 0;
}


/* texts are copied, and without one of these it might be sent elsewhere */

static int
skep_webhook_send_options(skep_webhook_send_t *s, const skep_conf_t *conf)
{
    CURL  *easy;

    easy = s->send.easy;

    if (curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR,
                         conf->webhook_allow_http ? "http,https" : "https")
        != CURLE_OK
        || curl_easy_setopt(easy, CURLOPT_PROXY, "") != CURLE_OK
        || curl_easy_setopt(easy, CURLOPT_USERAGENT, "Skep/" SKEP_VERSION)
           != CURLE_OK
        || (conf->webhook_ca_file
            && curl_easy_setopt(easy, CURLOPT_CAINFO, conf->webhook_ca_file)
               != CURLE_OK))
    {
        return -1;
    }

    (void) curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    (void) curl_easy_setopt(easy, CURLOPT_NETRC, (long) CURL_NETRC_IGNORED);
    (void) curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                            (long) CURL_HTTP_VERSION_1_1);

    (void) curl_easy_setopt(easy, CURLOPT_SSLVERSION,
                            (long) CURL_SSLVERSION_TLSv1_2);
    (void) curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    (void) curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);

    if (conf->webhook_ca_file) {
        (void) curl_easy_setopt(easy, CURLOPT_CAPATH, (char *) NULL);
    }

    (void) curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
                            (long) conf->webhook_timeout);
    (void) curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                            (long) conf->webhook_connect_timeout);

    /* HTTP knows none; but room for this may be made by the QUIT of a mail's */
    (void) curl_easy_setopt(easy, CURLOPT_SERVER_RESPONSE_TIMEOUT, 1L);

    (void) curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION,
                            skep_webhook_send_socket);
    (void) curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION,
                            skep_webhook_send_head);
    (void) curl_easy_setopt(easy, CURLOPT_HEADERDATA, s);
    (void) curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION,
                            skep_webhook_send_answer);
    (void) curl_easy_setopt(easy, CURLOPT_WRITEDATA, s);

    return 0;
}


/*
 * The last moment before a connection is made, and the address that it is made
 * to.  A connection that is kept was asked for when it was made.
 */

static curl_socket_t
skep_webhook_send_socket(void *data, curlsocktype purpose,
    struct curl_sockaddr *address)
{
    skep_webhook_send_t  *s = data;

    (void) purpose;

    if (skep_address_special(&address->addr)
        && !skep_address_in(&address->addr, s->reach->allowed,
                            s->reach->nallowed))
    {
        s->denied = 1;
        return CURL_SOCKET_BAD;
    }

    return skep_sender_socket(&s->send, address);
}


/*
 * A line of the answer's head.  To libcurl one that is cut off by the end of
 * the connection is an answer, of a status that need not be the last word (RFC
 * 9112, 8).
 */

static size_t
skep_webhook_send_head(char *p, size_t size, size_t n, void *data)
{
    skep_webhook_send_t  *s = data;

    n *= size;

    if (n >= 5 && memcmp(p, "HTTP/", 5) == 0) {
        s->headed = 0;

    } else if (n > 0 && (p[0] == '\r' || p[0] == '\n')) {
        s->headed = 1;
    }

    return n;
}


static size_t
skep_webhook_send_answer(char *p, size_t size, size_t n, void *data)
{
    size_t                room;
    skep_webhook_send_t  *s = data;

    n *= size;
    s->received += n;

    if (s->received > SKEP_WEBHOOK_READ) {
        s->cut = 1;
        return 0;
    }

    room = SKEP_WEBHOOK_ANSWER - s->answer_len;

    memcpy(s->answer + s->answer_len, p, n < room ? n : room);
    s->answer_len += n < room ? n : room;

    return n;
}


void
skep_webhook_send_done(skep_webhook_send_t *s, CURLcode code)
{
    skep_webhook_send_judge(s, code);
    skep_webhook_send_free(s);
}


static void
skep_webhook_send_judge(skep_webhook_send_t *s, CURLcode code)
{
    curl_off_t  n;

    /* more than anybody needs is as good as all */

    if (code == CURLE_WRITE_ERROR && s->cut) {
        code = CURLE_OK;
    }

    (void) curl_easy_getinfo(s->send.easy, CURLINFO_RESPONSE_CODE, &s->status);

    n = 0;
    (void) curl_easy_getinfo(s->send.easy, CURLINFO_TOTAL_TIME_T, &n);
    s->duration = n / 1000;

    if (code == CURLE_OK && !s->headed) {
        code = CURLE_PARTIAL_FILE;
    }

    if (code != CURLE_OK) {
        s->error = skep_webhook_send_error(s, code);
        return;
    }

    s->delivered = (s->status / 100 == 2);
    s->gone = (s->status == 410);

    if (s->status / 100 == 3) {
        s->error = "redirects are not followed";
    }

    if (s->status == 429 || s->status == 503) {
        n = 0;
        (void) curl_easy_getinfo(s->send.easy, CURLINFO_RETRY_AFTER, &n);
        s->asked = (n > INT64_MAX / 1000) ? INT64_MAX : n * 1000;
    }
}


/*
 * Why there was no answer, in words for whoever owns the webhook.  libcurl's
 * own are not told: they name addresses, which may be those of a network that
 * is none of the owner's business.
 */

static const char *
skep_webhook_send_error(const skep_webhook_send_t *s, CURLcode code)
{
    long  sent;

    switch (code) {

    case CURLE_COULDNT_CONNECT:
        return s->denied ? "the address is not allowed" : "no connection";

    case CURLE_COULDNT_RESOLVE_HOST:
        return "the name of the host is not known";

    case CURLE_OPERATION_TIMEDOUT:
        return "no whole answer in time";

    case CURLE_URL_MALFORMAT:
        return "the URL is malformed";

    case CURLE_UNSUPPORTED_PROTOCOL:
        sent = 0;
        (void) curl_easy_getinfo(s->send.easy, CURLINFO_REQUEST_SIZE, &sent);
        return sent ? "the answer is no HTTP"
                    : "the URL's scheme is not allowed";

    case CURLE_PEER_FAILED_VERIFICATION:
        return "TLS: the certificate is not valid for this host";

    case CURLE_SSL_CONNECT_ERROR:
        return "TLS: no connection";

    case CURLE_RECV_ERROR:

        /* a reset, maybe of what has begun; a 1xx is not the answer yet */
        if (s->status >= 200) {
            return "the connection was closed within the answer";
        }

        /* fall through */

    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
        return "the connection was closed without an answer";

    case CURLE_WEIRD_SERVER_REPLY:
        return "the answer is no HTTP";

#if (LIBCURL_VERSION_NUM >= 0x080600)
    case CURLE_TOO_LARGE:
        return "the answer's headers are too long";
#endif

    case CURLE_OUT_OF_MEMORY:
        /* so libcurl called it, when there is more than it takes */
        return s->status ? "the answer's headers are too long"
                         : "no memory";

    case CURLE_PARTIAL_FILE:
        return "the connection was closed within the answer";

    default:
        return curl_easy_strerror(code);
    }
}


void
skep_webhook_send_free(skep_webhook_send_t *s)
{
    curl_easy_cleanup(s->send.easy);
    s->send.easy = NULL;

    curl_slist_free_all(s->headers);
    s->headers = NULL;
}
