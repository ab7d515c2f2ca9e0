
#include "skep_threads.h"


skep_thread_t  skep_threads[] = {
    { NULL, NULL, NULL }
};


int
skep_threads_init(const skep_conf_t *conf)
{
    (void) conf;

    return 0;
}


void
skep_threads_free(void)
{
}
