
/*
 * What is counted, for GET /metrics.  A row for each: a part of the worker that
 * counts adds its rows.  Rows with one name stand together and have the same
 * kind and help.
 *
 *     C(ID, name, labels, help)    a counter: skep_count(ID, n)
 *     G(ID, name, labels, help)    a gauge: skep_gauge(ID, n)
 *
 * In the output names begin with "skep_worker_"; those of counters end with
 * "_total".  A gauge that is SKEP_METRIC_NONE is left out: its value is not
 * known, or there is nothing of it.
 */


#ifndef _SKEP_METRICS_H_INCLUDED_
#define _SKEP_METRICS_H_INCLUDED_


#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>


#define SKEP_METRIC_NONE  INT64_MIN


#define SKEP_METRICS(C, G)                                                    \
    G(UP_PG_CONSUMER, "up", "server=\"postgresql\",thread=\"consumer\"",      \
      "Whether a thread has its connection.")                                 \
    G(UP_PG_SWEEPER, "up", "server=\"postgresql\",thread=\"sweeper\"",        \
      "Whether a thread has its connection.")                                 \
    G(UP_PG_SENDER, "up", "server=\"postgresql\",thread=\"sender\"",          \
      "Whether a thread has its connection.")                                 \
    G(UP_REDIS_CONSUMER, "up", "server=\"redis\",thread=\"consumer\"",        \
      "Whether a thread has its connection.")                                 \
    G(UP_REDIS_SWEEPER, "up", "server=\"redis\",thread=\"sweeper\"",          \
      "Whether a thread has its connection.")                                 \
    G(MIGRATED, "database_usable", "",                                        \
      "Whether the last look at the queues worked.")                          \
                                                                              \
    C(ENTRIES, "entries_total", "", "Entries of the stream that were read.")  \
    C(CLAIMED, "entries_claimed_total", "",                                   \
      "Entries of the stream that were taken over from another consumer.")    \
    C(ACKED, "entries_acknowledged_total", "",                                \
      "Entries of the stream that are done.")                                 \
    G(STREAM_LENGTH, "stream_length", "", "Entries in the stream.")           \
    G(STREAM_LAG, "stream_lag", "",                                           \
      "Entries of the stream that no worker has read.")                       \
    G(STREAM_PENDING, "stream_pending", "",                                   \
      "Entries of the stream that were read and not acknowledged.")           \
    C(TRIMMED, "stream_trimmed_total", "",                                    \
      "Entries of the stream that were done and deleted.")                    \
    C(GROUPS_MADE, "groups_made_total", "",                                   \
      "Times that the consumer group was missing.")                           \
                                                                              \
    C(FANOUTS, "fan_outs_total", "", "Calls of notify.fan_out().")            \
    C(EVENTS_CONSUMED, "events_total", "by=\"consumer\"",                     \
      "Events that were fanned out.")                                         \
    C(EVENTS_SWEPT, "events_total", "by=\"sweeper\"",                         \
      "Events that were fanned out.")                                         \
    C(NOTIFICATIONS, "notifications_total", "", "Rows of inboxes written.")   \
    C(DELIVERIES_MADE, "deliveries_made_total", "",                           \
      "Deliveries to webhooks that were put in the queue.")                   \
    C(DELIVERIES_DELIVERED, "deliveries_total", "outcome=\"delivered\"",      \
      "Attempts to deliver to a webhook, by their outcome.")                  \
    C(DELIVERIES_RETRIED, "deliveries_total", "outcome=\"retried\"",          \
      "Attempts to deliver to a webhook, by their outcome.")                  \
    C(DELIVERIES_FAILED, "deliveries_total", "outcome=\"failed\"",            \
      "Attempts to deliver to a webhook, by their outcome.")                  \
    C(WEBHOOKS_DISABLED, "webhooks_disabled_total", "",                       \
      "Webhooks that were disabled.")                                         \
    C(MAILS_MADE, "mails_made_total", "",                                     \
      "E-mails that were put in the queue.")                                  \
    C(FANOUT_FAILED, "fan_outs_failed_total", "",                             \
      "Calls of notify.fan_out() that failed.")                               \
    C(PUBLISHED, "messages_published_total", "",                              \
      "Messages published for live streams.")                                 \
    C(DEAD_ENTRIES, "dead_letters_total", "kind=\"entry\"",                   \
      "What was put aside after it failed too often.")                        \
    C(DEAD_EVENTS, "dead_letters_total", "kind=\"event\"",                    \
      "What was put aside after it failed too often.")                        \
                                                                              \
    G(OUTBOX_ROWS, "outbox_rows", "",                                         \
      "Rows in the outbox; at most 10001 are counted.")                       \
    G(OUTBOX_AGE, "outbox_age_seconds", "",                                   \
      "Age of the oldest row of the outbox.")                                 \
    G(DELIVERIES_PENDING, "deliveries_pending", "",                           \
      "Deliveries to webhooks in the queue; at most 10001 are counted.")      \
    G(MAILS_PENDING, "mails_pending", "",                                     \
      "E-mails in the queue; at most 10001 are counted.")                     \
                                                                              \
    C(PURGES, "purge_rounds_total", "",                                       \
      "Times that all tables were looked through for what is old.")           \
    C(PURGED_SESSIONS, "purged_total", "table=\"sessions\"",                  \
      "Rows that were deleted by age.")                                       \
    C(PURGED_MAIL_TOKENS, "purged_total", "table=\"mail_tokens\"",            \
      "Rows that were deleted by age.")                                       \
    C(PURGED_KEYS, "purged_total", "table=\"idempotency_keys\"",              \
      "Rows that were deleted by age.")                                       \
    C(PURGED_TASKS, "purged_total", "table=\"tasks\"",                        \
      "Rows that were deleted by age.")                                       \
    C(PURGED_COMMENTS, "purged_total", "table=\"comments\"",                  \
      "Rows that were deleted by age.")                                       \
    C(PURGED_PROJECTS, "purged_total", "table=\"projects\"",                  \
      "Rows that were deleted by age.")                                       \
    C(PURGED_DEPARTURES, "purged_total", "table=\"departures\"",              \
      "Rows that were deleted by age.")                                       \
    C(PURGED_INBOX, "purged_total", "table=\"inbox\"",                        \
      "Rows that were deleted by age.")                                       \
    C(PURGED_EVENTS, "purged_total", "table=\"events\"",                      \
      "Rows that were deleted by age.")                                       \
    C(PURGED_DELIVERIES, "purged_total", "table=\"deliveries\"",              \
      "Rows that were deleted by age.")                                       \
    C(PURGED_MAILS, "purged_total", "table=\"mails\"",                        \
      "Rows that were deleted by age.")                                       \
    C(PURGED_DEAD, "purged_total", "table=\"dead_events\"",                   \
      "Rows that were deleted by age.")                                       \
                                                                              \
    C(MAILS_SENT, "mails_total", "outcome=\"sent\"",                          \
      "E-mails by what became of them.")                                      \
    C(MAILS_FAILED, "mails_total", "outcome=\"failed\"",                      \
      "E-mails by what became of them.")                                      \
    C(MAILS_DROPPED, "mails_total", "outcome=\"dropped\"",                    \
      "E-mails by what became of them.")                                      \
    C(MAILS_RETRIED, "mails_retried_total", "",                               \
      "Attempts to send an e-mail that are to be followed by another.")       \
                                                                              \
    C(RELOADS, "reloads_total", "outcome=\"ok\"",                             \
      "Times that the configuration was read again.")                         \
    C(RELOADS_REFUSED, "reloads_total", "outcome=\"refused\"",                \
      "Times that the configuration was read again.")


#define SKEP_METRIC_ID(id, name, labels, help)  SKEP_METRIC_##id,

typedef enum {
    SKEP_METRICS(SKEP_METRIC_ID, SKEP_METRIC_ID)
    SKEP_METRICS_N
} skep_metric_t;


extern _Atomic int64_t  skep_metrics[SKEP_METRICS_N];


#define skep_count(id, n)                                                     \
    ((void) atomic_fetch_add_explicit(&skep_metrics[SKEP_METRIC_##id], (n),   \
                                      memory_order_relaxed))

#define skep_gauge(id, n)                                                     \
    atomic_store_explicit(&skep_metrics[SKEP_METRIC_##id], (n),               \
                          memory_order_relaxed)

#define skep_metric(id)  (&skep_metrics[SKEP_METRIC_##id])


/*
 * All of them as text of Prometheus (version 0.0.4).  The caller's to free();
 * NULL if there is no memory.
 */
char *skep_metrics_text(size_t *len);


#endif /* _SKEP_METRICS_H_INCLUDED_ */
