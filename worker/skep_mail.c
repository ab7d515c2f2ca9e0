
/*
 * E-mail.
 */


#include "skep_mail.h"
#include "skep_log.h"
#include "skep_mail_conf.h"
#include "skep_mail_smtp.h"
#include "skep_metrics.h"
#include "skep_run.h"
#include "skep_sql.h"
#include "skep_trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


/* what a lease is longer than a transfer, for what is done before and after */
#define SKEP_MAIL_MARGIN    60000

#define SKEP_MAIL_KEEP      10000       /* ms, of an idle connection */

#define SKEP_MAIL_ID        40
#define SKEP_MAIL_ERROR     (CURL_ERROR_SIZE + 32)


/* what became of a mail, until it is recorded */
typedef struct {
    char                  id[SKEP_MAIL_ID];
    const char           *status;
    int64_t               pause;           /* ms */
    char                  error[SKEP_MAIL_ERROR];
} skep_mail_outcome_t;


typedef struct {
    skep_channel_t        channel;
    uint64_t              generation;      /* of the configuration seen last */
    skep_schedule_t       schedule;        /* of it */
    int64_t               renewed_at;      /* ms: no connection is older, or it
                                              has been in use all the time */

    skep_mail_outcome_t  *outcomes;
    size_t                n;
    size_t                allocated;
} skep_mail_t;


/* one that is on its way */
typedef struct {
    skep_send_t           send;
    skep_mail_smtp_t      smtp;
    char                  id[SKEP_MAIL_ID];
    char                  request_id[SKEP_REQUEST_ID];
    int                   type;
    unsigned              attempt;
} skep_mail_send_t;


static int skep_mail_claim(skep_channel_t *channel, skep_pg_t *pg,
    const skep_conf_t *conf, unsigned room);
static void skep_mail_renew(skep_mail_t *mail);
static void skep_mail_reload(skep_mail_t *mail, const skep_conf_t *conf);
static void skep_mail_row(skep_mail_t *mail, const skep_conf_t *conf,
    const PGresult *res, int row);
static void skep_mail_start(skep_mail_t *mail, const skep_conf_t *conf,
    const PGresult *res, int row, int type);
static char *skep_mail_text(const skep_conf_t *conf, const PGresult *res,
    int row, int type, size_t *len);
static char *skep_mail_compose(const skep_conf_t *conf, const PGresult *res,
    int row, int type, const char **values, size_t *len);
static const char *skep_mail_value(const PGresult *res, int row,
    const char *name);
static void skep_mail_done(skep_channel_t *channel, skep_send_t *send,
    CURLcode code);
static void skep_mail_ended(skep_mail_t *mail, const skep_mail_send_t *send,
    skep_mail_verdict_t verdict, const char *why);
static void skep_mail_keep(skep_mail_t *mail, const char *id,
    const char *status, int64_t pause, const char *error);
static int skep_mail_record(skep_channel_t *channel, skep_pg_t *pg,
    const skep_conf_t *conf);
static skep_pg_status_t skep_mail_write(skep_pg_t *pg,
    const skep_mail_outcome_t *outcomes, size_t n);
static int skep_mail_arrays(const skep_mail_outcome_t *outcomes, size_t n,
    char *arrays[4]);
static void skep_mail_leave(skep_channel_t *channel);
static void skep_mail_destroy(skep_channel_t *channel);


#define SKEP_MAIL_FIELD_NAME(id, name, lines)  #name,

static const char *const  skep_mail_columns[] = {
    SKEP_MAIL_FIELDS(SKEP_MAIL_FIELD_NAME)
};


skep_channel_t *
skep_mail_create(void)
{
    skep_mail_t  *mail;

    mail = calloc(1, sizeof(skep_mail_t));
    if (mail == NULL) {
        return NULL;
    }

    mail->channel.name = "mail";
    mail->channel.most = 1;
    mail->channel.claim = skep_mail_claim;
    mail->channel.done = skep_mail_done;
    mail->channel.record = skep_mail_record;
    mail->channel.leave = skep_mail_leave;
    mail->channel.destroy = skep_mail_destroy;

    return &mail->channel;
}


/*
 * Idle connections are given up before libcurl does it, which is after two
 * minutes: it would take leave of each.  Servers close idle ones after some
 * minutes at the earliest (RFC 5321, 4.5.3.2.7).
 */

static void
skep_mail_renew(skep_mail_t *mail)
{
    int64_t  now;

    now = skep_now();

    if (mail->channel.inflight == 0 && now - mail->renewed_at >= SKEP_MAIL_KEEP)
    {
        mail->renewed_at = now;
        skep_mail_smtp_leave();
    }
}


