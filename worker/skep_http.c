
#include "skep_http.h"
#include "skep_health.h"
#include "skep_log.h"
#include "skep_metrics.h"

#include <microhttpd.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


/* for those that ask: few, and none of them slow */
#define SKEP_HTTP_CONNECTIONS  32
#define SKEP_HTTP_TIMEOUT      10


static enum MHD_Result skep_http_serve(void *data,
    struct MHD_Connection *connection, const char *url, const char *method,
    const char *version, const char *upload, size_t *size, void **context);
static enum MHD_Result skep_http_ready(struct MHD_Connection *connection);
static enum MHD_Result skep_http_metrics(struct MHD_Connection *connection);
static enum MHD_Result skep_http_send(struct MHD_Connection *connection,
    unsigned status, const char *type, char *text, size_t len, int own);
static void skep_http_log(void *data, const char *format, va_list args);


static struct MHD_Daemon  *skep_http_daemon;


int
skep_http_start(const skep_conf_t *conf)
{
    int               rc, port;
    char              host[256], service[16];
    unsigned          flags;
    struct addrinfo   hints, *address;

    if (strcmp(conf->http, "off") == 0) {
        return 0;
    }

    (void) skep_conf_address(conf->http, 0, host, sizeof(host), &port);
    snprintf(service, sizeof(service), "%d", port);

    memset(&hints, 0, sizeof(hints));
    hints.ai_flags = AI_PASSIVE|AI_NUMERICSERV;
    hints.ai_socktype = SOCK_STREAM;

    rc = getaddrinfo(strcmp(host, "*") == 0 ? NULL : host, service, &hints,
                     &address);

    if (rc != 0) {
        skep_log(SKEP_LOG_ERROR, "http: %s: %s", conf->http,
                 gai_strerror(rc));
        return -1;
    }

    flags = MHD_USE_AUTO_INTERNAL_THREAD|MHD_USE_ERROR_LOG;

    if (address->ai_family == AF_INET6) {
        flags |= MHD_USE_IPv6;
    }

    skep_http_daemon = MHD_start_daemon(
        flags, (uint16_t) port, NULL, NULL, skep_http_serve, NULL,
        MHD_OPTION_EXTERNAL_LOGGER, skep_http_log, NULL,
        MHD_OPTION_SOCK_ADDR, address->ai_addr,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned) SKEP_HTTP_CONNECTIONS,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned) SKEP_HTTP_TIMEOUT,
        MHD_OPTION_END);

    freeaddrinfo(address);

    if (skep_http_daemon == NULL) {
        skep_log(SKEP_LOG_ERROR, "http: can't listen on %s: %m", conf->http);
        return -1;
    }

    return 0;
}


void
skep_http_stop(void)
{
    if (skep_http_daemon) {
        MHD_stop_daemon(skep_http_daemon);
        skep_http_daemon = NULL;
    }
}


static enum MHD_Result
skep_http_serve(void *data, struct MHD_Connection *connection,
    const char *url, const char *method, const char *version,
    const char *upload, size_t *size, void **context)
{
    enum MHD_Result       rc;
    struct MHD_Response  *response;

    static int   seen;
    static char  ok[] = "{\"status\":\"ok\"}";
    static char  none[] = "{\"status\":\"not found\"}";

    (void) data;
    (void) version;
    (void) upload;

    /* first there are the headers alone; a body is of no interest */

    if (*context == NULL || *size) {
        *context = &seen;
        *size = 0;
        return MHD_YES;
    }

    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0
        && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
    {
        response = MHD_create_response_from_buffer(0, NULL,
                                                   MHD_RESPMEM_PERSISTENT);
        if (response == NULL) {
            return MHD_NO;
        }

        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
        rc = MHD_queue_response(connection, MHD_HTTP_METHOD_NOT_ALLOWED,
                                response);
        MHD_destroy_response(response);
        return rc;
    }

    if (strcmp(url, "/livez") == 0) {
        return skep_http_send(connection, MHD_HTTP_OK, "application/json", ok,
                              sizeof(ok) - 1, 0);
    }

    if (strcmp(url, "/readyz") == 0) {
        return skep_http_ready(connection);
    }

    if (strcmp(url, "/metrics") == 0) {
        return skep_http_metrics(connection);
    }

    return skep_http_send(connection, MHD_HTTP_NOT_FOUND, "application/json",
                          none, sizeof(none) - 1, 0);
}


/* as nginx's: all that it depends on, each by its name */

static enum MHD_Result
skep_http_ready(struct MHD_Connection *connection)
{
    int      ready;
    char    *text;
    size_t   len;

    text = skep_health_text(&len, &ready);

    if (text == NULL) {
        return MHD_NO;
    }

    return skep_http_send(connection, ready ? MHD_HTTP_OK
                                            : MHD_HTTP_SERVICE_UNAVAILABLE,
                          "application/json", text, len, 1);
}


static enum MHD_Result
skep_http_metrics(struct MHD_Connection *connection)
{
    char    *text;
    size_t   len;

    text = skep_metrics_text(&len);

    if (text == NULL) {
        return MHD_NO;
    }

    return skep_http_send(connection, MHD_HTTP_OK,
                          "text/plain; version=0.0.4; charset=utf-8", text,
                          len, 1);
}


/* own: the text was malloc()ed, and is the response's now */

static enum MHD_Result
skep_http_send(struct MHD_Connection *connection, unsigned status,
    const char *type, char *text, size_t len, int own)
{
    enum MHD_Result       rc;
    struct MHD_Response  *response;

    response = MHD_create_response_from_buffer(len, text,
                                               own ? MHD_RESPMEM_MUST_FREE
                                                   : MHD_RESPMEM_PERSISTENT);

    if (response == NULL) {
        if (own) {
            free(text);
        }

        return MHD_NO;
    }

    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL,
                            "no-store");
    rc = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);

    return rc;
}


static void
skep_http_log(void *data, const char *format, va_list args)
{
    char  text[512];

    (void) data;

    vsnprintf(text, sizeof(text), format, args);
    skep_log(SKEP_LOG_INFO, "http: %s", text);
}
