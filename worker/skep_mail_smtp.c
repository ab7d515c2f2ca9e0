
/*
 * A mail as a transfer of libcurl's.
 */


#include "skep_mail_smtp.h"
#include "skep_mail_conf.h"
#include "skep_sender.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>


/* descriptors that are looked after; the worker takes no more for itself */
#define SKEP_MAIL_SMTP_FDS   65536


static size_t skep_mail_smtp_read(char *buffer, size_t size, size_t n,
    void *data);
static CURLcode skep_mail_smtp_server(CURL *easy, const skep_conf_t *conf);
static void skep_mail_smtp_watch(CURL *easy);
static curl_socket_t skep_mail_smtp_open(void *data, curlsocktype purpose,
    struct curl_sockaddr *address);
static int skep_mail_smtp_close(void *data, curl_socket_t fd);
static int skep_mail_smtp_told(CURL *easy, curl_infotype type, char *text,
    size_t len, void *data);
static void skep_mail_smtp_shut(long port);
static long skep_mail_smtp_port(int fd);


/* which descriptors are connections to mail servers */
static bool  skep_mail_smtp_fds[SKEP_MAIL_SMTP_FDS];


CURL *
skep_mail_smtp_easy(skep_mail_smtp_t *smtp, const skep_conf_t *conf,
    char *text, size_t len, const char *to)
{
    CURL      *easy;
    CURLcode   rc;

    memset(smtp, 0, sizeof(skep_mail_smtp_t));

    smtp->text = text;
    smtp->len = len;

    easy = curl_easy_init();
    smtp->to = curl_slist_append(NULL, to);

    if (easy == NULL || smtp->to == NULL) {
        goto failed;
    }

    rc = skep_mail_smtp_server(easy, conf);

    if (rc == CURLE_OK) {
        rc = curl_easy_setopt(easy, CURLOPT_MAIL_FROM,
                              conf->mail->from.address);
    }

    if (rc != CURLE_OK) {
        goto failed;
    }

    (void) curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, smtp->to);
    (void) curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    (void) curl_easy_setopt(easy, CURLOPT_READFUNCTION, skep_mail_smtp_read);
    (void) curl_easy_setopt(easy, CURLOPT_READDATA, smtp);
    (void) curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t) len);

    return easy;

failed:

    curl_slist_free_all(smtp->to);
    curl_easy_cleanup(easy);

    return NULL;
}


static CURLcode
skep_mail_smtp_server(CURL *easy, const skep_conf_t *conf)
{
    CURLcode  rc;

    rc = curl_easy_setopt(easy, CURLOPT_URL, conf->mail->url);

    if (rc == CURLE_OK && conf->smtp_user) {
        rc = curl_easy_setopt(easy, CURLOPT_USERNAME, conf->smtp_user);
    }

    if (rc == CURLE_OK && conf->smtp_password) {
        rc = curl_easy_setopt(easy, CURLOPT_PASSWORD, conf->smtp_password);
    }

    if (rc == CURLE_OK && conf->smtp_ca_file) {
        rc = curl_easy_setopt(easy, CURLOPT_CAINFO, conf->smtp_ca_file);
    }

    /* what libcurl would take from the environment is not meant for this */
    if (rc == CURLE_OK) {
        rc = curl_easy_setopt(easy, CURLOPT_PROXY, "");
    }

    if (rc == CURLE_OK) {
        rc = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    }

    (void) curl_easy_setopt(easy, CURLOPT_USE_SSL,
                            conf->mail->tls ? (long) CURLUSESSL_ALL
                                            : (long) CURLUSESSL_NONE);
    (void) curl_easy_setopt(easy, CURLOPT_SSLVERSION,
                            (long) CURL_SSLVERSION_TLSv1_2);
    (void) curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                            (long) conf->smtp_connect_timeout);
    (void) curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
                            (long) conf->smtp_timeout);

    skep_mail_smtp_watch(easy);

    return rc;
}


/*
 * libcurl ends a connection by QUIT, and waits for the answer of it in the
 * midst of whatever it does, up to two minutes.  The sender's thread must not
 * wait for a server that does not answer: once QUIT is sent, nothing more is
 * read.  What libcurl says there is seen by its debugging function alone; from
 * 8.13 on not even by that, if the connection was idle: skep_mail_smtp_leave()
 * is for those.
 */