static int
skep_mail_claim(skep_channel_t *channel, skep_pg_t *pg,
    const skep_conf_t *conf, unsigned room)
{
    int               i, n;
    char              most[16], lease[24];
    PGresult         *res;
    skep_mail_t      *mail = (skep_mail_t *) channel;
    const char       *params[2] = { most, lease };
    skep_pg_status_t  status;

    if (mail->generation != conf->generation) {
        skep_mail_reload(mail, conf);

        return conf->mail ? 1 : 0;
    }

    if (conf->mail == NULL) {
        return 0;
    }

    skep_mail_renew(mail);

    (void) snprintf(most, sizeof(most), "%u", room);
    (void) snprintf(lease, sizeof(lease), "%lld",
                    (long long) (conf->smtp_timeout + SKEP_MAIL_MARGIN)
                    / 1000);

    res = skep_pg_exec(pg, SKEP_SQL_MAIL_CLAIM, params, &status);

    if (res == NULL) {
        if (status == SKEP_PG_REFUSED) {
            skep_log(SKEP_LOG_ERROR, "mails can't be claimed: %s", pg->fault);
        }

        return -1;
    }

    n = PQntuples(res);

    for (i = 0; i < n; i++) {
        skep_mail_row(mail, conf, res, i);
    }

    PQclear(res);

    return n == (int) room;
}


/* takes what transfers need of a new configuration */

static void
skep_mail_reload(skep_mail_t *mail, const skep_conf_t *conf)
{
    mail->generation = conf->generation;

    if (conf->mail == NULL) {
        skep_log(SKEP_LOG_WARN, "no \"smtp_url\": no e-mail is sent");
        return;
    }

    mail->schedule = conf->mail->schedule;
    mail->channel.most = (unsigned) conf->smtp_connections;
}


static void
skep_mail_row(skep_mail_t *mail, const skep_conf_t *conf, const PGresult *res,
    int row)
{
    int          type;
    const char  *id, *name, *why, *address, *request_id;

    id = skep_mail_value(res, row, "id");
    name = skep_mail_value(res, row, "type");
    why = skep_mail_value(res, row, "why");
    request_id = skep_trace_request_id(skep_mail_value(res, row, "trace"));

    if (why) {
        skep_count(MAILS_DROPPED, 1);
        skep_log(SKEP_LOG_INFO, "mail %s (%s) is not sent: %s" SKEP_TRACE_LOG,
                 id, name, why, request_id);
        return;
    }

    type = skep_mail_type(name);
    address = skep_mail_value(res, row, "address");

    if (type == -1) {
        why = "no such type";

    } else if (address == NULL || !skep_mail_address_ok(address)) {
        why = "no address that can be sent to";
    }

    if (why) {
        skep_count(MAILS_FAILED, 1);
        skep_log(SKEP_LOG_ERROR, "mail %s (%s): %s" SKEP_TRACE_LOG, id, name,
                 why, request_id);
        skep_mail_keep(mail, id, "failed", 0, why);
        return;
    }

    skep_mail_start(mail, conf, res, row, type);
}


static void
skep_mail_start(skep_mail_t *mail, const skep_conf_t *conf,
    const PGresult *res, int row, int type)
{
    char              *text;
    size_t             len;
    skep_mail_send_t  *send;

    send = calloc(1, sizeof(skep_mail_send_t));
    text = send ? skep_mail_text(conf, res, row, type, &len) : NULL;

    if (text) {
        send->send.easy = skep_mail_smtp_easy(&send->smtp, conf, text, len,
                              skep_mail_value(res, row, "address"));
    }

    if (text == NULL || send->send.easy == NULL) {

        /* the lease brings it back */
        skep_log(SKEP_LOG_ERROR, "mail %s: no memory" SKEP_TRACE_LOG,
                 skep_mail_value(res, row, "id"),
                 skep_trace_request_id(skep_mail_value(res, row, "trace")));
        free(text);
        free(send);
        return;
    }

    (void) snprintf(send->id, sizeof(send->id), "%s",
                    skep_mail_value(res, row, "id"));
    (void) snprintf(send->request_id, sizeof(send->request_id), "%s",
                    skep_trace_request_id(skep_mail_value(res, row, "trace")));
    send->type = type;
    send->attempt = (unsigned) strtoul(skep_mail_value(res, row, "attempts"),
                                       NULL, 10);

    (void) skep_sender_start(&mail->channel, &send->send);
}


/* the mail, to be freed; NULL: no memory */

