-- Statements of ngx_task_module: many tasks at once, all of them or none.
--
-- What is asked for comes in arrays, an element for each task; $1 is the caller.
-- "verdict" is one row for all: its outcome is 'ok' or every fault that only
-- the database knows, with commas between them.


-- $2 ids, in the order asked, $3 created_at, $4 ids of the events, {fields} on:
-- the fields; without a project, the Inbox

-- template: task_bulk_given
asked AS (
    SELECT a.id, a.event_id, a.n,
    -- items: task a
    FROM unnest($2::uuid[], $4::uuid[],
    -- arrays: task {fields}
    ) WITH ORDINALITY a (id, event_id,
    -- names: task
    , n)
), given AS (
    SELECT a.id, a.event_id, a.n,
    -- names: task a project_id=coalesce(a.project_id,i.id)
    FROM asked a LEFT JOIN
    -- use: task_inbox
    i ON true
), placed AS (
    SELECT g.n, g.project_id, g.assignee_id, m.role
    FROM given g
    LEFT JOIN task.members m ON m.user_id = $1 AND m.project_id = g.project_id
), held AS MATERIALIZED (
    SELECT p.project_id, p.assignee_id,
           task.hold_member(p.project_id, p.assignee_id) AS held
    FROM (SELECT DISTINCT p.project_id, p.assignee_id
          FROM placed p
          WHERE p.assignee_id IS NOT NULL AND p.role <> 'viewer') p
), verdict AS (
    SELECT coalesce(string_agg('/tasks/' || p.n - 1 || p.fault, ','
                               ORDER BY p.n), 'ok') AS outcome
    FROM (SELECT p.n,
                 CASE WHEN p.role IS NULL THEN '/project_id not_found'
                      WHEN p.role = 'viewer' THEN '/project_id forbidden'
                      WHEN NOT h.held THEN '/assignee_id not_a_member'
                 END AS fault
          FROM placed p
          LEFT JOIN held h ON h.project_id = p.project_id
                              AND h.assignee_id = p.assignee_id) p
)

-- what is new, of {id} and {time}

-- template: task_bulk_new
    SELECT {id} AS id, $1::uuid AS created_by,
           CASE WHEN g.status = 'done' THEN {time} END AS completed_at,
           {time} AS created_at, {time} AS updated_at,
    -- names: task g

-- template: task_bulk_created
, event AS (
    INSERT INTO notify.outbox (id, type, actor_id, project_id, task_id, data,
                               trace)
    SELECT g.event_id, 'task.created', $1::uuid, t.project_id, t.id,
           json_build_object('task', row_to_json(t)), $trace::text
    FROM (SELECT
    -- event: task t
    FROM written t) t JOIN given g ON g.id = t.id
    -- use: event_made
)


-- The ids are in the order asked.

-- name: task_bulk_create
-- lane: write
-- with fields: $5
-- with id: g.id
-- with time: $3::timestamptz
WITH
-- use: task_bulk_given
, written AS (
    -- use: task_insert
    -- use: task_bulk_new
    FROM given g JOIN verdict v ON v.outcome = 'ok'
    RETURNING *
)
-- use: task_bulk_created
SELECT v.outcome AS _outcome,
-- columns: task t
-- use: event_told
    , 'task' AS _event_noun
FROM verdict v
LEFT JOIN written t ON true
LEFT JOIN event e ON e.task_id = t.id
ORDER BY t.id


-- The same with an Idempotency-Key: $5, and $6 the fingerprint.  The answer is
-- what was new: the fields of the request, with the ids of the first time.

-- name: task_bulk_create_keyed
-- lane: write
-- with key: $5
-- with fingerprint: $6
-- with fields: $7
-- with ids: $2::uuid[]
-- with created: $3::timestamptz
-- with details: NULL::jsonb
-- with id: k.id
-- with time: m.created_at
WITH
-- use: key_turn
,
-- use: task_bulk_given
-- use: key_claim
, new AS (
    -- use: task_bulk_new
           , 1::bigint AS version
    FROM made m
    CROSS JOIN unnest(m.ids) WITH ORDINALITY k (id, n)
    JOIN given g ON g.n = k.n
    WHERE m.outcome = 'ok'
), written AS (
    -- use: task_insert
    SELECT n.id, n.created_by, n.completed_at, n.created_at, n.updated_at,
    -- names: task n
    FROM new n JOIN made m ON NOT m.replayed
    RETURNING *
)
-- use: task_bulk_created
SELECT m.outcome AS _outcome, m.replayed AS _replayed,
-- columns: task t
-- use: event_told
    , 'task' AS _event_noun
FROM made m
LEFT JOIN new t ON true
LEFT JOIN event e ON e.task_id = t.id
ORDER BY t.id


-- $2 ids, $3 ids of the events, $4 which fields are given (a bit each), $5 on:
-- the fields.
--
-- "seen" locks the rows in the order of their ids, whatever order was asked
-- for: so two of these can't wait for each other.  The role is a subquery of
-- its own since PostgreSQL asks that again when it waited for a row that was
-- moved meanwhile.  That a task is not deleted is said so that no partial index
-- has it: PostgreSQL would read that index whole to intersect it with the ids.
-- Tasks that need not change make no version and no event.

