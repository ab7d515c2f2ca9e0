
/*
 * What the configuration says of mails.
 */


#include "skep_mail_conf.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>


static int skep_mail_conf_fill(skep_mail_conf_t *mail, const skep_conf_t *conf,
    char *fault);
static int skep_mail_conf_server(skep_mail_conf_t *mail,
    const skep_conf_t *conf, char *fault);
static const char *skep_mail_conf_url(CURLU *url, const skep_conf_t *conf,
    bool *tls);
static const char *skep_mail_conf_helo(CURLU *url, const char *name);
static bool skep_mail_conf_has(CURLU *url, CURLUPart part);
static bool skep_mail_conf_loopback(const char *host);
static int skep_mail_conf_links(skep_mail_conf_t *mail,
    const skep_conf_t *conf, char *fault);
static int skep_mail_conf_fault(char *fault, const char *format, ...)
    __attribute__((format(printf, 2, 3)));


skep_mail_conf_t *
skep_mail_conf_make(const skep_conf_t *conf, char fault[SKEP_MAIL_CONF_FAULT])
{
    skep_mail_conf_t  *mail;

    mail = calloc(1, sizeof(skep_mail_conf_t));

    if (mail == NULL) {
        (void) skep_mail_conf_fault(fault, "no memory");
        return NULL;
    }

    if (skep_mail_conf_fill(mail, conf, fault) == -1) {
        skep_mail_conf_free(mail);
        return NULL;
    }

    return mail;
}


static int
skep_mail_conf_fill(skep_mail_conf_t *mail, const skep_conf_t *conf,
    char *fault)
{
    char  why[SKEP_MAIL_CONF_FAULT - 32];

    if (skep_mail_conf_server(mail, conf, fault) == -1) {
        return -1;
    }

    if ((conf->smtp_user == NULL) != (conf->smtp_password == NULL)) {
        return skep_mail_conf_fault(fault, "\"smtp_user\" and "
                                    "\"smtp_password_file\" go together");
    }

    if (conf->mail_from == NULL) {
        return skep_mail_conf_fault(fault, "\"smtp_url\" needs \"mail_from\"");
    }

    if (skep_mail_sender_parse(&mail->from, conf->mail_from) == -1) {
        return skep_mail_conf_fault(fault, "\"mail_from\": the form is "
                                    "ADDRESS or NAME <ADDRESS>");
    }

    if (skep_schedule_parse(conf->smtp_schedule, &mail->schedule) == -1) {
        return skep_mail_conf_fault(fault, "\"smtp_schedule\": the form is "
                                    "\"1m 5m 2h\"");
    }

    if (skep_mail_conf_links(mail, conf, fault) == -1) {
        return -1;
    }

    mail->templates = skep_mail_templates_read(conf->mail_templates, why,
                                               sizeof(why));

    if (mail->templates == NULL) {
        return skep_mail_conf_fault(fault, "\"mail_templates\": %s", why);
    }

    return 0;
}


static int
skep_mail_conf_server(skep_mail_conf_t *mail, const skep_conf_t *conf,
    char *fault)
{
    char        *text;
    CURLU       *url;
    const char  *why;

    url = curl_url();

    if (url == NULL) {
        return skep_mail_conf_fault(fault, "no memory");
    }

    text = NULL;
    why = skep_mail_conf_url(url, conf, &mail->tls);

    if (why == NULL && conf->smtp_helo) {
        why = skep_mail_conf_helo(url, conf->smtp_helo);
    }

    if (why == NULL && curl_url_get(url, CURLUPART_URL, &text, 0) != CURLUE_OK)
    {
        why = "no memory";
    }

    if (why == NULL) {
        mail->url = strdup(text);
        why = mail->url ? NULL : "no memory";
    }

    curl_free(text);
    curl_url_cleanup(url);

    return why ? skep_mail_conf_fault(fault, "%s", why) : 0;
}


/* what is wrong with it, or NULL */

