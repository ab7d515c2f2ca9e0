-- Incremental sync of tasks, see docs/architecture.md.
--
-- $1 the caller, $2 one more than the page holds, $3 and $4 key and id of the
-- row that the page begins after, or null, $5 whether who can't see the project
-- is to be told, $6 since when, $7 the one project or null, $8 the watermark of
-- the walk, null at its first page.
--
-- A walk is of the rows whose last transaction is below its watermark: all of
-- them have ended, so nothing can appear among them.  What is changed meanwhile
-- leaves the walk and is in the next.  A transaction that has not begun yet is
-- of another cluster, which this one was restored from.

-- template: sync_mark
mark AS MATERIALIZED (
    SELECT coalesce($8::xid8, pg_snapshot_xmin(s.now)) AS low,
           pg_snapshot_xmax(s.now) AS high
    FROM pg_current_snapshot() AS s (now)
)

-- template: sync_settled
      ({changed} < (SELECT w.low FROM mark w)
       OR {changed} >= (SELECT w.high FROM mark w))

-- template: sync_task
      AND
    -- with changed: t.changed
    -- use: sync_settled

-- template: sync_mine
    -- use: list_mine_of
      AND
    -- with changed: m.joined
    -- use: sync_settled

-- A task that left a project is told once, by its last departure from one of
-- the caller's, unless it is in another of them: then it is there by itself.
-- OFFSET keeps these two questions from becoming joins of all with all.

-- template: sync_departures
    SELECT p.key, p.id, p.moved_at
    FROM task.members m
    CROSS JOIN LATERAL (
        SELECT d.{field} AS key, d.task_id AS id, d.moved_at
        FROM task.departures d
        WHERE d.project_id = m.project_id
          AND (d.{field}, d.task_id) > ({start}, {start_id})
          AND d.{field} <= coalesce((SELECT b.key FROM bound b), {last})
          AND
    -- with changed: d.changed
    -- use: sync_settled
          AND NOT EXISTS (
              SELECT
              FROM task.tasks t
              WHERE t.id = d.task_id
                AND (SELECT true FROM task.members m
                     WHERE m.project_id = t.project_id AND
    -- use: list_mine_of
                     )
              OFFSET 0)
          AND NOT EXISTS (
              SELECT
              FROM task.departures l
              WHERE l.task_id = d.task_id
                AND (l.changed, l.moved_at, l.project_id)
                    > (d.changed, d.moved_at, d.project_id)
                AND (SELECT true FROM task.members m
                     WHERE m.project_id = l.project_id AND
    -- use: list_mine_of
                     )
              OFFSET 0)
        ORDER BY d.{field}, d.task_id
        LIMIT $2::bigint
    ) p
    WHERE
    -- use: sync_mine
    ORDER BY p.key, p.id
    LIMIT $2::bigint

-- template: sync
-- with project: $7
WITH
-- use: sync_mark
,
-- use: list_heads
SELECT CASE WHEN $5::boolean
                 AND NOT EXISTS (SELECT FROM task.members m
                                 WHERE m.user_id = $1
                                       AND m.project_id = {project})
            THEN 'not_found'
            WHEN p.id IS NULL THEN 'empty'
            ELSE 'ok' END AS _outcome,
       w.low::text AS _watermark,
       p.id AS _id,
       w.low || ' ' || p.key AS _key,
       coalesce(p.moved_at, t.deleted_at) AS _deleted_at,
-- columns: task t
FROM mark w
LEFT JOIN (
    SELECT *
    FROM ((SELECT p.key, p.id, NULL::timestamptz AS moved_at
           FROM (
    -- use: list_page
           ) p)
          UNION ALL (
    -- use: sync_departures
          )) p
    ORDER BY p.key, p.id
    LIMIT $2::bigint
) p ON true
LEFT JOIN task.tasks t ON t.id = p.id AND p.moved_at IS NULL
ORDER BY p.key, p.id


-- $6 a time: what was changed then or later, in that order

-- name: task_sync
-- lane: search
-- with field: moved_at
-- with key: t.updated_at
-- with order: ASC
-- with after: >
-- with until: <=
-- with last: 'infinity'::timestamptz
-- with start: coalesce($3::timestamptz, $6::timestamptz)
-- with start_id: coalesce($4::uuid, '00000000-0000-0000-0000-000000000000')
-- with nulls: none
-- with rows: $2::bigint
-- with live: everything
-- with projects: sync_mine
-- with where: sync_task
-- use: sync


-- $6 the watermark of an earlier walk: what was changed since, in the order of
-- transactions.  Of a project that the caller joined since then, all.  What is
-- above all transactions is of another cluster: everything.

-- name: task_sync_token
-- lane: search
-- with field: changed
-- with key: t.changed
-- with order: ASC
-- with after: >
-- with until: <=
-- with last: '18446744073709551615'::xid8
-- with token: CASE WHEN m.joined >= $6::xid8 OR $6 > (SELECT w.high FROM mark w) THEN '0'::xid8 ELSE $6 END
-- with start: greatest($3::xid8, {token})
-- with start_id: CASE WHEN $3::xid8 >= {token} THEN $4::uuid ELSE '00000000-0000-0000-0000-000000000000' END
-- with nulls: none
-- with rows: $2::bigint
-- with live: everything
-- with projects: sync_mine
-- with where: sync_task
-- use: sync
