-- Statements of ngx_task_module: tasks.
--
-- $1 is always the caller.  Who may see or change a thing is decided in the
-- same statement that reads or changes it, and so is its event written.
-- "_outcome" tells what became of it, see ngx_api_response.h.  A project that
-- was deleted has no members, so membership alone is asked for.


-- template: task_event
, event AS (
    INSERT INTO notify.outbox (id, type, actor_id, project_id, task_id, data,
                               trace)
    SELECT {event_id}::uuid, {event_type}, $1::uuid, t.project_id, t.id,
           {event_data}, $trace::text
    FROM (SELECT
    -- event: {event_row}
    FROM written t) t
    -- use: event_made
)


-- The caller's role where a task is.  Beside FOR UPDATE a subquery is what is
-- evaluated anew for a row that was moved while it was waited for; of a join
-- PostgreSQL would keep the row it had found before.

-- template: task_role
    (SELECT m.role FROM task.members m
     WHERE m.user_id = $1 AND m.project_id = t.project_id)


-- name: task_get
-- lane: read
SELECT
-- columns: task t
FROM task.tasks t
JOIN task.members m ON m.user_id = $1 AND m.project_id = t.project_id
WHERE t.id = $2 AND t.deleted_at IS NULL


-- $2 id, $3 created_at, $4 id of the event, $5 created_at once more, as a text for
-- the event, which costs less than to make one of the time; {fields} on: the
-- fields; without a project, the Inbox

-- template: task_given
    (SELECT
    -- values: task {fields}
    ) g

-- template: task_inbox
    (SELECT p.id FROM task.projects p WHERE p.owner_id = $1 AND p.inbox)

-- template: task_place
place AS (
    SELECT m.project_id AS id, m.role
    FROM task.members m,
    -- use: task_given
    WHERE m.user_id = $1
      AND m.project_id = coalesce(g.project_id,
    -- use: task_inbox
          )
), verdict AS (
    SELECT p.id AS project_id,
           CASE WHEN p.id IS NULL THEN '/project_id not_found'
                WHEN p.role = 'viewer' THEN 'forbidden'
                WHEN g.assignee_id IS NOT NULL
                     AND NOT task.hold_member(p.id, g.assignee_id)
                     THEN '/assignee_id not_a_member'
                ELSE 'ok'
           END AS outcome
    FROM
    -- use: task_given
    LEFT JOIN place p ON true
)

-- what is new, of {id}, {time} and {project}

-- template: task_new
    SELECT {id} AS id, $1::uuid AS created_by,
           CASE WHEN g.status = 'done' THEN {time} END AS completed_at,
           {time} AS created_at, {time} AS updated_at,
    -- names: task g project_id={project}

-- template: task_insert
    INSERT INTO task.tasks AS t
        (id, created_by, completed_at, created_at, updated_at,
    -- names: task
        )


-- name: task_create
-- lane: write
-- with fields: $6
-- with id: $2::uuid
-- with time: $3::timestamptz
-- with project: v.project_id
-- with event_id: $4
-- with event_type: 'task.created'
-- with event_row: task t $5::text
-- with event_data: json_build_object('task', row_to_json(t))
WITH
-- use: task_place
, written AS (
    -- use: task_insert
    -- use: task_new
    FROM verdict v,
    -- use: task_given
    WHERE v.outcome = 'ok'
    RETURNING
    -- columns: task t
)
-- use: task_event
SELECT v.outcome AS _outcome,
-- columns: task t
-- use: event_told
    , 'task' AS _event_noun
FROM verdict v
LEFT JOIN written t ON true
LEFT JOIN event e ON true


-- The same with an Idempotency-Key: $6, and $7 the fingerprint.  The answer is
-- what was new, not what became of it; its project is the one asked for or the
-- Inbox, which stays.

-- name: task_create_keyed
-- lane: write
-- with key: $6
-- with fingerprint: $7
-- with fields: $8
-- with ids: ARRAY[$2::uuid]
-- with created: $3::timestamptz
-- with details: NULL::jsonb
-- with id: m.ids[1]
-- with time: m.created_at
-- with project: p.id
-- with event_id: $4
-- with event_type: 'task.created'
-- with event_row: task t $5::text
-- with event_data: json_build_object('task', row_to_json(t))
WITH
-- use: key_turn
,
-- use: task_place
-- use: key_claim
, new AS (
    -- use: task_new
           , 1::bigint AS version
    FROM made m
    CROSS JOIN
    -- use: task_given
    CROSS JOIN LATERAL (SELECT coalesce(g.project_id,
    -- use: task_inbox
                        ) AS id) p
    WHERE m.outcome = 'ok'
), written AS (
    -- use: task_insert
    SELECT n.id, n.created_by, n.completed_at, n.created_at, n.updated_at,
    -- names: task n
    FROM new n JOIN made m ON NOT m.replayed
    RETURNING
    -- columns: task t
)
-- use: task_event
SELECT m.outcome AS _outcome, m.replayed AS _replayed,
-- columns: task t
-- use: event_told
    , 'task' AS _event_noun
