-- Statements of ngx_task_module.
--
-- $1 is always the caller.  Who may see or change a thing is decided in the
-- same statement that reads or changes it, and so is its event written.
-- "_outcome" tells what became of it, see ngx_api_response.h.  A project that
-- was deleted has no members, so membership alone is asked for.


-- Idempotency-Key, for statements that create.  Two parts around the verdict
-- of the statement itself, which is the same with a key and without:
--
--     WITH
--     -- use: key_turn
--     , verdict AS (... AS outcome ...)     no row: not_found
--     -- use: key_claim
--     , written AS (INSERT ... FROM made m WHERE m.outcome = 'ok'
--                                            AND NOT m.replayed)
--     SELECT m.outcome AS _outcome, m.replayed AS _replayed, ... FROM made m
--
-- "made" has the ids and the time of what is new now, or was then: whoever
-- computes the answer from them and from the request alone, for both, answers
-- a repeated request with the same bytes.
--
--     -- with key: $13               the key
--     -- with fingerprint: $14       of the request, bytea
--     -- with ids: ARRAY[$2::uuid]   of what is to be made
--     -- with created: $3::timestamptz  when
--     -- with details: NULL::jsonb   what else is to be kept for the answer
--
-- What can be seen here was committed before the statement began: a key that
-- is there needs no lock.  Else the lock tells whether another request with
-- this key is under way; it is asked for only then, and before anything is
-- written, since what is written is read from "made".  A key that was committed
-- between the statement's begin and the lock is met by the INSERT, which sees
-- the latest: no row comes back, nothing else is written.

-- template: key_turn
turn AS MATERIALIZED (
    SELECT k.ids, k.created_at, k.details, k.key IS NOT NULL AS replayed,
           CASE WHEN k.key IS NOT NULL
                THEN CASE WHEN k.fingerprint <> {fingerprint}::bytea
                          THEN 'idempotency_key_reused'
                          ELSE 'ok' END
                WHEN NOT pg_try_advisory_xact_lock(
                             hashtextextended($1::uuid::text || {key}, 0))
                THEN 'idempotency_key_in_use'
           END AS outcome
    FROM (SELECT) one
    LEFT JOIN api.idempotency_keys k
           ON k.user_id = $1::uuid AND k.key = {key}
              AND k.stored_at > now() - interval '24 hours'
)

-- template: key_claim
, judged AS (
    SELECT k.replayed, k.ids, k.created_at, k.details,
           coalesce(k.outcome, v.outcome, 'not_found') AS outcome
    FROM turn k LEFT JOIN verdict v ON true
), claimed AS (
    INSERT INTO api.idempotency_keys AS k
        (user_id, key, fingerprint, ids, created_at, details)
    SELECT $1::uuid, {key}, {fingerprint}::bytea, {ids}, {created}, {details}
    FROM judged j
    WHERE j.outcome = 'ok' AND NOT j.replayed
    ON CONFLICT (user_id, key) DO UPDATE
    SET fingerprint = excluded.fingerprint,
        ids = excluded.ids,
        created_at = excluded.created_at,
        details = excluded.details,
        stored_at = excluded.stored_at
    WHERE k.stored_at <= now() - interval '24 hours'
    RETURNING k.ids, k.created_at, k.details
), expired AS (
    SELECT k.user_id, k.key
    FROM api.idempotency_keys k
    WHERE (SELECT true FROM claimed)
      AND k.stored_at <= now() - interval '24 hours'
      AND (k.user_id, k.key) <> ($1::uuid, {key})
    ORDER BY k.stored_at
    LIMIT 2
    FOR UPDATE SKIP LOCKED
), purged AS (
    DELETE FROM api.idempotency_keys k
    USING expired e
    WHERE k.user_id = e.user_id AND k.key = e.key
), made AS (
    SELECT j.replayed,
           CASE WHEN j.outcome = 'ok' AND NOT j.replayed AND c.ids IS NULL
                THEN 'idempotency_key_in_use'
                ELSE j.outcome
           END AS outcome,
           coalesce(c.ids, j.ids) AS ids,
           coalesce(c.created_at, j.created_at) AS created_at,
           coalesce(c.details, j.details) AS details
    FROM judged j LEFT JOIN claimed c ON true
)


