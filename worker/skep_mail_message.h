
/*
 * Mails as they go over the wire: RFC 5322, MIME (RFC 2045 to 2047).
 *
 * Pure.  A mail is made of the same bytes however often it is sent: what else
 * has to be unique in it comes from its id.
 */


#ifndef _SKEP_MAIL_MESSAGE_H_INCLUDED_
#define _SKEP_MAIL_MESSAGE_H_INCLUDED_


#include <stdbool.h>
#include <stddef.h>
#include <time.h>


#define SKEP_MAIL_ADDRESS_MAX  254      /* RFC 5321, 4.5.3.1 */


/* who a mail is from: "Skep <skep@example.org>", or the address alone */
typedef struct {
    char            name[128];          /* may be empty */
    char            address[SKEP_MAIL_ADDRESS_MAX + 1];
} skep_mail_sender_t;


/* all but references and unsubscribe has to be there; text is UTF-8 */
typedef struct {
    const skep_mail_sender_t  *from;
    const char                *to;
    const char                *id;           /* a UUID */
    const char                *references;   /* what it is about: a UUID */
    const char                *unsubscribe;  /* a URL */
    const char                *subject;
    const char                *text;
    const char                *html;
    time_t                     date;
} skep_mail_message_t;


/* an address that can stand in a header and in a command of SMTP */
bool skep_mail_address_ok(const char *address);

/* 0, or -1: no such thing */
int skep_mail_sender_parse(skep_mail_sender_t *sender, const char *text);

/* the mail, with CRLF at the ends of lines, to be freed; NULL: no memory */
char *skep_mail_message(const skep_mail_message_t *m, size_t *len);


#endif /* _SKEP_MAIL_MESSAGE_H_INCLUDED_ */