static const char *
skep_mail_conf_url(CURLU *url, const skep_conf_t *conf, bool *tls)
{
    bool   implicit, loopback;
    char  *host, *path, *scheme;

    static const char  form[] = "\"smtp_url\": the form is smtp://HOST[:PORT] "
                                "or smtps://HOST[:PORT]";

    if (curl_url_set(url, CURLUPART_URL, conf->smtp_url, 0) != CURLUE_OK
        || curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK)
    {
        return form;
    }

    loopback = skep_mail_conf_loopback(host);
    curl_free(host);

    if (skep_mail_conf_has(url, CURLUPART_USER)
        || skep_mail_conf_has(url, CURLUPART_PASSWORD))
    {
        return "\"smtp_url\": \"smtp_user\" and \"smtp_password_file\" say "
               "who logs in";
    }

    if (skep_mail_conf_has(url, CURLUPART_QUERY)
        || skep_mail_conf_has(url, CURLUPART_FRAGMENT)
        || curl_url_get(url, CURLUPART_PATH, &path, 0) != CURLUE_OK)
    {
        return form;
    }

    if (strcmp(path, "/") != 0) {
        curl_free(path);
        return form;
    }

    curl_free(path);

    if (curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK) {
        return form;
    }

    implicit = (strcasecmp(scheme, "smtps") == 0);

    if (!implicit && strcasecmp(scheme, "smtp") != 0) {
        curl_free(scheme);
        return form;
    }

    curl_free(scheme);

    *tls = (strcmp(conf->smtp_tls, "required") == 0);

    if (!*tls && implicit) {
        return "\"smtp_tls\" is off, but \"smtp_url\" is smtps";
    }

    if (!*tls && !loopback) {
        return "\"smtp_tls\" can be off only for a server on this host";
    }

    return NULL;
}


/* libcurl takes it from the path */

static const char *
skep_mail_conf_helo(CURLU *url, const char *name)
{
    char  path[256];

    static const char  letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                   "abcdefghijklmnopqrstuvwxyz0123456789.-";

    if (strspn(name, letters) != strlen(name)
        || strlen(name) > 253 || strchr(".-", name[0]))
    {
        return "\"smtp_helo\" is the name of a host";
    }

    (void) snprintf(path, sizeof(path), "/%s", name);

    return curl_url_set(url, CURLUPART_PATH, path, 0) == CURLUE_OK
           ? NULL : "no memory";
}


static bool
skep_mail_conf_has(CURLU *url, CURLUPart part)
{
    char  *text;

    if (curl_url_get(url, part, &text, 0) != CURLUE_OK) {
        return false;
    }

    curl_free(text);

    return true;
}


static bool
skep_mail_conf_loopback(const char *host)
{
    struct in_addr  addr;

    if (strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0) {
        return true;
    }

    return inet_pton(AF_INET, host, &addr) == 1
           && (ntohl(addr.s_addr) >> 24) == 127;
}


/* a key of its own, else what is usual below mail_base_url */

static int
skep_mail_conf_links(skep_mail_conf_t *mail, const skep_conf_t *conf,
    char *fault)
{
    int          i, len;
    char        *link;
    size_t       size;
    const char  *why, *base, *rest;

    const struct {
        const char  *name;
        const char  *value;
    } keys[SKEP_MAIL_NLINKS] = {
        { "mail_verify_url", conf->mail_verify_url },
        { "mail_reset_url", conf->mail_reset_url },
        { "mail_task_url", conf->mail_task_url },
        { "mail_project_url", conf->mail_project_url },
        { "mail_settings_url", conf->mail_settings_url }
    };

    for (i = 0; i < SKEP_MAIL_NLINKS; i++) {
        base = keys[i].value;
        rest = "";

        if (base == NULL) {
            base = conf->mail_base_url;
            rest = skep_mail_link_default((skep_mail_link_t) i);
        }

        if (base == NULL) {
            return skep_mail_conf_fault(fault, "\"smtp_url\" needs "
                                        "\"mail_base_url\" or \"%s\"",
                                        keys[i].name);
        }

        /* one slash between them */
        len = (int) strlen(base);

        if (*rest && len && base[len - 1] == '/') {
            len--;
        }

        size = (size_t) len + strlen(rest) + 1;
        link = malloc(size);

        if (link == NULL) {
            return skep_mail_conf_fault(fault, "no memory");
        }

        (void) snprintf(link, size, "%.*s%s", len, base, rest);
        mail->links[i] = link;

        why = skep_mail_link_fault((skep_mail_link_t) i, link);

        if (why) {
            return skep_mail_conf_fault(fault, "\"%s\" %s",
                                        keys[i].value ? keys[i].name
                                                      : "mail_base_url", why);
        }
    }

    return 0;
}


static int
skep_mail_conf_fault(char *fault, const char *format, ...)
{
    va_list  args;

    va_start(args, format);
    (void) vsnprintf(fault, SKEP_MAIL_CONF_FAULT, format, args);
    va_end(args);

    return -1;
}


void
skep_mail_conf_free(skep_mail_conf_t *mail)
{
    int  i;

    if (mail == NULL) {
        return;
    }

    for (i = 0; i < SKEP_MAIL_NLINKS; i++) {
        free(mail->links[i]);
    }

    skep_mail_templates_free(mail->templates);
    free(mail->url);
    free(mail);
}
