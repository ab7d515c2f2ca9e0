
/*
 * HTTP for the operator, on an address of its own: GET /livez, /readyz and
 * /metrics.  libmicrohttpd serves it in a thread of its own.
 */


#ifndef _SKEP_HTTP_H_INCLUDED_
#define _SKEP_HTTP_H_INCLUDED_


#include "skep_conf.h"


/* begins to listen, unless it is off; 0, or -1, logged */
int skep_http_start(const skep_conf_t *conf);

void skep_http_stop(void);


#endif /* _SKEP_HTTP_H_INCLUDED_ */
