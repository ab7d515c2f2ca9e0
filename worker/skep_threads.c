
#include "skep_threads.h"
#include "skep_sender.h"


skep_thread_t  skep_threads[] = {
    { "sender", skep_sender_run, NULL },
    { NULL, NULL, NULL }
};


int
skep_threads_init(const skep_conf_t *conf)
{
    (void) conf;

    return skep_sender_init();
}


void
skep_threads_free(void)
{
    skep_sender_free();
}