-- template: task_columns
    t.id, t.project_id, t.title, t.description, t.status, t.priority,
    t.labels, t.due_at, t.assignee_id, t.created_by, t.completed_at,
    t.created_at, t.updated_at, t.version

-- template: task_event
, event AS (
    INSERT INTO notify.outbox (id, type, actor_id, project_id, task_id, data)
    SELECT {event_id}::uuid, {event_type}, $1::uuid, t.project_id, t.id,
           json_build_object('task', row_to_json(t))
    FROM (SELECT
    -- use: task_columns
    FROM written t) t
)


-- name: task_get
-- lane: read
SELECT
-- use: task_columns
FROM task.tasks t
JOIN task.members m ON m.user_id = $1 AND m.project_id = t.project_id
WHERE t.id = $2 AND t.deleted_at IS NULL


-- A page begins after the row of the cursor: ($4, $5) is its key and id, or
-- what comes before every row.  Of each project of the caller the first rows
-- are taken, then those are merged.  $2 are the statuses wanted or null,
-- $3 one more than the page holds.

-- template: task_list
SELECT
-- use: task_columns
    , {cursor} AS _key
FROM task.members m
CROSS JOIN LATERAL (
    SELECT *
    FROM task.tasks t
    WHERE t.project_id = m.project_id
      AND t.deleted_at IS NULL
      AND ({key}, t.id) {after} ($4::{type}, $5::uuid)
      AND ($2::task.status[] IS NULL OR t.status = ANY ($2))
    ORDER BY {key} {order}, t.id {order}
    LIMIT $3::bigint
) t
WHERE m.user_id = $1
ORDER BY {key} {order}, t.id {order}
LIMIT $3::bigint

-- Ids are in the order of creation, see docs/architecture.md.

-- name: task_list_created_at_asc
-- lane: read
-- with key: t.id
-- with type: uuid
-- with cursor: NULL::text
-- with after: >
-- with order: ASC
-- use: task_list

-- name: task_list_created_at_desc
-- lane: read
-- with key: t.id
-- with type: uuid
-- with cursor: NULL::text
-- with after: <
-- with order: DESC
-- use: task_list

-- name: task_list_updated_at_asc
-- lane: read
-- with key: t.updated_at
-- with type: timestamptz
-- with cursor: t.updated_at::text
-- with after: >
-- with order: ASC
-- use: task_list

-- name: task_list_updated_at_desc
-- lane: read
-- with key: t.updated_at
-- with type: timestamptz
-- with cursor: t.updated_at::text
-- with after: <
-- with order: DESC
-- use: task_list

-- No due date comes last, whichever way.

-- name: task_list_due_at_asc
-- lane: read
-- with key: coalesce(t.due_at, 'infinity')
-- with type: timestamptz
-- with cursor: coalesce(t.due_at, 'infinity')::text
-- with after: >
-- with order: ASC
-- use: task_list

-- name: task_list_due_at_desc
-- lane: read
-- with key: coalesce(t.due_at, '-infinity')
-- with type: timestamptz
-- with cursor: coalesce(t.due_at, '-infinity')::text
-- with after: <
-- with order: DESC
-- use: task_list

-- name: task_list_priority_asc
-- lane: read
-- with key: t.priority
-- with type: task.priority
-- with cursor: t.priority::text
-- with after: >
-- with order: ASC
-- use: task_list

-- name: task_list_priority_desc
-- lane: read
-- with key: t.priority
-- with type: task.priority
-- with cursor: t.priority::text
-- with after: <
-- with order: DESC
-- use: task_list


-- $2 id, $3 created_at, $4 project or null for the Inbox, $5 title,
-- $6 description, $7 status, $8 priority, $9 labels, $10 due_at, $11 assignee,
-- $12 id of the event

-- template: task_inbox
    (SELECT p.id FROM task.projects p WHERE p.owner_id = $1 AND p.inbox)

-- template: task_place
place AS (
    SELECT m.project_id AS id, m.role
    FROM task.members m
    WHERE m.user_id = $1
      AND m.project_id = coalesce($4::uuid,
    -- use: task_inbox
          )
), verdict AS (
    SELECT p.id AS project_id,
           CASE WHEN p.id IS NULL THEN '/project_id not_found'
                WHEN p.role = 'viewer' THEN 'forbidden'
                WHEN $11::uuid IS NOT NULL
                     AND NOT EXISTS (SELECT FROM task.members a
                                     WHERE a.user_id = $11
                                       AND a.project_id = p.id)
                     THEN '/assignee_id not_a_member'
                ELSE 'ok'
           END AS outcome
    FROM (SELECT) one LEFT JOIN place p ON true
)

