
/*
 * Webhooks, as the Standard Webhooks specification has them: a channel of the
 * sender.
 *
 * A delivery is a POST of the event, signed by each secret that is valid.  Any
 * answer of 2xx is a success.  Another, or none, is a failure: it is tried
 * again by the schedule, and has failed after that.  410 disables the webhook,
 * and so does a long time without any success.
 *
 * Whose URL it is is not to be trusted: the address is checked as the socket
 * is made, so it does not matter what a name has led to before; no redirect is
 * followed, and an answer is read up to a bound.
 */


#ifndef _SKEP_WEBHOOK_H_INCLUDED_
#define _SKEP_WEBHOOK_H_INCLUDED_


#include "skep_sender.h"


/* the channel, or NULL if there is no memory */
skep_channel_t *skep_webhook_create(const skep_conf_t *conf);


#endif /* _SKEP_WEBHOOK_H_INCLUDED_ */
