-- Statements of comments.
--
-- Who may see a task sees its comments; who may write in its project writes
-- them.  The text is its author's alone.


-- template: comment_seen
    SELECT c.*, m.role
    FROM task.comments c
    JOIN task.tasks t ON t.id = c.task_id AND t.deleted_at IS NULL
    JOIN task.members m ON m.user_id = $1 AND m.project_id = t.project_id
    WHERE c.id = $2 AND c.deleted_at IS NULL


-- name: comment_get
-- lane: read
SELECT
-- columns: task_comment c
FROM (
-- use: comment_seen
) c


-- $2 task, $3 one more than the page holds, $4 the id that the page begins
-- after.  Ids are in the order of creation.

-- name: comment_list
-- lane: read
-- sorts: task_comment c
SELECT CASE WHEN c.id IS NULL THEN 'empty' ELSE 'ok' END AS _outcome,
-- columns: task_comment c
FROM task.tasks t
JOIN task.members m ON m.user_id = $1 AND m.project_id = t.project_id
LEFT JOIN LATERAL (
    SELECT *
    FROM task.comments c
    WHERE c.task_id = t.id AND c.deleted_at IS NULL
      AND {key} {after} $4::{type}
    ORDER BY {key} {order}
    LIMIT $3::bigint
) c ON true
WHERE t.id = $2 AND t.deleted_at IS NULL
ORDER BY {key} {order}


-- $2 id, $3 created_at, $4 task, $5 body, $6 id of the event

-- template: comment_place
verdict AS (
    SELECT t.project_id,
           CASE WHEN m.role = 'viewer' THEN 'forbidden' ELSE 'ok' END AS outcome
    FROM task.tasks t
    JOIN task.members m ON m.user_id = $1 AND m.project_id = t.project_id
    WHERE t.id = $4 AND t.deleted_at IS NULL
)

-- template: comment_insert
    INSERT INTO task.comments
        (id, task_id, author_id,
    -- names: task_comment
        , created_at, updated_at)

-- what is new, of {id} and {time}

-- template: comment_new
    SELECT {id} AS id, $4::uuid AS task_id, $1::uuid AS author_id,
    -- values: task_comment $5
           , {time} AS created_at, {time} AS updated_at

-- template: comment_event
, event AS (
    INSERT INTO notify.outbox (id, type, actor_id, project_id, task_id, data,
                               trace)
    SELECT $6::uuid, 'comment.created', $1::uuid, v.project_id, c.task_id,
           json_build_object('comment', row_to_json(c)), $trace::text
    FROM verdict v
    CROSS JOIN (SELECT
    -- event: task_comment c
    FROM written c) c
    -- use: event_made
)


-- name: comment_create
-- lane: write
-- with id: $2::uuid
-- with time: $3::timestamptz
WITH
-- use: comment_place
, written AS (
    -- use: comment_insert
    -- use: comment_new
    FROM verdict v
    WHERE v.outcome = 'ok'
    RETURNING *
)
-- use: comment_event
SELECT v.outcome AS _outcome,
-- columns: task_comment c
-- use: event_told
    , 'comment' AS _event_noun
FROM verdict v
LEFT JOIN written c ON true
LEFT JOIN event e ON true


-- The same with an Idempotency-Key: $7, and $8 the fingerprint.

-- name: comment_create_keyed
-- lane: write
-- with key: $7
-- with fingerprint: $8
-- with ids: ARRAY[$2::uuid]
-- with created: $3::timestamptz
-- with details: NULL::jsonb
-- with id: m.ids[1]
-- with time: m.created_at
WITH
-- use: key_turn
,
-- use: comment_place
-- use: key_claim
, new AS (
    -- use: comment_new
           , 1::bigint AS version
    FROM made m
    WHERE m.outcome = 'ok'
), written AS (
    -- use: comment_insert
    SELECT n.id, n.task_id, n.author_id,
    -- names: task_comment n
           , n.created_at, n.updated_at
    FROM new n JOIN made m ON NOT m.replayed
    RETURNING *
)
-- use: comment_event
SELECT m.outcome AS _outcome, m.replayed AS _replayed,
-- columns: task_comment c
-- use: event_told
    , 'comment' AS _event_noun
FROM made m
LEFT JOIN new c ON true
LEFT JOIN event e ON true


-- $2 id, $3 versions that may be changed or null, $4 which fields are given (a
-- bit each, in the order of $5 ..), $5 body.  See task_update.

-- name: comment_update
-- lane: write
WITH seen AS (
    -- use: comment_seen
    FOR UPDATE OF c
), wanted AS (
    SELECT
    -- patch: task_comment $4::int $5 s
    FROM seen s
), verdict AS (
    SELECT CASE WHEN s.author_id <> $1 OR s.role = 'viewer' THEN 'forbidden'
                WHEN s.version <> ALL ($3::bigint[]) THEN 'version_mismatch'
                ELSE 'ok'
           END AS outcome,
           ROW(
    -- names: task_comment w
           ) IS DISTINCT FROM ROW(
    -- names: task_comment s
           ) AS changed
    FROM seen s
    CROSS JOIN wanted w
), written AS (
    UPDATE task.comments c
    SET
    -- set: task_comment w
        , updated_at = greatest(now(), s.updated_at),
        version = s.version + 1
    FROM seen s, wanted w, verdict v
    WHERE c.id = s.id AND v.outcome = 'ok' AND v.changed
    RETURNING c.*
)
SELECT v.outcome AS _outcome,
-- columns: task_comment c
FROM verdict v
LEFT JOIN LATERAL (
    SELECT
    -- columns: task_comment c
    FROM written c
    UNION ALL
    SELECT
    -- columns: task_comment c
    FROM seen c
    WHERE NOT v.changed
) c ON v.outcome = 'ok'


-- The row stays as a tombstone.  $2 id, $3 versions that may be deleted or null

-- name: comment_delete
-- lane: write
WITH seen AS (
    -- use: comment_seen
    FOR UPDATE OF c
), verdict AS (
    SELECT CASE WHEN s.role <> 'owner'
                     AND (s.author_id <> $1 OR s.role = 'viewer')
                     THEN 'forbidden'
                WHEN s.version <> ALL ($3::bigint[]) THEN 'version_mismatch'
                ELSE 'ok'
           END AS outcome
    FROM seen s
), written AS (
    UPDATE task.comments c
    SET deleted_at = greatest(now(), s.updated_at),
        updated_at = greatest(now(), s.updated_at),
        version = s.version + 1
    FROM seen s, verdict v
    WHERE c.id = s.id AND v.outcome = 'ok'
)
SELECT v.outcome AS _outcome
FROM verdict v
