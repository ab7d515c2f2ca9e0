
/*
 * Templates of mails: text with {{name}} in it.
 *
 * Pure: nothing here reads a file or a clock.
 */


#ifndef _SKEP_MAIL_TEMPLATE_H_INCLUDED_
#define _SKEP_MAIL_TEMPLATE_H_INCLUDED_


#include <stddef.h>
#include <stdio.h>


/*
 * What a placeholder may stand for, whether that may have several lines, and
 * what it means:
 *
 *     name           whom the mail is for
 *     actor          who did it
 *     project        the project's name
 *     task           the task's title
 *     assignee       to whom the task was assigned
 *     changes        names of the fields that changed
 *     comment        the text of a comment
 *     member, role   who was added to a project, and as what
 *     url, reason    which webhook was disabled, and why
 *     time           when it happened
 *     link           where to look at it, or what to open
 *     settings_link  where mails are switched off
 *     token          the secret of a mail that proves an address
 *     expires_at     how long that is good
 */

#define SKEP_MAIL_FIELDS(X)                                                   \
    X(NAME, name, 0)                                                          \
    X(ACTOR, actor, 0)                                                        \
    X(PROJECT, project, 0)                                                    \
    X(TASK, task, 0)                                                          \
    X(ASSIGNEE, assignee, 0)                                                  \
    X(CHANGES, changes, 0)                                                    \
    X(COMMENT, comment, 1)                                                    \
    X(MEMBER, member, 0)                                                      \
    X(ROLE, role, 0)                                                          \
    X(URL, url, 0)                                                            \
    X(REASON, reason, 0)                                                      \
    X(TIME, time, 0)                                                          \
    X(LINK, link, 0)                                                          \
    X(SETTINGS_LINK, settings_link, 0)                                        \
    X(TOKEN, token, 0)                                                        \
    X(EXPIRES_AT, expires_at, 0)

#define SKEP_MAIL_FIELD_ID(id, name, lines)  SKEP_MAIL_##id,

typedef enum {
    SKEP_MAIL_FIELDS(SKEP_MAIL_FIELD_ID)
    SKEP_MAIL_NFIELDS
} skep_mail_field_t;

#define SKEP_MAIL_BIT(id)  (1u << SKEP_MAIL_##id)


/* how values are written */
typedef enum {
    SKEP_MAIL_LINE,          /* in one line, whatever they are */
    SKEP_MAIL_TEXT,
    SKEP_MAIL_HTML
} skep_mail_form_t;


typedef struct {
    const char           *text;     /* as it stands, or NULL for a field */
    size_t                len;
    skep_mail_field_t     field;
} skep_mail_part_t;


typedef struct {
    char                 *source;
    skep_mail_part_t     *parts;
    size_t                nparts;
} skep_mail_template_t;


/*
 * Takes a template apart; it keeps a copy of the text, which has no NUL.  Only
 * the fields whose bits are in "allowed" may stand in it.  0; or -1 with
 * "LINE: what is wrong" in err, lines being counted from "line", and nothing to
 * be freed.
 */
int skep_mail_template_parse(skep_mail_template_t *t, const char *text,
    size_t len, unsigned line, unsigned allowed, char *err, size_t size);

void skep_mail_template_free(skep_mail_template_t *t);

/*
 * Writes the template with its values, which are UTF-8; NULL is an empty one.
 * A value of one line stays one, whatever is in it: controls become blanks,
 * and marks that turn the direction of text are left out.
 */
void skep_mail_template_render(const skep_mail_template_t *t,
    skep_mail_form_t form, const char *const *values, FILE *out);


#endif /* _SKEP_MAIL_TEMPLATE_H_INCLUDED_ */