-- template: task_insert
    INSERT INTO task.tasks
        (id, project_id, title, description, status, priority, labels, due_at,
         assignee_id, created_by, completed_at, created_at, updated_at)

-- what is new, of {id}, {time} and {project}

-- template: task_new
    SELECT {id} AS id, {project} AS project_id, $5 AS title, $6 AS description,
           $7::task.status AS status, $8::task.priority AS priority,
           $9::text[] AS labels, $10::timestamptz AS due_at,
           $11::uuid AS assignee_id, $1::uuid AS created_by,
           CASE WHEN $7::task.status = 'done' THEN {time} END AS completed_at,
           {time} AS created_at, {time} AS updated_at


-- name: task_create
-- lane: write
-- with id: $2::uuid
-- with time: $3::timestamptz
-- with project: v.project_id
-- with event_id: $12
-- with event_type: 'task.created'
WITH
-- use: task_place
, written AS (
    -- use: task_insert
    -- use: task_new
    FROM verdict v
    WHERE v.outcome = 'ok'
    RETURNING *
)
-- use: task_event
SELECT v.outcome AS _outcome,
-- use: task_columns
FROM verdict v LEFT JOIN written t ON true


-- The same with an Idempotency-Key: $13, and $14 the fingerprint.  The answer
-- is what was new, not what became of it; its project is the one asked for or
-- the Inbox, which stays.

-- name: task_create_keyed
-- lane: write
-- with key: $13
-- with fingerprint: $14
-- with ids: ARRAY[$2::uuid]
-- with created: $3::timestamptz
-- with details: NULL::jsonb
-- with id: m.ids[1]
-- with time: m.created_at
-- with project: p.id
-- with event_id: $12
-- with event_type: 'task.created'
WITH
-- use: key_turn
,
-- use: task_place
-- use: key_claim
, new AS (
    -- use: task_new
           , 1::bigint AS version
    FROM made m
    CROSS JOIN (SELECT coalesce($4::uuid,
    -- use: task_inbox
                ) AS id) p
    WHERE m.outcome = 'ok'
), written AS (
    -- use: task_insert
    SELECT n.id, n.project_id, n.title, n.description, n.status, n.priority,
           n.labels, n.due_at, n.assignee_id, n.created_by, n.completed_at,
           n.created_at, n.updated_at
    FROM new n JOIN made m ON NOT m.replayed
    RETURNING *
)
-- use: task_event
SELECT m.outcome AS _outcome, m.replayed AS _replayed,
-- use: task_columns
FROM made m LEFT JOIN new t ON true


-- PUT, PATCH, complete and reopen.  $2 id, $3 versions that may be changed or
-- null, $4 which fields are given (a bit each, in the order of $5 .. $12),
-- $5 project, $6 title, $7 description, $8 status, $9 priority, $10 labels,
-- $11 due_at, $12 assignee, $13 id of the event, $14 null, or true to leave a
-- task alone that is open.
--
-- "seen" locks the row and so sees its latest version, whatever was committed
-- since the statement began.  What changes nothing makes no new version and no
-- event.

