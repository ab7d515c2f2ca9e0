
/*
 * The types of mails, and the templates of each.
 */


#include "skep_mail_type.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>


#define SKEP_MAIL_FILE_MAX  (256 * 1024)


static int skep_mail_templates_type(skep_mail_templates_t *t,
    const skep_mail_type_t *type, const char *directory, char *err,
    size_t size);
static int skep_mail_templates_text(skep_mail_templates_t *t,
    const skep_mail_type_t *type, const char *path, char *err, size_t size);
static int skep_mail_templates_layout(skep_mail_templates_t *t,
    const char *directory, char *err, size_t size);
static char *skep_mail_file(const char *path, char *err, size_t size);
static bool skep_mail_utf8(const char *text);
static int skep_mail_part(skep_mail_template_t *t, const char *path,
    const char *text, size_t len, unsigned line, unsigned fields, char *err,
    size_t size);
static char *skep_mail_render(const skep_mail_template_t *t, unsigned n,
    skep_mail_form_t form, const char *const *values);


/* every notification says these */
#define SKEP_MAIL_EVENT                                                       \
    (SKEP_MAIL_BIT(NAME) | SKEP_MAIL_BIT(ACTOR) | SKEP_MAIL_BIT(TIME)         \
     | SKEP_MAIL_BIT(LINK) | SKEP_MAIL_BIT(SETTINGS_LINK)                     \
     | SKEP_MAIL_BIT(PROJECT))

#define SKEP_MAIL_OF_TASK     (SKEP_MAIL_EVENT | SKEP_MAIL_BIT(TASK))

#define SKEP_MAIL_OF_ACCOUNT                                                  \
    (SKEP_MAIL_BIT(NAME) | SKEP_MAIL_BIT(LINK) | SKEP_MAIL_BIT(TOKEN)         \
     | SKEP_MAIL_BIT(EXPIRES_AT))


const skep_mail_type_t  skep_mail_types[SKEP_MAIL_NTYPES] = {

    { "auth.email_verification_requested", SKEP_MAIL_OF_ACCOUNT,
      SKEP_MAIL_LINK_VERIFY, true },

    { "auth.password_reset_requested", SKEP_MAIL_OF_ACCOUNT,
      SKEP_MAIL_LINK_RESET, true },

    { "task.created", SKEP_MAIL_OF_TASK | SKEP_MAIL_BIT(ASSIGNEE),
      SKEP_MAIL_LINK_TASK, false },

    { "task.updated",
      SKEP_MAIL_OF_TASK | SKEP_MAIL_BIT(ASSIGNEE) | SKEP_MAIL_BIT(CHANGES),
      SKEP_MAIL_LINK_TASK, false },

    { "task.completed", SKEP_MAIL_OF_TASK, SKEP_MAIL_LINK_TASK, false },

    { "task.reopened", SKEP_MAIL_OF_TASK, SKEP_MAIL_LINK_TASK, false },

    { "task.deleted", SKEP_MAIL_OF_TASK, SKEP_MAIL_LINK_PROJECT, false },

    { "task.assigned", SKEP_MAIL_OF_TASK | SKEP_MAIL_BIT(ASSIGNEE),
      SKEP_MAIL_LINK_TASK, false },

    { "comment.created", SKEP_MAIL_OF_TASK | SKEP_MAIL_BIT(COMMENT),
      SKEP_MAIL_LINK_TASK, false },

    { "project.member_added",
      SKEP_MAIL_EVENT | SKEP_MAIL_BIT(MEMBER) | SKEP_MAIL_BIT(ROLE),
      SKEP_MAIL_LINK_PROJECT, false },

    { "webhook.disabled",
      SKEP_MAIL_BIT(NAME) | SKEP_MAIL_BIT(URL) | SKEP_MAIL_BIT(REASON)
      | SKEP_MAIL_BIT(TIME) | SKEP_MAIL_BIT(LINK)
      | SKEP_MAIL_BIT(SETTINGS_LINK),
      SKEP_MAIL_LINK_SETTINGS, false }
};


