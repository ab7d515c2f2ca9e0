-- Statements of projects and their members.
--
-- $1 is the caller, as in task.sql.  What has to see several rows as they are
-- after a lock is a function, see sql/deploy/projects.sql.


-- The caller's projects, with the role they have in each.

-- template: project_mine
    SELECT p.*, m.role
    FROM task.members m
    JOIN task.projects p ON p.id = m.project_id
    WHERE m.user_id = $1


-- name: project_get
-- lane: read
SELECT
-- columns: task_project p
FROM (
-- use: project_mine
      AND m.project_id = $2
) p


-- $2 one more than the page holds, ($3, $4) key and id of the row that the page
-- begins after, or nulls, $5 the filters.  A user has few projects: all are
-- read for a page.

-- name: project_list
-- lane: read
-- sorts: task_project p
SELECT
-- columns: task_project p
    , {cursor} AS _key
FROM (
-- use: project_mine
) p
WHERE ($4::uuid IS NULL OR ({key}, p.id) {after} ($3::{type}, $4::uuid))
-- filters: task_project $5 p
ORDER BY {key} {order}, p.id {order}
LIMIT $2::bigint


-- $2 id, $3 created_at, $4 the fields

-- name: project_create
-- lane: write
WITH written AS (
    INSERT INTO task.projects (id, owner_id, created_at, updated_at,
    -- names: task_project
                              )
    SELECT $2::uuid, $1::uuid, $3::timestamptz, $3::timestamptz,
    -- values: task_project $4
    RETURNING *
), membership AS (
    INSERT INTO task.members (project_id, user_id, role)
    SELECT w.id, w.owner_id, 'owner'
    FROM written w
)
SELECT
-- columns: task_project p
FROM (SELECT w.*, 'owner'::task.role AS role FROM written w) p


-- PUT and PATCH.  $2 id, $3 versions that may be changed or null, $4 which
-- fields are given (a bit each), $5 the fields.  See task_update.

-- name: project_update
-- lane: write
WITH seen AS (
    -- use: project_mine
      AND p.id = $2 AND p.deleted_at IS NULL
    FOR NO KEY UPDATE OF p
), wanted AS (
    SELECT
    -- patch: task_project $4::int $5 s
    FROM seen s
), verdict AS (
    SELECT CASE WHEN s.role = 'viewer' THEN 'forbidden'
                WHEN s.version <> ALL ($3::bigint[]) THEN 'version_mismatch'
                ELSE 'ok'
           END AS outcome,
           ROW (
           -- names: task_project w
           ) IS DISTINCT FROM ROW (
           -- names: task_project s
           ) AS changed
    FROM seen s
    CROSS JOIN wanted w
), written AS (
    UPDATE task.projects p
    SET
    -- set: task_project w
        , updated_at = greatest(now(), s.updated_at),
        version = s.version + 1
    FROM seen s, wanted w, verdict v
    WHERE p.id = s.id AND v.outcome = 'ok' AND v.changed
    RETURNING p.*, s.role
)
SELECT v.outcome AS _outcome,
-- columns: task_project p
FROM verdict v
LEFT JOIN LATERAL (
    SELECT * FROM written
    UNION ALL
    SELECT * FROM seen WHERE NOT v.changed
) p ON v.outcome = 'ok'


-- $2 id, $3 versions that may be deleted or null

-- name: project_delete
-- lane: write
SELECT o AS _outcome
FROM task.delete_project($1, $2, $3) o
WHERE o IS NOT NULL


-- Members.

-- template: member_columns
    m.user_id, m.email, m.name, m.role, m.added_at


-- $2 project, $3 one more than the page holds, ($4, $5) when and who the page
-- begins after.

-- name: member_list
-- lane: read
SELECT CASE WHEN m.user_id IS NULL THEN 'empty' ELSE 'ok' END AS _outcome,
-- use: member_columns
    , m.added_at::text AS _key, m.user_id AS _id
FROM task.members caller
LEFT JOIN LATERAL (
    SELECT m.user_id, u.email, u.name, m.role, m.added_at
    FROM task.members m
    JOIN auth.users u ON u.id = m.user_id
    WHERE m.project_id = caller.project_id
      AND (m.added_at, m.user_id) > ($4::timestamptz, $5::uuid)
    ORDER BY m.added_at, m.user_id
    LIMIT $3::bigint
) m ON true
WHERE caller.user_id = $1 AND caller.project_id = $2
ORDER BY m.added_at, m.user_id


-- $2 project, $3 e-mail or null, $4 user or null, $5 role, $6 id of the event
--
-- The user is locked, so as not to leave meanwhile, and then the project, so as
-- not to be deleted: in that order, as auth.delete_user() does.

-- name: member_add
-- lane: write
WITH whom AS MATERIALIZED (
    SELECT u.id, u.email, u.name
    FROM auth.users u
    WHERE (lower(u.email) = lower($3::text) OR u.id = $4::uuid)
      AND u.disabled_at IS NULL
    FOR SHARE
), place AS MATERIALIZED (
    SELECT p.id, p.inbox, m.role
    FROM task.members m
    JOIN task.projects p ON p.id = m.project_id
    WHERE m.user_id = $1 AND m.project_id = $2 AND p.deleted_at IS NULL
      -- asks first for the user
      AND (SELECT count(*) FROM whom) >= 0
    FOR KEY SHARE OF p
), verdict AS (
    SELECT p.id AS project_id, w.id AS user_id, w.email, w.name,
           CASE WHEN p.role <> 'owner' THEN 'forbidden'
                WHEN p.inbox THEN 'inbox_not_shared'
                WHEN w.id IS NOT NULL THEN 'ok'
                WHEN $3 IS NULL THEN '/user_id not_found'
                ELSE '/email not_found'
           END AS outcome
    FROM place p LEFT JOIN whom w ON true
), written AS (
    INSERT INTO task.members (project_id, user_id, role)
    SELECT v.project_id, v.user_id, $5::task.role
    FROM verdict v
    WHERE v.outcome = 'ok'
    ON CONFLICT DO NOTHING
    RETURNING user_id, role, added_at
), added AS (
    SELECT v.project_id, v.user_id, v.email, v.name, w.role, w.added_at
    FROM verdict v CROSS JOIN written w
), event AS (
    INSERT INTO notify.outbox (id, type, actor_id, project_id, data)
    SELECT $6::uuid, 'project.member_added', $1::uuid, a.project_id,
           json_build_object('member', row_to_json(m))
    FROM added a
    CROSS JOIN LATERAL (SELECT a.user_id, a.email, a.name, a.role,
                               a.added_at) m
)
SELECT CASE WHEN v.outcome = 'ok' AND m.user_id IS NULL THEN 'already_member'
            ELSE v.outcome END AS _outcome,
-- use: member_columns
    , m.user_id AS _id
FROM verdict v LEFT JOIN added m ON true


-- $2 project, $3 member, $4 role or null

-- name: member_update
-- lane: write
SELECT m.outcome AS _outcome,
-- use: member_columns
FROM task.change_member($1, $2, $3, $4) m


-- $2 project, $3 member

-- name: member_delete
-- lane: write
SELECT o AS _outcome
FROM task.remove_member($1, $2, $3) o
WHERE o IS NOT NULL