-- name: task_bulk_update
-- lane: write
WITH asked AS (
    SELECT a.id, a.event_id, a.n
    FROM unnest($2::uuid[], $3::uuid[]) WITH ORDINALITY a (id, event_id, n)
), given AS (
    SELECT
    -- values: task $5
), place AS (
    SELECT CASE WHEN g.project_id IS NULL OR m.role <> 'viewer' THEN NULL
                WHEN m.role = 'viewer' THEN '/patch/project_id forbidden'
                ELSE '/patch/project_id not_found'
           END AS fault
    FROM given g
    LEFT JOIN task.members m ON m.user_id = $1 AND m.project_id = g.project_id
), seen AS (
    SELECT
    -- use: task_role
    AS role,
    -- columns: task t
    FROM task.tasks t
    WHERE t.id = ANY ($2)
      AND coalesce(t.deleted_at, 'infinity') = 'infinity'
      AND
    -- use: task_role
      IS NOT NULL
    ORDER BY t.id
    FOR UPDATE OF t
), wanted AS (
    SELECT s.id,
    -- patch: task $4::int $5 s
    FROM seen s
), held AS MATERIALIZED (
    SELECT w.project_id, w.assignee_id,
           task.hold_member(w.project_id, w.assignee_id) AS held
    FROM (SELECT DISTINCT w.project_id, w.assignee_id
          FROM seen s
          JOIN wanted w ON w.id = s.id
          JOIN place p ON p.fault IS NULL
          WHERE s.role <> 'viewer'
            AND w.assignee_id IS NOT NULL
            AND (w.assignee_id, w.project_id)
                IS DISTINCT FROM (s.assignee_id, s.project_id)) w
), judged AS (
    SELECT a.id, a.event_id, a.n,
           CASE WHEN s.id IS NULL THEN ' not_found'
                WHEN s.role = 'viewer' THEN ' forbidden'
                WHEN NOT h.held
                     AND (w.assignee_id, w.project_id)
                         IS DISTINCT FROM (s.assignee_id, s.project_id)
                     THEN ' not_a_member'
           END AS fault,
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
           AS changes, s.completed_at, s.updated_at, s.version,
           s.project_id AS before_id,
    -- names: task w
    FROM asked a
    LEFT JOIN seen s ON s.id = a.id
    LEFT JOIN wanted w ON w.id = a.id
    LEFT JOIN held h ON h.project_id = w.project_id
                        AND h.assignee_id = w.assignee_id
), verdict AS (
    SELECT coalesce(nullif(concat_ws(',',
               string_agg('/ids/' || j.n - 1 || j.fault, ',' ORDER BY j.n)
                   FILTER (WHERE j.fault <> ' not_a_member'
                                 OR g.assignee_id IS NULL),
               min(p.fault),
               CASE WHEN bool_or(j.fault = ' not_a_member'
                                 AND g.assignee_id IS NOT NULL)
                    THEN '/patch/assignee_id not_a_member' END
           ), ''), 'ok') AS outcome
    FROM judged j CROSS JOIN given g CROSS JOIN place p
), written AS (
    UPDATE task.tasks t
    SET
    -- set: task w
        , completed_at = CASE WHEN w.status = 'done'
                              THEN coalesce(w.completed_at, now()) END,
        updated_at = greatest(now(), w.updated_at),
        version = w.version + 1,
        changed = pg_current_xact_id()
    FROM judged w, verdict v
    WHERE t.id = w.id AND v.outcome = 'ok' AND w.changes IS NOT NULL
    RETURNING w.n, w.event_id, w.event, w.changes, w.before_id,
    -- columns: task t
), departed AS (
    INSERT INTO task.departures (project_id, task_id, moved_at)
    SELECT w.before_id, w.id, w.updated_at
    FROM written w
    WHERE w.project_id <> w.before_id
    ON CONFLICT (project_id, task_id) DO UPDATE
    SET moved_at = excluded.moved_at, changed = excluded.changed
), event AS (
    INSERT INTO notify.outbox (id, type, actor_id, project_id, task_id, data,
                               trace)
    SELECT w.event_id, w.event, $1::uuid, w.project_id, w.id,
           json_build_object('task', (SELECT row_to_json(t) FROM (SELECT
    -- event: task w
           ) t), 'changes', w.changes), $trace::text
    FROM written w
    -- use: event_made
)
SELECT v.outcome AS _outcome,
-- columns: task t
-- use: event_told
    , 'task' AS _event_noun, t.changes AS _event_changes
FROM verdict v
LEFT JOIN (
    SELECT t.n, t.changes,
    -- columns: task t
    FROM written t
    UNION ALL
    SELECT j.n, j.changes,
    -- columns: task t
    FROM judged j JOIN seen t ON t.id = j.id
    WHERE j.changes IS NULL
) t ON v.outcome = 'ok'
LEFT JOIN event e ON e.task_id = t.id
ORDER BY t.n