static void
skep_mail_smtp_watch(CURL *easy)
{
    (void) curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION,
                            skep_mail_smtp_open);
    (void) curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION,
                            skep_mail_smtp_close);
    (void) curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, skep_mail_smtp_told);
    (void) curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L);
}


static curl_socket_t
skep_mail_smtp_open(void *data, curlsocktype purpose,
    struct curl_sockaddr *address)
{
    curl_socket_t  fd;

    (void) purpose;

    fd = skep_sender_socket(data, address);

    if (fd != CURL_SOCKET_BAD && fd < SKEP_MAIL_SMTP_FDS) {
        skep_mail_smtp_fds[fd] = true;
    }

    return fd;
}


static int
skep_mail_smtp_close(void *data, curl_socket_t fd)
{
    (void) data;

    if (fd < SKEP_MAIL_SMTP_FDS) {
        skep_mail_smtp_fds[fd] = false;
    }

    return close(fd);
}


static int
skep_mail_smtp_told(CURL *easy, curl_infotype type, char *text, size_t len,
    void *data)
{
    long  port;

    (void) data;

    if (type == CURLINFO_HEADER_OUT && len >= 4
        && memcmp(text, "QUIT", 4) == 0)
    {
        port = 0;

        /* should the connection not be found */
        (void) curl_easy_setopt(easy, CURLOPT_SERVER_RESPONSE_TIMEOUT, 1L);
        (void) curl_easy_getinfo(easy, CURLINFO_LOCAL_PORT, &port);

        if (port) {
            skep_mail_smtp_shut(port);
        }
    }

    return 0;
}


void
skep_mail_smtp_leave(void)
{
    skep_mail_smtp_shut(0);
}


/* reads no more from the connection that has this port here; 0: from all */

static void
skep_mail_smtp_shut(long port)
{
    int  fd;

    for (fd = 0; fd < SKEP_MAIL_SMTP_FDS; fd++) {

        if (skep_mail_smtp_fds[fd]
            && (port == 0 || skep_mail_smtp_port(fd) == port))
        {
            (void) shutdown(fd, SHUT_RD);
        }
    }
}


static long
skep_mail_smtp_port(int fd)
{
    socklen_t                len;
    struct sockaddr_storage  address;

    memset(&address, 0, sizeof(struct sockaddr_storage));
    len = sizeof(struct sockaddr_storage);

    if (getsockname(fd, (struct sockaddr *) &address, &len) == -1) {
        return -1;
    }

    if (address.ss_family == AF_INET6) {
        return ntohs(((struct sockaddr_in6 *) &address)->sin6_port);
    }

    return ntohs(((struct sockaddr_in *) &address)->sin_port);
}


static size_t
skep_mail_smtp_read(char *buffer, size_t size, size_t n, void *data)
{
    skep_mail_smtp_t  *smtp = data;

    smtp->begun = true;

    n *= size;

    if (n > smtp->len - smtp->read) {
        n = smtp->len - smtp->read;
    }

    memcpy(buffer, smtp->text + smtp->read, n);
    smtp->read += n;

    return n;
}


void
skep_mail_smtp_free(skep_mail_smtp_t *smtp)
{
    curl_slist_free_all(smtp->to);
    free(smtp->text);
}


skep_mail_verdict_t
skep_mail_smtp_verdict(CURLcode code, long answer, bool begun)
{
    if (code == CURLE_OK) {
        return SKEP_MAIL_SENT;
    }

    if (answer < 500 || answer > 599) {
        return SKEP_MAIL_AGAIN;
    }

    /* RFC 4954, 6: the login is missing, too weak, wrong, or in the clear */
    if (answer == 530 || answer == 534 || answer == 535 || answer == 538) {
        return SKEP_MAIL_AGAIN;
    }

    /* MAIL, RCPT, DATA; and what is answered to the mail itself */
    return begun || code == CURLE_SEND_ERROR ? SKEP_MAIL_REFUSED
                                             : SKEP_MAIL_AGAIN;
}
