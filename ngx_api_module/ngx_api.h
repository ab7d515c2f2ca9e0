
/*
 * Skep's platform, as the feature modules see it.
 */


#ifndef _NGX_API_H_INCLUDED_
#define _NGX_API_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_api_json.h"
#include "ngx_api_text.h"
#include "ngx_api_time.h"
#include "ngx_api_uuid.h"
#include "ngx_api_cursor.h"
#include "ngx_api_schema.h"
#include "ngx_api_route.h"
#include "ngx_api_request.h"
#include "ngx_api_trace.h"
#include "ngx_api_idempotency.h"
#include "ngx_api_problem.h"
#include "ngx_api_response.h"
#include "ngx_api_pg.h"
#include "ngx_api_pg_json.h"
#include "ngx_api_metrics.h"
#include "ngx_api_redis.h"
#include "ngx_api_health.h"


#define SKEP_VERSION  "0.1.0"


extern ngx_module_t  ngx_api_module;


/*
 * At configuration time: a file's content less one trailing newline, in
 * cf->pool.  NGX_OK, or an emerg and NGX_ERROR if the file can't be read or
 * holds fewer bytes than min.
 */
ngx_int_t ngx_api_conf_file(ngx_conf_t *cf, ngx_str_t *name, size_t min,
    ngx_str_t *content);

/* the same for files of up to max bytes; those above are of 4095 at most */
ngx_int_t ngx_api_conf_file_max(ngx_conf_t *cf, ngx_str_t *name, size_t min,
    size_t max, ngx_str_t *content);


#endif /* _NGX_API_H_INCLUDED_ */