-- name: task_update
-- lane: write
-- with event_id: $13
-- with event_type: (SELECT v.event FROM verdict v)
WITH seen AS (
    SELECT t.*, m.role
    FROM task.tasks t
    JOIN task.members m ON m.user_id = $1 AND m.project_id = t.project_id
    WHERE t.id = $2 AND t.deleted_at IS NULL
    FOR UPDATE OF t
), wanted AS (
    SELECT CASE WHEN $4::int & 1 <> 0 THEN $5::uuid
                ELSE s.project_id END AS project_id,
           CASE WHEN $4 & 2 <> 0 THEN $6::text
                ELSE s.title END AS title,
           CASE WHEN $4 & 4 <> 0 THEN $7::text
                ELSE s.description END AS description,
           CASE WHEN $14::boolean AND s.status IN ('todo', 'in_progress')
                THEN s.status
                WHEN $4 & 8 <> 0 THEN $8::task.status
                ELSE s.status END AS status,
           CASE WHEN $4 & 16 <> 0 THEN $9::task.priority
                ELSE s.priority END AS priority,
           CASE WHEN $4 & 32 <> 0 THEN $10::text[]
                ELSE s.labels END AS labels,
           CASE WHEN $4 & 64 <> 0 THEN $11::timestamptz
                ELSE s.due_at END AS due_at,
           CASE WHEN $4 & 128 <> 0 THEN $12::uuid
                ELSE s.assignee_id END AS assignee_id
    FROM seen s
), place AS (
    SELECT m.project_id AS id, m.role
    FROM task.members m
    WHERE m.user_id = $1
      AND m.project_id = (SELECT w.project_id FROM wanted w)
), verdict AS (
    SELECT CASE WHEN s.role = 'viewer' THEN 'forbidden'
                WHEN s.version <> ALL ($3::bigint[]) THEN 'version_mismatch'
                WHEN p.id IS NULL THEN '/project_id not_found'
                WHEN p.role = 'viewer' THEN 'forbidden'
                WHEN w.assignee_id IS NOT NULL
                     AND NOT EXISTS (SELECT FROM task.members a
                                     WHERE a.user_id = w.assignee_id
                                       AND a.project_id = w.project_id)
                     THEN '/assignee_id not_a_member'
                ELSE 'ok'
           END AS outcome,
           (w.project_id, w.title, w.description, w.status, w.priority,
            w.labels, w.due_at, w.assignee_id)
           IS DISTINCT FROM
           (s.project_id, s.title, s.description, s.status, s.priority,
            s.labels, s.due_at, s.assignee_id) AS changed,
           CASE WHEN w.status = s.status THEN 'task.updated'
                WHEN w.status = 'done' THEN 'task.completed'
                WHEN s.status IN ('done', 'cancelled')
                     AND w.status IN ('todo', 'in_progress')
                     THEN 'task.reopened'
                ELSE 'task.updated'
           END AS event
    FROM seen s
    CROSS JOIN wanted w
    LEFT JOIN place p ON true
), written AS (
    UPDATE task.tasks t
    SET project_id = w.project_id,
        title = w.title,
        description = w.description,
        status = w.status,
        priority = w.priority,
        labels = w.labels,
        due_at = w.due_at,
        assignee_id = w.assignee_id,
        completed_at = CASE WHEN w.status = 'done'
                            THEN coalesce(s.completed_at, now()) END,
        updated_at = greatest(now(), s.updated_at),
        version = s.version + 1
    FROM seen s, wanted w, verdict v
    WHERE t.id = s.id AND v.outcome = 'ok' AND v.changed
    RETURNING t.*
)
-- use: task_event
SELECT v.outcome AS _outcome,
-- use: task_columns
FROM verdict v
LEFT JOIN LATERAL (
    SELECT
    -- use: task_columns
    FROM written t
    UNION ALL
    SELECT
    -- use: task_columns
    FROM seen t
    WHERE NOT v.changed
) t ON v.outcome = 'ok'


-- The row stays as a tombstone.  $2 id, $3 versions that may be deleted or
-- null, $4 id of the event

-- name: task_delete
-- lane: write
-- with event_id: $4
-- with event_type: 'task.deleted'
WITH seen AS (
    SELECT t.id, t.version, t.updated_at, m.role
    FROM task.tasks t
    JOIN task.members m ON m.user_id = $1 AND m.project_id = t.project_id
    WHERE t.id = $2 AND t.deleted_at IS NULL
    FOR UPDATE OF t
), verdict AS (
    SELECT CASE WHEN s.role = 'viewer' THEN 'forbidden'
                WHEN s.version <> ALL ($3::bigint[]) THEN 'version_mismatch'
                ELSE 'ok'
           END AS outcome
    FROM seen s
), written AS (
    UPDATE task.tasks t
    SET deleted_at = greatest(now(), s.updated_at),
        updated_at = greatest(now(), s.updated_at),
        version = s.version + 1
    FROM seen s, verdict v
    WHERE t.id = s.id AND v.outcome = 'ok'
    RETURNING t.*
)
-- use: task_event
SELECT v.outcome AS _outcome
FROM verdict v
