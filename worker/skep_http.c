
#include "skep_http.h"
#include "skep_health.h"
#include "skep_log.h"
#include "skep_metrics.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>


/* for those that ask: few, and none of them slow */
#define SKEP_HTTP_CONNECTIONS  32
#define SKEP_HTTP_TIMEOUT      10

#define SKEP_HTTP_BACKLOG      128
#define SKEP_HTTP_PAUSE        100     /* ms, when there is no room */


static int skep_http_listen(const skep_conf_t *conf);
static void *skep_http_accept(void *data);
static int skep_http_pause(int listening, int ms);
static enum MHD_Result skep_http_serve(void *data,
    struct MHD_Connection *connection, const char *url, const char *method,
    const char *version, const char *upload, size_t *size, void **context);
static enum MHD_Result skep_http_ready(struct MHD_Connection *connection);
static enum MHD_Result skep_http_metrics(struct MHD_Connection *connection);
static enum MHD_Result skep_http_send(struct MHD_Connection *connection,
    unsigned status, const char *type, char *text, size_t len, int own);
static void skep_http_log(void *data, const char *format, va_list args);


static struct MHD_Daemon  *skep_http_daemon;
static pthread_t           skep_http_thread;
static int                 skep_http_fd = -1;       /* listening */
static int                 skep_http_end = -1;      /* readable: it is time */


/*
 * libmicrohttpd would wait for free descriptors by asking for one all the time.
 * So connections are accepted here, and given to it.
 */

int
skep_http_start(const skep_conf_t *conf)
{
    int  rc;

    if (strcmp(conf->http, "off") == 0) {
        return 0;
    }

    skep_http_fd = skep_http_listen(conf);

    if (skep_http_fd == -1) {
        return -1;
    }

    skep_http_end = eventfd(0, EFD_CLOEXEC|EFD_NONBLOCK);

    if (skep_http_end == -1) {
        skep_log(SKEP_LOG_ERROR, "http: can't serve: %m");
        return -1;
    }

    skep_http_daemon = MHD_start_daemon(
        MHD_USE_AUTO_INTERNAL_THREAD|MHD_USE_ITC|MHD_USE_NO_LISTEN_SOCKET
        |MHD_USE_ERROR_LOG,
        0, NULL, NULL, skep_http_serve, NULL,
        MHD_OPTION_EXTERNAL_LOGGER, skep_http_log, NULL,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned) SKEP_HTTP_CONNECTIONS,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned) SKEP_HTTP_TIMEOUT,
        MHD_OPTION_END);

    if (skep_http_daemon == NULL) {
        skep_log(SKEP_LOG_ERROR, "http: can't serve");
        return -1;
    }

    rc = pthread_create(&skep_http_thread, NULL, skep_http_accept, NULL);

    if (rc != 0) {
        skep_log(SKEP_LOG_ERROR, "http: can't serve: %s", strerror(rc));
        return -1;
    }

    return 0;
}


/* the socket, or -1, logged */

static int
skep_http_listen(const skep_conf_t *conf)
{
    int               rc, port, fd, on;
    char              host[256], service[16];
    struct addrinfo   hints, *address;

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

    on = 1;
    fd = socket(address->ai_family, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK, 0);

    if (fd == -1
        || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1
        || (address->ai_family == AF_INET6
            && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == -1)
        || bind(fd, address->ai_addr, address->ai_addrlen) == -1
        || listen(fd, SKEP_HTTP_BACKLOG) == -1)
    {
        skep_log(SKEP_LOG_ERROR, "http: can't listen on %s: %m", conf->http);

        if (fd != -1) {
            close(fd);
            fd = -1;
        }
    }

    freeaddrinfo(address);

    return fd;
}


static void *
skep_http_accept(void *data)
{
    int                          fd, told;
    socklen_t                    len;
    struct sockaddr_storage      address;
    const union MHD_DaemonInfo  *info;

    (void) data;

    skep_log_thread("http");
    told = 0;

    while (skep_http_pause(skep_http_fd, -1)) {

        info = MHD_get_daemon_info(skep_http_daemon,
                                   MHD_DAEMON_INFO_CURRENT_CONNECTIONS);

        if (info && info->num_connections >= SKEP_HTTP_CONNECTIONS) {
            (void) skep_http_pause(-1, SKEP_HTTP_PAUSE);
            continue;
        }

        len = sizeof(address);
        fd = accept4(skep_http_fd, (struct sockaddr *) &address, &len,
                     SOCK_CLOEXEC|SOCK_NONBLOCK);

        if (fd != -1) {
            (void) MHD_add_connection(skep_http_daemon, fd,
                                      (struct sockaddr *) &address, len);
            told = 0;
            continue;
        }

        /* without descriptors or memory it would be readable at once again */

        if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
            skep_log(told ? SKEP_LOG_DEBUG : SKEP_LOG_ERROR,
                     "http: accept: %m");
            told = 1;
            (void) skep_http_pause(-1, SKEP_HTTP_PAUSE);
        }
    }

    return NULL;
}


/* waits for a connection, or for ms; 0: it is time to end */

static int
skep_http_pause(int listening, int ms)
{
    struct pollfd  fds[2];

    fds[0].fd = skep_http_end;
    fds[0].events = POLLIN;
    fds[0].revents = 0;
    fds[1].fd = listening;
    fds[1].events = POLLIN;

    (void) poll(fds, 2, ms);

    return fds[0].revents == 0;
}


void
skep_http_stop(void)
{
    uint64_t  one = 1;

    if (skep_http_daemon == NULL) {
        return;
    }

    (void) !write(skep_http_end, &one, sizeof(one));
    (void) pthread_join(skep_http_thread, NULL);

    MHD_stop_daemon(skep_http_daemon);
    skep_http_daemon = NULL;

    close(skep_http_fd);
    close(skep_http_end);
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