FROM made m
LEFT JOIN new t ON true
LEFT JOIN event e ON true


-- PUT, PATCH, complete and reopen.  $2 id, $3 versions that may be changed or
-- null, $4 which fields are given (a bit each), $5 id of the event, $6 null, or
-- true to leave a task alone that is open, $7 on: the fields.
--
-- "seen" locks the row and so sees its latest version, whatever was committed
-- since the statement began.  What changes nothing makes no new version and no
-- event.  Whoever was a member when they were assigned needs to be none now:
-- if they are about to leave, the task is unassigned when this is done.

-- name: task_update
-- lane: write
-- with event_id: $5
-- with event_type: (SELECT v.event FROM verdict v)
-- with event_row: task t
-- with diff: (SELECT v.changes FROM verdict v)
-- with event_data: json_build_object('task', row_to_json(t), 'changes', {diff})
WITH seen AS (
    SELECT
    -- use: task_role
    AS role,
    -- columns: task t
    FROM task.tasks t
    WHERE t.id = $2 AND t.deleted_at IS NULL
      AND
    -- use: task_role
      IS NOT NULL
    FOR UPDATE OF t
), wanted AS (
    SELECT
    -- patch: task s.mask $7 s
    FROM (SELECT s.*,
                 CASE WHEN $6::boolean AND s.status IN ('todo', 'in_progress')
                      THEN 0 ELSE $4::int
                 END AS mask
          FROM seen s) s
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
                     AND (w.assignee_id, w.project_id)
                         IS DISTINCT FROM (s.assignee_id, s.project_id)
                     AND NOT task.hold_member(w.project_id, w.assignee_id)
                     THEN '/assignee_id not_a_member'
                ELSE 'ok'
           END AS outcome,
           CASE WHEN w.status <> s.status AND w.status = 'done'
                     THEN 'task.completed'
                WHEN s.status IN ('done', 'cancelled')
                     AND w.status IN ('todo', 'in_progress')
                     THEN 'task.reopened'
                WHEN w.assignee_id <> s.assignee_id
                     OR w.assignee_id IS NOT NULL AND s.assignee_id IS NULL
                     THEN 'task.assigned'
                ELSE 'task.updated'
           END AS event,
    -- changes: task s w
           AS changes
    FROM seen s
    CROSS JOIN wanted w
    LEFT JOIN place p ON true
), written AS (
    UPDATE task.tasks t
    SET
    -- set: task w
        , completed_at = CASE WHEN w.status = 'done'
                              THEN coalesce(s.completed_at, now()) END,
        updated_at = greatest(now(), s.updated_at),
        version = s.version + 1,
        changed = pg_current_xact_id()
    FROM seen s, wanted w, verdict v
    WHERE t.id = s.id AND v.outcome = 'ok' AND v.changes IS NOT NULL
    RETURNING
    -- columns: task t
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
-- use: event_told
    , 'task' AS _event_noun, v.changes AS _event_changes
FROM verdict v
LEFT JOIN LATERAL (
    SELECT
    -- columns: task t
    FROM written t
    UNION ALL
    SELECT
    -- columns: task t
    FROM seen t
    WHERE v.changes IS NULL
) t ON v.outcome = 'ok'
LEFT JOIN event e ON true


-- The row stays as a tombstone.  $2 id, $3 versions that may be deleted or
-- null, $4 id of the event

-- name: task_delete
-- lane: write
-- with event_id: $4
-- with event_type: 'task.deleted'
-- with event_row: task t
-- with event_data: json_build_object('task', row_to_json(t))
WITH seen AS (
    SELECT t.id, t.version, t.updated_at,
    -- use: task_role
    AS role
    FROM task.tasks t
    WHERE t.id = $2 AND t.deleted_at IS NULL
      AND
    -- use: task_role
      IS NOT NULL
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
    RETURNING
    -- columns: task t
)
-- use: task_event
SELECT v.outcome AS _outcome,
-- columns: task t
-- use: event_told
    , 'task' AS _event_noun
FROM verdict v
LEFT JOIN written t ON true
LEFT JOIN event e ON true
