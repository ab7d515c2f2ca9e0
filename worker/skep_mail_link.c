
/*
 * Addresses of pages that mails point to.
 */


#include "skep_mail_link.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


typedef struct {
    const char  *text;
    size_t       len;
    size_t       offset;         /* in skep_mail_link_values_t */
    unsigned     links;          /* in which it may stand */
} skep_mail_link_name_t;


static const skep_mail_link_name_t *skep_mail_link_name(const char *p);
static const char *skep_mail_link_bad(const char *pattern);
static void skep_mail_link_value(const char *value, FILE *out);


#define SKEP_MAIL_LINK_BIT(link)  (1u << SKEP_MAIL_LINK_##link)

#define SKEP_MAIL_LINK_NAME(name, links)                                      \
    { "{" #name "}", sizeof("{" #name "}") - 1,                               \
      offsetof(skep_mail_link_values_t, name), links }

static const skep_mail_link_name_t  skep_mail_link_names[] = {
    SKEP_MAIL_LINK_NAME(token, SKEP_MAIL_LINK_BIT(VERIFY)
                               | SKEP_MAIL_LINK_BIT(RESET)),
    SKEP_MAIL_LINK_NAME(task_id, SKEP_MAIL_LINK_BIT(TASK)),
    SKEP_MAIL_LINK_NAME(project_id, SKEP_MAIL_LINK_BIT(TASK)
                                    | SKEP_MAIL_LINK_BIT(PROJECT))
};

#define SKEP_MAIL_LINK_NNAMES                                                 \
    (sizeof(skep_mail_link_names) / sizeof(skep_mail_link_names[0]))


const char *
skep_mail_link_default(skep_mail_link_t link)
{
    static const char *const  paths[] = {
        "/verify-email?token={token}",
        "/reset-password?token={token}",
        "/tasks/{task_id}",
        "/projects/{project_id}",
        "/settings/notifications"
    };

    return paths[link];
}


const char *
skep_mail_link_fault(skep_mail_link_t link, const char *pattern)
{
    bool                          token;
    const char                   *p, *bad;
    const skep_mail_link_name_t  *name;

    if (strncmp(pattern, "https://", 8) != 0
        && strncmp(pattern, "http://", 7) != 0)
    {
        return "is to begin with https:// or http://";
    }

    bad = skep_mail_link_bad(pattern);
    if (bad) {
        return bad;
    }

    token = false;

    for (p = strchr(pattern, '{'); p; p = strchr(p + 1, '{')) {
        name = skep_mail_link_name(p);

        if (name == NULL || !(name->links & (1u << link))) {
            return "has a {name} that is not known there";
        }

        token = token || name == &skep_mail_link_names[0];
    }

    if (!token && (skep_mail_link_names[0].links & (1u << link))) {
        return "is to have {token} in it";
    }

    return NULL;
}


/* it stands in a header, and in text where a blank or a quote would end it */

static const char *
skep_mail_link_bad(const char *pattern)
{
    const char  *p;

    if (pattern[strcspn(pattern, ":") + 3] == '\0'
        || strchr("/?#{", pattern[strcspn(pattern, ":") + 3]))
    {
        return "has no host";
    }

    for (p = pattern; *p; p++) {
        if (*p <= ' ' || *p > '~' || strchr("\"<>\\^`|", *p)) {
            return "has a character that a URL can't have";
        }
    }

    return NULL;
}


static const skep_mail_link_name_t *
skep_mail_link_name(const char *p)
{
    size_t  i;

    for (i = 0; i < SKEP_MAIL_LINK_NNAMES; i++) {
        if (strncmp(p, skep_mail_link_names[i].text,
                    skep_mail_link_names[i].len)
            == 0)
        {
            return &skep_mail_link_names[i];
        }
    }

    return NULL;
}


char *
skep_mail_link_make(const char *pattern, const skep_mail_link_values_t *values)
{
    char                         *url;
    FILE                         *out;
    size_t                        len;
    const char                   *p, *value;
    const skep_mail_link_name_t  *name;

    url = NULL;

    out = open_memstream(&url, &len);
    if (out == NULL) {
        return NULL;
    }

    for (p = pattern; *p; /* void */) {
        name = (*p == '{') ? skep_mail_link_name(p) : NULL;

        if (name == NULL) {
            (void) fputc(*p++, out);
            continue;
        }

        memcpy(&value, (const char *) values + name->offset, sizeof(value));
        skep_mail_link_value(value ? value : "", out);
        p += name->len;
    }

    if (fclose(out) != 0) {
        free(url);
        return NULL;
    }

    return url;
}


static void
skep_mail_link_value(const char *value, FILE *out)
{
    const char  *p;

    static const char  unreserved[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

    for (p = value; *p; p++) {
        if (strchr(unreserved, *p)) {
            (void) fputc(*p, out);
        } else {
            (void) fprintf(out, "%%%02X", (unsigned char) *p);
        }
    }
}