static char *
skep_mail_text(const skep_conf_t *conf, const PGresult *res, int row,
    int type, size_t *len)
{
    int                       i;
    char                     *link, *settings, *text;
    const char               *values[SKEP_MAIL_NFIELDS];
    skep_mail_link_values_t   ids;

    for (i = 0; i < SKEP_MAIL_NFIELDS; i++) {
        values[i] = skep_mail_value(res, row, skep_mail_columns[i]);
    }

    ids.token = values[SKEP_MAIL_TOKEN];
    ids.task_id = skep_mail_value(res, row, "task_id");
    ids.project_id = skep_mail_value(res, row, "project_id");

    link = skep_mail_link_make(conf->mail->links[skep_mail_types[type].link],
                               &ids);
    settings = skep_mail_link_make(conf->mail->links[SKEP_MAIL_LINK_SETTINGS],
                                   &ids);
    text = NULL;

    if (link && settings) {
        values[SKEP_MAIL_LINK] = link;
        values[SKEP_MAIL_SETTINGS_LINK] = settings;
        text = skep_mail_compose(conf, res, row, type, values, len);
    }

    free(link);
    free(settings);

    return text;
}


static char *
skep_mail_compose(const skep_conf_t *conf, const PGresult *res, int row,
    int type, const char **values, size_t *len)
{
    char                 *text;
    skep_mail_content_t   content;
    skep_mail_message_t   m;

    if (skep_mail_templates_render(&conf->mail->templates[type], values,
                                   &content)
        == -1)
    {
        return NULL;
    }

    memset(&m, 0, sizeof(skep_mail_message_t));

    m.from = &conf->mail->from;
    m.to = skep_mail_value(res, row, "address");
    m.id = skep_mail_value(res, row, "id");
    m.date = (time_t) strtoll(skep_mail_value(res, row, "created_at"), NULL,
                              10);
    m.subject = content.subject;
    m.text = content.text;
    m.html = content.html;

    /* mails about a task are a thread, notifications can be switched off */
    m.references = skep_mail_value(res, row, "task_id");

    if (!skep_mail_types[type].account) {
        m.unsubscribe = values[SKEP_MAIL_SETTINGS_LINK];
    }

    text = skep_mail_message(&m, len);
    skep_mail_content_free(&content);

    return text;
}


/* NULL if it is null, or there is no such column */

static const char *
skep_mail_value(const PGresult *res, int row, const char *name)
{
    int  column;

    column = PQfnumber(res, name);

    return column == -1 || PQgetisnull(res, row, column)
           ? NULL : PQgetvalue(res, row, column);
}


static void
skep_mail_done(skep_channel_t *channel, skep_send_t *s, CURLcode code)
{
    int                n;
    char               why[SKEP_MAIL_ERROR];
    long               answer;
    skep_mail_t       *mail = (skep_mail_t *) channel;
    skep_mail_send_t  *send = (skep_mail_send_t *) s;

    answer = 0;
    (void) curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &answer);
    curl_easy_cleanup(s->easy);

    if (code != CURLE_ABORTED_BY_CALLBACK) {
        n = answer >= 400 ? snprintf(why, sizeof(why), "SMTP %ld: ", answer)
                          : 0;
        (void) snprintf(why + n, sizeof(why) - (size_t) n, "%s",
                        s->error[0] ? s->error : curl_easy_strerror(code));

        skep_mail_ended(mail, send,
                        skep_mail_smtp_verdict(code, answer,
                                               send->smtp.begun),
                        why);
    }

    skep_mail_smtp_free(&send->smtp);
    free(send);
}


static void
skep_mail_ended(skep_mail_t *mail, const skep_mail_send_t *send,
    skep_mail_verdict_t verdict, const char *why)
{
    int64_t      pause;
    const char  *type;

    type = skep_mail_types[send->type].name;

    if (verdict == SKEP_MAIL_SENT) {
        skep_count(MAILS_SENT, 1);
        skep_log(SKEP_LOG_INFO, "mail %s (%s) is sent" SKEP_TRACE_LOG,
                 send->id, type, send->request_id);
        skep_mail_keep(mail, send->id, "sent", 0, NULL);
        return;
    }

    pause = -1;

    if (verdict == SKEP_MAIL_AGAIN) {
        pause = skep_schedule_pause(&mail->schedule, send->attempt, 0, 0,
                                    skep_random());
    }

    if (pause == -1) {
        skep_count(MAILS_FAILED, 1);
        skep_log(SKEP_LOG_ERROR, "mail %s (%s) is given up after attempt %u: "
                 "%s" SKEP_TRACE_LOG, send->id, type, send->attempt, why,
                 send->request_id);
        skep_mail_keep(mail, send->id, "failed", 0, why);
        return;
    }

    skep_count(MAILS_RETRIED, 1);
    skep_log(SKEP_LOG_WARN, "mail %s (%s), attempt %u: %s; again in %lld ms"
             SKEP_TRACE_LOG, send->id, type, send->attempt, why,
             (long long) pause, send->request_id);
    skep_mail_keep(mail, send->id, "pending", pause, why);
}


