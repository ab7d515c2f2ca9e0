
/*
 * The types of mails, and the templates of each.
 */


#ifndef _SKEP_MAIL_TYPE_H_INCLUDED_
#define _SKEP_MAIL_TYPE_H_INCLUDED_


#include "skep_mail_link.h"
#include "skep_mail_template.h"

#include <stdbool.h>


#define SKEP_MAIL_NTYPES  11


typedef struct {
    const char            *name;
    unsigned               fields;       /* what its templates may use */
    skep_mail_link_t       link;         /* what {{link}} is */
    bool                   account;      /* asked for, not a notification */
} skep_mail_type_t;


typedef struct {
    skep_mail_template_t   subject;
    skep_mail_template_t   text;
    skep_mail_template_t   html[3];      /* the layout's head, what is in it,
                                            and its end */
} skep_mail_templates_t;


/* what templates made of values, to be freed */
typedef struct {
    char                  *subject;
    char                  *text;
    char                  *html;
} skep_mail_content_t;


extern const skep_mail_type_t  skep_mail_types[SKEP_MAIL_NTYPES];


/* a type's place in skep_mail_types, or -1 */
int skep_mail_type(const char *name);

/*
 * Reads TYPE.txt, whose first line is the subject, and TYPE.html of every
 * type, which stands where layout.html has {{content}}.  An array of
 * SKEP_MAIL_NTYPES; or NULL with what is wrong in err, the file and the line
 * before it.
 */
skep_mail_templates_t *skep_mail_templates_read(const char *directory,
    char *err, size_t size);

void skep_mail_templates_free(skep_mail_templates_t *templates);

/* 0, or -1: no memory, and nothing to be freed */
int skep_mail_templates_render(const skep_mail_templates_t *t,
    const char *const *values, skep_mail_content_t *content);

void skep_mail_content_free(skep_mail_content_t *content);


#endif /* _SKEP_MAIL_TYPE_H_INCLUDED_ */
