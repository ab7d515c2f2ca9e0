
/*
 * What ngx_notify_module and the worker say to each other through Redis: names,
 * fields, types, the form of messages.  Constants alone, plain C.
 *
 * The stream NAME (notify_stream in nginx, "stream" in the worker) has an entry
 * for each event, with the fields below.  It is news, not truth: the worker
 * needs nothing of it but seq, up to which the outbox is to be fanned out.  Of
 * events that hold secrets (SKEP_MAIL_TYPES) there are seq, id, type and trace
 * alone.  The trace is that of the request, "TRACEPARENT REQUEST-ID".
 */


#ifndef _SKEP_WIRE_H_INCLUDED_
#define _SKEP_WIRE_H_INCLUDED_


/* fields of an entry of the stream */

#define SKEP_WIRE_SEQ         "seq"
#define SKEP_WIRE_ID          "id"
#define SKEP_WIRE_TYPE        "type"
#define SKEP_WIRE_TIMESTAMP   "timestamp"
#define SKEP_WIRE_ACTOR_ID    "actor_id"
#define SKEP_WIRE_PROJECT_ID  "project_id"
#define SKEP_WIRE_TASK_ID     "task_id"
#define SKEP_WIRE_TRACE       "trace"
#define SKEP_WIRE_DATA        "data"

/* the workers' consumer group of it */

#define SKEP_WIRE_GROUP       "skep"

/*
 * What follows the stream's name in that of the channel on which notifications
 * are published, and in that of the stream of dead letters.  A dead letter has
 * the fields of the entry that it was, as far as there are any, and these two:
 * why, and the id of the entry in the stream.
 */

#define SKEP_WIRE_CHANNEL     ":notifications"
#define SKEP_WIRE_DEAD        ":dead"

#define SKEP_WIRE_REASON      "reason"
#define SKEP_WIRE_ENTRY       "entry"

/*
 * A message of the channel tells of events first .. last, a run without a gap
 * of the numbers that notify.fan_out() gave out (notify.events.n).  Lines end
 * with LF; the words of a line have one blank between them; numbers are
 * decimal, without sign and leading zeros.
 *
 *     skep1 FIRST LAST
 *     N TYPE ID LENGTH RECIPIENTS [RECIPIENT ...]
 *     NOTIFICATION
 *     N TYPE ID LENGTH RECIPIENTS [RECIPIENT ...]
 *     NOTIFICATION
 *     ...
 *
 * LENGTH counts the bytes of NOTIFICATION, which is the JSON of the API, the
 * same for every recipient, without its LF.  RECIPIENTS counts the ids of users
 * that follow.  ID and RECIPIENT are UUIDs, 36 bytes of lower case each.
 *
 * There are two kinds of message: one that has a line for each n of the run, in
 * their order, and one that ends after its first line.  The second kind says
 * that the run is in PostgreSQL, to be read there: it is sent for what would
 * make a message longer than SKEP_WIRE_MOST, and, with FIRST == LAST, to tell
 * again how far the events are, for those who lost a message.
 *
 * Messages may be lost, repeated and overtake each other.  Who has seen all up
 * to n: takes a run that begins with n + 1; ignores one that ends with n or
 * before; and reads what is between from PostgreSQL in any other case.
 */

#define SKEP_WIRE_MAGIC       "skep1"

/* bytes of a message at most */

#define SKEP_WIRE_MOST        65536

/* bytes of an id */

#define SKEP_WIRE_UUID_LEN    36


/*
 * Types of events: X(NAME, type).  What users choose from, in settings and for
 * webhooks.
 */

#define SKEP_EVENT_TYPES(X)                                                   \
    X(TASK_CREATED, "task.created")                                           \
    X(TASK_UPDATED, "task.updated")                                           \
    X(TASK_COMPLETED, "task.completed")                                       \
    X(TASK_REOPENED, "task.reopened")                                         \
    X(TASK_DELETED, "task.deleted")                                           \
    X(TASK_ASSIGNED, "task.assigned")                                         \
    X(COMMENT_CREATED, "comment.created")                                     \
    X(PROJECT_MEMBER_ADDED, "project.member_added")

/* what its actor alone is told: of no project, in settings, and never sent to a
 * webhook */

#define SKEP_OWN_EVENT_TYPES(X)                                               \
    X(WEBHOOK_DISABLED, "webhook.disabled")

/* what becomes an e-mail and no notification; their data hold secrets */

#define SKEP_MAIL_TYPES(X)                                                    \
    X(EMAIL_VERIFICATION, "auth.email_verification_requested")                \
    X(PASSWORD_RESET, "auth.password_reset_requested")

/* how those begin */

#define SKEP_MAIL_PREFIX      "auth."


#endif /* _SKEP_WIRE_H_INCLUDED_ */
