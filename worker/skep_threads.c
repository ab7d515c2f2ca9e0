
#include "skep_threads.h"
#include "skep_consumer.h"
#include "skep_http.h"
#include "skep_log.h"
#include "skep_mail.h"
#include "skep_sender.h"
#include "skep_sweeper.h"
#include "skep_webhook.h"


skep_thread_t  skep_threads[] = {
    { "consumer", skep_consumer_run, NULL },
    { "sweeper", skep_sweeper_run, NULL },
    { "sender", skep_sender_run, NULL },
    { NULL, NULL, NULL }
};


int
skep_threads_init(const skep_conf_t *conf)
{
    skep_channel_t  *webhook, *mail;

    if (skep_sender_init() != 0) {
        return -1;
    }

    webhook = skep_webhook_create(conf);

    if (webhook == NULL) {
        return -1;
    }

    skep_sender_add(webhook);

    mail = skep_mail_create();

    if (mail == NULL) {
        skep_log(SKEP_LOG_ERROR, "no memory");
        return -1;
    }

    skep_sender_add(mail);

    return skep_http_start(conf);
}


void
skep_threads_free(void)
{
    skep_http_stop();
    skep_sender_free();
}
