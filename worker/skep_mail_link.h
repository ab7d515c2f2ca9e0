
/*
 * Addresses of pages that mails point to: URLs with {token}, {task_id} and
 * {project_id} in them.  Pure.
 */


#ifndef _SKEP_MAIL_LINK_H_INCLUDED_
#define _SKEP_MAIL_LINK_H_INCLUDED_


#include <stddef.h>


typedef enum {
    SKEP_MAIL_LINK_VERIFY,      /* {token} */
    SKEP_MAIL_LINK_RESET,       /* {token} */
    SKEP_MAIL_LINK_TASK,        /* {task_id}, {project_id} */
    SKEP_MAIL_LINK_PROJECT,     /* {project_id} */
    SKEP_MAIL_LINK_SETTINGS,
    SKEP_MAIL_NLINKS
} skep_mail_link_t;


/* what may stand in a pattern; NULL is empty */
typedef struct {
    const char  *token;
    const char  *task_id;
    const char  *project_id;
} skep_mail_link_values_t;


/* where it is below mail_base_url, if nothing else was said */
const char *skep_mail_link_default(skep_mail_link_t link);

/* what is wrong with a pattern, or NULL */
const char *skep_mail_link_fault(skep_mail_link_t link, const char *pattern);

/*
 * The URL, to be freed, or NULL: no memory.  Values are percent-encoded
 * (RFC 3986, 2.1), so they are never more than a part of it.
 */
char *skep_mail_link_make(const char *pattern,
    const skep_mail_link_values_t *values);


#endif /* _SKEP_MAIL_LINK_H_INCLUDED_ */
