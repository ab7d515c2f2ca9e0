-- Statements of ngx_task_module: tasks.
--
-- $1 is always the caller.  Who may see or change a thing is decided in the
-- same statement that reads or changes it, and so is its event written.
-- "_outcome" tells what became of it, see ngx_api_response.h.  A project that
-- was deleted has no members, so membership alone is asked for.


-- template: task_event
, event AS (
    INSERT INTO notify.outbox (id, type, actor_id, project_id, task_id, data)
    SELECT {event_id}::uuid, {event_type}, $1::uuid, t.project_id, t.id,
           json_build_object('task', row_to_json(t))
    FROM (SELECT
    -- columns: task t
    FROM written t) t
)


-- name: task_get
-- lane: read
SELECT
-- columns: task t
FROM task.tasks t
JOIN task.members m ON m.user_id = $1 AND m.project_id = t.project_id
WHERE t.id = $2 AND t.deleted_at IS NULL


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
-- columns: task t
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
-- columns: task t
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
        version = s.version + 1,
        changed = pg_current_xact_id()
    FROM seen s, wanted w, verdict v
    WHERE t.id = s.id AND v.outcome = 'ok' AND v.changed
    RETURNING t.*
), departed AS (
    INSERT INTO task.departures (project_id, task_id, moved_at)
    SELECT s.project_id, t.id, t.updated_at
    FROM seen s JOIN written t ON t.project_id <> s.project_id
    ON CONFLICT (project_id, task_id) DO UPDATE
    SET moved_at = excluded.moved_at, changed = excluded.changed
)
-- use: task_event
SELECT v.outcome AS _outcome,
-- columns: task t
FROM verdict v
LEFT JOIN LATERAL (
    SELECT
    -- columns: task t
    FROM written t
    UNION ALL
    SELECT
    -- columns: task t
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
        version = s.version + 1,
        changed = pg_current_xact_id()
    FROM seen s, verdict v
    WHERE t.id = s.id AND v.outcome = 'ok'
    RETURNING t.*
)
-- use: task_event
SELECT v.outcome AS _outcome
FROM verdict v
