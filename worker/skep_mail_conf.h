
/*
 * What the configuration says of mails, made ready: checked, put together,
 * and the templates read.
 */


#ifndef _SKEP_MAIL_CONF_H_INCLUDED_
#define _SKEP_MAIL_CONF_H_INCLUDED_


#include "skep_conf.h"
#include "skep_mail_link.h"
#include "skep_mail_message.h"
#include "skep_mail_type.h"
#include "skep_schedule.h"

#include <stdbool.h>


/* the room for a message about a fault */
#define SKEP_MAIL_CONF_FAULT  400


struct skep_mail_conf_s {
    skep_mail_sender_t       from;
    char                    *url;              /* the server, as libcurl's */
    bool                     tls;
    skep_schedule_t          schedule;
    char                    *links[SKEP_MAIL_NLINKS];
    skep_mail_templates_t   *templates;
};


/*
 * NULL with what is wrong in fault, if the keys smtp_* and mail_* of conf do
 * not go together.  conf->smtp_url is there.
 */
skep_mail_conf_t *skep_mail_conf_make(const skep_conf_t *conf,
    char fault[SKEP_MAIL_CONF_FAULT]);

/* NULL is fine */
void skep_mail_conf_free(skep_mail_conf_t *mail);


#endif /* _SKEP_MAIL_CONF_H_INCLUDED_ */
