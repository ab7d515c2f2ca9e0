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
-- arguments: task_project $5
-- filters: task_project p
ORDER BY {key} {order}, p.id {order}
LIMIT $2::bigint


-- $2 id, $3 created_at, then the fields

-- template: project_insert
    INSERT INTO task.projects (id, owner_id, created_at, updated_at,
    -- names: task_project
                              )

-- what is new, of {id} and {time}

-- template: project_new
    SELECT {id} AS id, $1::uuid AS owner_id, {time} AS created_at,
           {time} AS updated_at,
    -- values: task_project {fields}

-- The caller is locked, so as not to delete their account meanwhile: the
-- project would be nobody's for good.  No row: there is no such account.

-- template: project_caller
    FROM auth.users u
    WHERE u.id = $1 AND u.disabled_at IS NULL
    FOR SHARE

-- template: project_membership
, membership AS (
    INSERT INTO task.members (project_id, user_id, role)
    SELECT w.id, w.owner_id, 'owner'
    FROM written w
)


-- name: project_create
-- lane: write
-- with fields: $4
-- with id: $2::uuid
-- with time: $3::timestamptz
WITH caller AS MATERIALIZED (
    SELECT
    -- use: project_caller
), written AS (
    -- use: project_insert
    -- use: project_new
    FROM caller
    RETURNING *
)
-- use: project_membership
SELECT
-- columns: task_project p
FROM (SELECT w.*, 'owner'::task.role AS role FROM written w) p


-- The same with an Idempotency-Key: $4, and $5 the fingerprint.  See key.sql.

-- name: project_create_keyed
-- lane: write
-- with key: $4
-- with fingerprint: $5
-- with fields: $6
-- with ids: ARRAY[$2::uuid]
-- with created: $3::timestamptz
-- with details: NULL::jsonb
-- with id: m.ids[1]
-- with time: m.created_at
WITH
-- use: key_turn
, verdict AS MATERIALIZED (
    SELECT 'ok' AS outcome
    -- use: project_caller
)
-- use: key_claim
, new AS (
    -- use: project_new
           , 'owner'::task.role AS role, 1::bigint AS version
    FROM made m
    WHERE m.outcome = 'ok'
), written AS (
    -- use: project_insert
    SELECT n.id, n.owner_id, n.created_at, n.updated_at,
    -- names: task_project n
    FROM new n JOIN made m ON NOT m.replayed
    RETURNING *
)
-- use: project_membership
SELECT m.outcome AS _outcome, m.replayed AS _replayed,
-- columns: task_project p
FROM made m LEFT JOIN new p ON true


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
-- not to be deleted: in that order, as auth.delete_user() does.  The members of
-- a locked project stay the same: who is one is asked for then, by a function,
-- since that sees the latest.

-- template: member_place
whom AS MATERIALIZED (
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
    FOR NO KEY UPDATE OF p
), verdict AS MATERIALIZED (
    SELECT w.id AS user_id, w.email, w.name,
           CASE WHEN p.role <> 'owner' THEN 'forbidden'
                WHEN p.inbox THEN 'inbox_not_shared'
                WHEN w.id IS NULL AND $3 IS NULL THEN '/user_id not_found'
                WHEN w.id IS NULL THEN '/email not_found'
                WHEN task.hold_member(p.id, w.id) THEN 'already_member'
                ELSE 'ok'
           END AS outcome
    FROM place p LEFT JOIN whom w ON true
)

-- template: member_insert
, written AS (
    INSERT INTO task.members (project_id, user_id, role)
    SELECT $2::uuid, n.user_id, n.role
    FROM new n
    {fresh}
    RETURNING user_id
), event AS (
    INSERT INTO notify.outbox (id, type, actor_id, project_id, data, trace)
    SELECT $6::uuid, 'project.member_added', $1::uuid, $2::uuid,
           json_build_object('member', row_to_json(m)), $trace::text
    FROM (SELECT m.user_id, m.email, m.name, m.role,
                 notify.time(m.added_at) AS added_at
          FROM new m JOIN written w ON w.user_id = m.user_id) m
    -- use: event_made
)


-- name: member_add
-- lane: write
-- with fresh: WHERE true
WITH
-- use: member_place
, new AS (
    SELECT v.user_id, v.email, v.name, $5::task.role AS role, now() AS added_at
    FROM verdict v
    WHERE v.outcome = 'ok'
)
-- use: member_insert
SELECT v.outcome AS _outcome,
-- use: member_columns
    , m.user_id AS _id
-- use: event_told
    , 'member' AS _event_noun
FROM verdict v
LEFT JOIN new m ON true
LEFT JOIN event e ON true


-- The same with an Idempotency-Key: $7, and $8 the fingerprint.  See key.sql.
-- What the member is called is kept: it may change, the answer may not.

-- name: member_add_keyed
-- lane: write
-- with key: $7
-- with fingerprint: $8
-- with ids: ARRAY[(SELECT v.user_id FROM verdict v)]
-- with created: now()
-- with details: (SELECT to_jsonb(v) FROM (SELECT email, name FROM verdict) v)
-- with fresh: JOIN made ON NOT made.replayed
WITH
-- use: key_turn
,
-- use: member_place
-- use: key_claim
, new AS (
    SELECT m.ids[1] AS user_id, m.details ->> 'email' AS email,
           m.details ->> 'name' AS name, $5::task.role AS role,
           m.created_at AS added_at
    FROM made m
    WHERE m.outcome = 'ok'
)
-- use: member_insert
SELECT k.outcome AS _outcome, k.replayed AS _replayed,
-- use: member_columns
    , m.user_id AS _id
-- use: event_told
    , 'member' AS _event_noun
FROM made k
LEFT JOIN new m ON true
LEFT JOIN event e ON true


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
FROM task.remove_member(
-- use: traced
    , $2, $3) o
WHERE o IS NOT NULL
