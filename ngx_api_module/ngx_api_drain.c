
/*
 * A drain: while the file of api_drain_file exists, /readyz says so, and
 * answers end their connections.  Who balances has time to turn to others
 * before nginx stops to listen; and no client loses a request to a connection
 * that is closed while it sends.
 *
 * api_shutdown_delay does the latter for a worker that is replaced.  When nginx
 * is reloaded, a worker closes what is idle at once, and under load there is a
 * request on its way over each of these connections.  So for a moment it only
 * listens no more, and ends each connection with its answer.
 */


#include "ngx_api_module.h"
#include <ngx_channel.h>


/* how often a worker looks for the file, for what it answers all the others */
#define NGX_API_DRAIN_INTERVAL  500     /* ms */


static void ngx_api_drain_handler(ngx_event_t *ev);
static void ngx_api_quit_init(ngx_event_t *ev);
static void ngx_api_quit_channel(ngx_event_t *ev);
static void ngx_api_quit_now(ngx_event_t *ev);


/* of this worker */

static ngx_uint_t              ngx_api_drains;
static ngx_event_t             ngx_api_drain_event;

static ngx_uint_t              ngx_api_quits;
static ngx_msec_t              ngx_api_quit_delay;
static ngx_event_t             ngx_api_quit_event;
static ngx_event_handler_pt    ngx_api_quit_next;


/* api_drain_file PATH; */

char *
ngx_api_drain_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_api_main_conf_t *amcf = conf;

    ngx_str_t  *value;

    if (amcf->drain_file.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len == 0) {
        return "must name a file";
    }

    amcf->drain_file = value[1];

    if (ngx_conf_full_name(cf->cycle, &amcf->drain_file, 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


void
ngx_api_drain_init_process(ngx_cycle_t *cycle, ngx_api_main_conf_t *amcf)
{
    if (amcf->shutdown_delay && ngx_process == NGX_PROCESS_WORKER) {
        ngx_api_quit_delay = amcf->shutdown_delay;
        ngx_api_quit_event.handler = ngx_api_quit_init;
        ngx_api_quit_event.data = amcf;
        ngx_api_quit_event.log = cycle->log;

        ngx_add_timer(&ngx_api_quit_event, 1);
    }

    if (amcf->drain_file.data == NULL) {
        return;
    }

    ngx_api_drain_event.handler = ngx_api_drain_handler;
    ngx_api_drain_event.data = amcf;
    ngx_api_drain_event.log = cycle->log;
    ngx_api_drain_event.cancelable = 1;

    ngx_api_drain_handler(&ngx_api_drain_event);
}


static void
ngx_api_drain_handler(ngx_event_t *ev)
{
    (void) ngx_api_drain(ev->data);

    ngx_add_timer(ev, NGX_API_DRAIN_INTERVAL);
}


/* A file that can't be looked at is not there: to stop is the operator's wish,
 * not what happens when something else goes wrong. */

ngx_uint_t
ngx_api_drain(ngx_api_main_conf_t *amcf)
{
    ngx_uint_t       drains;
    ngx_file_info_t  fi;

    if (amcf->drain_file.data) {
        drains = (ngx_file_info(amcf->drain_file.data, &fi) != NGX_FILE_ERROR);

        if (drains != ngx_api_drains) {
            ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                          drains ? "draining: \"%V\" is there"
                                 : "no longer draining: \"%V\" is gone",
                          &amcf->drain_file);
            ngx_api_drains = drains;
        }
    }

    return ngx_api_leaving();
}


ngx_uint_t
ngx_api_leaving(void)
{
    return ngx_api_drains || ngx_api_quits || ngx_exiting;
}


/* nginx has no hook for a worker that is told to quit, but it is told through
 * its channel to the master, which is there once init_process is over */

static void
ngx_api_quit_init(ngx_event_t *ev)
{
    ngx_uint_t         i;
    ngx_connection_t  *c;

    c = ngx_cycle->connections;

    for (i = 0; i < ngx_cycle->connection_n; i++) {

        if (c[i].fd == ngx_channel && c[i].read->channel) {
            ngx_api_quit_next = c[i].read->handler;
            c[i].read->handler = ngx_api_quit_channel;
            return;
        }
    }

    ngx_log_error(NGX_LOG_WARN, ev->log, 0,
                  "\"api_shutdown_delay\" is not in force: this worker has "
                  "no channel");
}


static void
ngx_api_quit_channel(ngx_event_t *ev)
{
    ngx_api_quit_next(ev);

    if (!ngx_quit || ngx_exiting) {
        return;
    }

    /* asked again, it does not begin anew */

    ngx_quit = 0;

    if (ngx_api_quits) {
        return;
    }

    ngx_api_quits = 1;

    ngx_close_listening_sockets((ngx_cycle_t *) ngx_cycle);

    ngx_api_quit_event.handler = ngx_api_quit_now;
    ngx_add_timer(&ngx_api_quit_event, ngx_api_quit_delay);
}


static void
ngx_api_quit_now(ngx_event_t *ev)
{
    ngx_quit = 1;
}
