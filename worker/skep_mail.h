
/*
 * E-mail: the sender's channel that takes mails from notify.mails and brings
 * them to an SMTP server.
 *
 * Everything is sent at least once: a mail that the server took, but which was
 * not recorded before the worker died, goes out again, with the same
 * Message-ID.
 */


#ifndef _SKEP_MAIL_H_INCLUDED_
#define _SKEP_MAIL_H_INCLUDED_


#include "skep_sender.h"


/* for skep_sender_add(); NULL: no memory */
skep_channel_t *skep_mail_create(void);


#endif /* _SKEP_MAIL_H_INCLUDED_ */
