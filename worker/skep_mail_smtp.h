
/*
 * A mail as a transfer of libcurl's.
 */


#ifndef _SKEP_MAIL_SMTP_H_INCLUDED_
#define _SKEP_MAIL_SMTP_H_INCLUDED_


#include "skep_conf.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>


typedef struct {
    char               *text;       /* the mail */
    size_t              len;
    size_t              read;       /* so much of it was taken */
    bool                begun;      /* the server wanted to have it */
    struct curl_slist  *to;
} skep_mail_smtp_t;


typedef enum {
    SKEP_MAIL_SENT,
    SKEP_MAIL_AGAIN,
    SKEP_MAIL_REFUSED               /* for good */
} skep_mail_verdict_t;


/*
 * A handle that sends the text to the address; smtp has to stay where it is,
 * and takes the text over.  NULL: no memory, and nothing to be freed but the
 * text.
 */
CURL *skep_mail_smtp_easy(skep_mail_smtp_t *smtp, const skep_conf_t *conf,
    char *text, size_t len, const char *to);

/*
 * All connections are idle, and are not to be used any more: libcurl finds them
 * closed, and waits for the answer to no QUIT.
 */
void skep_mail_smtp_leave(void);

/* after the handle */
void skep_mail_smtp_free(skep_mail_smtp_t *smtp);

/*
 * What became of it, by libcurl's code and the last answer of the server, if
 * any.  Pure.  A 5xx refuses this mail for good if it is about this mail: not
 * if it greets with it, refuses the login or asks for one.  RFC 5321, 4.2.1.
 */
skep_mail_verdict_t skep_mail_smtp_verdict(CURLcode code, long answer,
    bool begun);


#endif /* _SKEP_MAIL_SMTP_H_INCLUDED_ */
