
/*
 * Which URLs may be a webhook's.  Pure.
 *
 * The form is RFC 3986's, and no wider: what is taken is understood alike by
 * all that parse it later.  A host that is an address, in any notation that
 * inet_aton() knows, is looked at here; what a name leads to is looked at by
 * whoever connects.
 */


#ifndef _NGX_NOTIFY_URL_H_INCLUDED_
#define _NGX_NOTIFY_URL_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_api_schema.h"
#include "skep_address.h"


typedef struct {
    ngx_uint_t           http;      /* http:// is allowed, too */
    const skep_range_t  *ranges;    /* special addresses that are allowed */
    ngx_uint_t           nranges;
} ngx_notify_url_policy_t;


/* the faults of a URL, by bits of what is below; ends with a null code */
extern const ngx_api_check_fault_t  ngx_notify_url_faults[];


/*
 * What is wrong with a URL: 0, or bits of ngx_notify_url_faults.  All are
 * found at once; when the form is not that of a URL there is nothing more.
 */
ngx_uint_t ngx_notify_url_check(const u_char *url, size_t len,
    const ngx_notify_url_policy_t *policy);


#endif /* _NGX_NOTIFY_URL_H_INCLUDED_ */
