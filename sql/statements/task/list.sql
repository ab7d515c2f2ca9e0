-- Lists of tasks.

-- A page begins after the row of the cursor: ($4, $5) is its key and id, or
-- what comes before every row.  Of each project of the caller the first rows
-- are taken, then those are merged.  $2 are the statuses wanted or null,
-- $3 one more than the page holds.
--
-- Ids are in the order of creation, see docs/architecture.md.

-- name: task_list
-- lane: read
-- sorts: task t
SELECT
-- columns: task t
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
