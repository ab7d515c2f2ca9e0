
/*
 * What GET /readyz asks besides PostgreSQL and Redis, and whether this instance
 * is about to leave.
 */


#ifndef _NGX_API_HEALTH_H_INCLUDED_
#define _NGX_API_HEALTH_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* ready: called in a worker; 0 makes /readyz answer 503 */
typedef struct {
    ngx_str_t    name;
    ngx_uint_t (*ready)(void *data);
    void        *data;
} ngx_api_health_check_t;


/* at configuration time; the check is copied.  NGX_OK or NGX_ERROR. */
ngx_int_t ngx_api_health_add(ngx_conf_t *cf,
    const ngx_api_health_check_t *check);


/*
 * Whether a client had better open its next connection elsewhere: this worker
 * is exiting, or the file of api_drain_file was there a moment ago.
 */
ngx_uint_t ngx_api_leaving(void);


#endif /* _NGX_API_HEALTH_H_INCLUDED_ */
