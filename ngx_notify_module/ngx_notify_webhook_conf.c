
/*
 * The directives of webhooks.
 */


#include "ngx_notify_webhook.h"
#include "skep_address.h"


#define NGX_NOTIFY_WEBHOOK_MAX  20


ngx_int_t
ngx_notify_webhook_conf_create(ngx_conf_t *cf, ngx_notify_main_conf_t *nmcf)
{
    nmcf->webhook_http = NGX_CONF_UNSET;
    nmcf->webhook_max = NGX_CONF_UNSET;

    return ngx_array_init(&nmcf->webhook_ranges, cf->pool, 2,
                          sizeof(skep_range_t));
}


void
ngx_notify_webhook_conf_init(ngx_notify_main_conf_t *nmcf)
{
    ngx_conf_init_value(nmcf->webhook_http, 0);
    ngx_conf_init_value(nmcf->webhook_max, NGX_NOTIFY_WEBHOOK_MAX);

    *ngx_sprintf(nmcf->webhook_max_text, "%i", nmcf->webhook_max) = '\0';
}


char *
ngx_notify_webhook_allow_address(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_notify_main_conf_t *nmcf = conf;

    ngx_str_t     *value;
    ngx_uint_t     i;
    skep_range_t  *range;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        range = ngx_array_push(&nmcf->webhook_ranges);
        if (range == NULL) {
            return NGX_CONF_ERROR;
        }

        if (skep_range_parse((char *) value[i].data, range) != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid range of addresses \"%V\"", &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}