static void
skep_mail_keep(skep_mail_t *mail, const char *id, const char *status,
    int64_t pause, const char *error)
{
    char                 *p;
    size_t                n;
    skep_mail_outcome_t  *outcome;

    if (mail->n == mail->allocated) {
        n = mail->allocated ? 2 * mail->allocated : 64;
        outcome = realloc(mail->outcomes, n * sizeof(skep_mail_outcome_t));

        if (outcome == NULL) {
            skep_log(SKEP_LOG_ERROR, "mail %s: no memory", id);
            return;
        }

        mail->outcomes = outcome;
        mail->allocated = n;
    }

    outcome = &mail->outcomes[mail->n++];

    (void) snprintf(outcome->id, sizeof(outcome->id), "%s", id);
    (void) snprintf(outcome->error, sizeof(outcome->error), "%s",
                    error ? error : "");
    outcome->status = status;
    outcome->pause = pause;

    /* as it can stand in an array; what a library says is ASCII or nothing */
    for (p = outcome->error; *p; p++) {
        if (*p < ' ' || *p > '~' || *p == '"' || *p == '\\') {
            *p = '?';
        }
    }

    mail->channel.kept = 1;
}


static int
skep_mail_record(skep_channel_t *channel, skep_pg_t *pg,
    const skep_conf_t *conf)
{
    size_t             n;
    skep_mail_t       *mail = (skep_mail_t *) channel;
    skep_pg_status_t   status;

    (void) conf;

    if (mail->n == 0) {
        return 0;
    }

    status = skep_mail_write(pg, mail->outcomes, mail->n);

    if (status == SKEP_PG_OK) {
        mail->n = 0;

    } else if (status == SKEP_PG_REFUSED) {

        /* one that is refused must not take the others with it */

        for (n = 0; n < mail->n; n++) {
            status = skep_mail_write(pg, &mail->outcomes[n], 1);

            if (status == SKEP_PG_AGAIN) {
                break;
            }

            if (status == SKEP_PG_REFUSED) {
                skep_log(SKEP_LOG_ALERT, "what became of mail %s can't be "
                         "recorded: %s", mail->outcomes[n].id, pg->fault);
            }
        }

        mail->n -= n;
        memmove(mail->outcomes, &mail->outcomes[n],
                mail->n * sizeof(skep_mail_outcome_t));
    }

    return mail->n ? -1 : 0;
}


static skep_pg_status_t
skep_mail_write(skep_pg_t *pg, const skep_mail_outcome_t *outcomes, size_t n)
{
    int                i;
    char              *arrays[4];
    PGresult          *res;
    skep_pg_status_t   status;

    if (skep_mail_arrays(outcomes, n, arrays) == -1) {
        skep_log(SKEP_LOG_ERROR, "no memory");
        return SKEP_PG_AGAIN;
    }

    res = skep_pg_exec(pg, SKEP_SQL_MAIL_RECORD,
                       (const char *const *) arrays, &status);

    for (i = 0; i < 4; i++) {
        free(arrays[i]);
    }

    PQclear(res);

    return status;
}


/* a column each: ids, outcomes, pauses, errors */

static int
skep_mail_arrays(const skep_mail_outcome_t *outcomes, size_t n,
    char *arrays[4])
{
    int                         i, failed;
    FILE                       *out[4];
    size_t                      k, len[4];
    const char                 *comma;
    const skep_mail_outcome_t  *outcome;

    failed = 0;

    for (i = 0; i < 4; i++) {
        arrays[i] = NULL;
        out[i] = open_memstream(&arrays[i], &len[i]);

        if (out[i] == NULL) {
            failed = 1;
        }
    }

    for (k = 0; k < n && !failed; k++) {
        outcome = &outcomes[k];
        comma = k ? "," : "{";

        (void) fprintf(out[0], "%s%s", comma, outcome->id);
        (void) fprintf(out[1], "%s%s", comma, outcome->status);
        (void) fprintf(out[2], "%s%lld.%03d", comma,
                       (long long) outcome->pause / 1000,
                       (int) (outcome->pause % 1000));

        if (outcome->error[0]) {
            (void) fprintf(out[3], "%s\"%s\"", comma, outcome->error);
        } else {
            (void) fprintf(out[3], "%sNULL", comma);
        }
    }

    for (i = 0; i < 4; i++) {
        if (out[i]) {
            (void) fputc('}', out[i]);
            failed |= (fclose(out[i]) != 0);
        }
    }

    for (i = 0; i < 4 && failed; i++) {
        free(arrays[i]);
    }

    return failed ? -1 : 0;
}


static void
skep_mail_leave(skep_channel_t *channel)
{
    (void) channel;

    skep_mail_smtp_leave();
}


static void
skep_mail_destroy(skep_channel_t *channel)
{
    skep_mail_t  *mail = (skep_mail_t *) channel;

    free(mail->outcomes);
    free(mail);
}
