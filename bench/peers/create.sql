-- task_create of sql/statements/task.sql, but for the event: what the peers
-- run.

WITH place AS (
    SELECT p.id, m.role
    FROM task.projects p
    JOIN task.members m ON m.user_id = $1 AND m.project_id = p.id
    WHERE p.id = coalesce($4::uuid,
                          (SELECT i.id FROM task.projects i
                           WHERE i.owner_id = $1 AND i.inbox))
      AND p.deleted_at IS NULL
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
), written AS (
    INSERT INTO task.tasks
        (id, project_id, title, description, status, priority, labels, due_at,
         assignee_id, created_by, completed_at, created_at, updated_at)
    SELECT $2::uuid, v.project_id, $5, $6, $7::task.status,
           $8::task.priority, $9::text[], $10::timestamptz, $11::uuid,
           $1::uuid,
           CASE WHEN $7::task.status = 'done' THEN $3::timestamptz END,
           $3::timestamptz, $3::timestamptz
    FROM verdict v
    WHERE v.outcome = 'ok'
    RETURNING *
)
SELECT v.outcome AS _outcome,
    t.id, t.project_id, t.title, t.description, t.status, t.priority,
    t.labels, t.due_at, t.assignee_id, t.created_by, t.completed_at,
    t.created_at, t.updated_at, t.version
FROM verdict v LEFT JOIN written t ON true