int
skep_mail_type(const char *name)
{
    int  i;

    for (i = 0; i < SKEP_MAIL_NTYPES; i++) {
        if (strcmp(skep_mail_types[i].name, name) == 0) {
            return i;
        }
    }

    return -1;
}


skep_mail_templates_t *
skep_mail_templates_read(const char *directory, char *err, size_t size)
{
    int                     i;
    skep_mail_templates_t  *templates;

    templates = calloc(SKEP_MAIL_NTYPES, sizeof(skep_mail_templates_t));
    if (templates == NULL) {
        (void) snprintf(err, size, "no memory");
        return NULL;
    }

    for (i = 0; i < SKEP_MAIL_NTYPES; i++) {
        if (skep_mail_templates_type(&templates[i], &skep_mail_types[i],
                                     directory, err, size)
            == -1)
        {
            skep_mail_templates_free(templates);
            return NULL;
        }
    }

    return templates;
}


static int
skep_mail_templates_type(skep_mail_templates_t *t,
    const skep_mail_type_t *type, const char *directory, char *err,
    size_t size)
{
    int    rc;
    char  *text, path[PATH_MAX];

    (void) snprintf(path, sizeof(path), "%s/%s.txt", directory, type->name);

    if (skep_mail_templates_text(t, type, path, err, size) == -1
        || skep_mail_templates_layout(t, directory, err, size) == -1)
    {
        return -1;
    }

    (void) snprintf(path, sizeof(path), "%s/%s.html", directory, type->name);

    text = skep_mail_file(path, err, size);
    if (text == NULL) {
        return -1;
    }

    rc = skep_mail_part(&t->html[1], path, text, strlen(text), 1,
                        type->fields, err, size);
    free(text);

    return rc;
}


static int
skep_mail_templates_text(skep_mail_templates_t *t,
    const skep_mail_type_t *type, const char *path, char *err, size_t size)
{
    int       rc;
    char     *text;
    size_t    len;
    unsigned  line;

    text = skep_mail_file(path, err, size);
    if (text == NULL) {
        return -1;
    }

    len = strcspn(text, "\r\n");

    if (strspn(text, " \t") == len) {
        (void) snprintf(err, size, "%s:1: no subject", path);
        free(text);
        return -1;
    }

    rc = skep_mail_part(&t->subject, path, text, len, 1, type->fields, err,
                        size);

    if (rc == 0) {

        /* an empty line may stand between subject and text */
        for (line = 1; line < 3 && text[len]; line++) {
            len += (text[len] == '\r' && text[len + 1] == '\n');

            if (text[len] != '\n') {
                break;
            }

            len++;
        }

        rc = skep_mail_part(&t->text, path, text + len, strlen(text + len),
                            line, type->fields, err, size);
    }

    free(text);

    return rc;
}


/* what is the same of all pages; it has no other placeholder */

static int
skep_mail_templates_layout(skep_mail_templates_t *t, const char *directory,
    char *err, size_t size)
{
    int          rc;
    char        *text, *content, *p, path[PATH_MAX];
    unsigned     line;

    static const char  mark[] = "{{content}}";

    (void) snprintf(path, sizeof(path), "%s/layout.html", directory);

    text = skep_mail_file(path, err, size);
    if (text == NULL) {
        return -1;
    }

    content = strstr(text, mark);

    if (content == NULL) {
        (void) snprintf(err, size, "%s:1: no \"%s\"", path, mark);
        free(text);
        return -1;
    }

    for (line = 1, p = text; p < content; p++) {
        line += (*p == '\n');
    }

    rc = skep_mail_part(&t->html[0], path, text, content - text, 1, 0, err,
                        size);

    if (rc == 0) {
        content += sizeof(mark) - 1;
        rc = skep_mail_part(&t->html[2], path, content, strlen(content), line,
                            0, err, size);
    }

    free(text);

    return rc;
}


/* a whole file of UTF-8 with a NUL after it, to be freed; NULL with err */

static char *
skep_mail_file(const char *path, char *err, size_t size)
{
    char    *text;
    FILE    *in;
    size_t   n;

    in = fopen(path, "re");
    if (in == NULL) {
        (void) snprintf(err, size, "%s: %s", path, strerror(errno));
        return NULL;
    }

    text = malloc(SKEP_MAIL_FILE_MAX + 1);
    n = text ? fread(text, 1, SKEP_MAIL_FILE_MAX + 1, in) : 0;

    if (text == NULL || ferror(in)) {
        (void) snprintf(err, size, "%s: %s", path, strerror(errno));

    } else if (n > SKEP_MAIL_FILE_MAX) {
        (void) snprintf(err, size, "%s: longer than 256 KB", path);

    } else if (memchr(text, '\0', n)
               || (text[n] = '\0', !skep_mail_utf8(text)))
    {
        (void) snprintf(err, size, "%s: not UTF-8", path);

    } else {
        (void) fclose(in);
        return text;
    }

    (void) fclose(in);
    free(text);

    return NULL;
}


/* well-formed to the extent that a reader can find the characters */

static bool
skep_mail_utf8(const char *text)
{
    unsigned              n;
    const unsigned char  *p;

    for (p = (const unsigned char *) text; *p; p++) {
        if (*p < 0x80) {
            continue;
        }

        if (*p < 0xc2 || *p > 0xf4) {
            return false;
        }

        for (n = 1 + (*p >= 0xe0) + (*p >= 0xf0); n; n--) {
            if ((*++p & 0xc0) != 0x80) {
                return false;
            }
        }
    }

    return true;
}


static int
skep_mail_part(skep_mail_template_t *t, const char *path, const char *text,
    size_t len, unsigned line, unsigned fields, char *err, size_t size)
{
    char  what[128];

    if (skep_mail_template_parse(t, text, len, line, fields, what,
                                 sizeof(what))
        == 0)
    {
        return 0;
    }

    (void) snprintf(err, size, "%s:%s", path, what);

    return -1;
}


void
skep_mail_templates_free(skep_mail_templates_t *templates)
{
    int  i;

    if (templates == NULL) {
        return;
    }

    for (i = 0; i < SKEP_MAIL_NTYPES; i++) {
        skep_mail_template_free(&templates[i].subject);
        skep_mail_template_free(&templates[i].text);
        skep_mail_template_free(&templates[i].html[0]);
        skep_mail_template_free(&templates[i].html[1]);
        skep_mail_template_free(&templates[i].html[2]);
    }

    free(templates);
}


int
skep_mail_templates_render(const skep_mail_templates_t *t,
    const char *const *values, skep_mail_content_t *content)
{
    content->subject = skep_mail_render(&t->subject, 1, SKEP_MAIL_LINE,
                                        values);
    content->text = skep_mail_render(&t->text, 1, SKEP_MAIL_TEXT, values);
    content->html = skep_mail_render(t->html, 3, SKEP_MAIL_HTML, values);

    if (content->subject && content->text && content->html) {
        return 0;
    }

    skep_mail_content_free(content);

    return -1;
}


/* n templates, one after another */

static char *
skep_mail_render(const skep_mail_template_t *t, unsigned n,
    skep_mail_form_t form, const char *const *values)
{
    char      *text;
    FILE      *out;
    size_t     len;
    unsigned   i;

    text = NULL;

    out = open_memstream(&text, &len);
    if (out == NULL) {
        return NULL;
    }

    for (i = 0; i < n; i++) {
        skep_mail_template_render(&t[i], form, values, out);
    }

    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }

    return text;
}


void
skep_mail_content_free(skep_mail_content_t *content)
{
    free(content->subject);
    free(content->text);
    free(content->html);
    memset(content, 0, sizeof(skep_mail_content_t));
}
