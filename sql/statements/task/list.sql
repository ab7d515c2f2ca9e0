-- Lists of tasks, see docs/architecture.md.
--
-- $1 the caller, $2 one more than the page holds, $3 and $4 key and id of the
-- row that the page begins after, or null.
--
-- Ids are in the order of creation.


-- Of one project, m: the rows from {start}, {start_id} on, {limit} of them.
-- An index has them in this order, and in it what filters look at.

-- template: list_rows_none
    SELECT {key} AS key, t.id
    FROM task.tasks t
    WHERE t.project_id = m.project_id
    -- use: {live}
      AND ({key}, t.id) {after} ({start}, {start_id})
    -- use: {reach}_none
    -- use: {where}
    ORDER BY {key} {order}, t.id {order}
    LIMIT {limit}

-- Where the column may be null, the index has those that are not, and those
-- that are follow in the order of their ids.  An Append runs its second part
-- when the first had too few.

-- template: list_rows_last
    SELECT *
    FROM (SELECT *
          FROM (SELECT {column} AS key, t.id
                FROM task.tasks t
                WHERE t.project_id = m.project_id
    -- use: {live}
                  AND {column} IS NOT NULL
                  AND ({column}, t.id) {after} ({start}, {start_id})
    -- use: {reach}_column
    -- use: {where}
                ORDER BY {column} {order}, t.id {order}
                LIMIT {limit}) there
          UNION ALL
          SELECT *
          FROM (SELECT {last} AS key, t.id
                FROM task.tasks t
                WHERE t.project_id = m.project_id
    -- use: {live}
                  AND {column} IS NULL
                  AND t.id {after} CASE WHEN {start} = {last} THEN {start_id}
                                        ELSE {first_id} END
    -- use: {reach}_last
    -- use: {where}
                ORDER BY t.id {order}
                LIMIT {limit}) missing) two
    LIMIT {limit}

-- How far: anywhere; or to where "bound" is, within it as far as the page goes: of
-- several columns an index scan stops at the first alone.

-- template: anywhere_none
-- template: anywhere_column
-- template: anywhere_last

-- template: bound_none
      AND {key} {until} coalesce((SELECT b.key FROM bound b), {last})

-- template: bound_column
      AND {column} {until} coalesce((SELECT b.key FROM bound b), {last})

-- template: bound_last
      AND coalesce((SELECT b.key FROM bound b), {last}) = {last}

-- template: everything

-- template: list_live
      AND t.deleted_at IS NULL


-- Of several projects, the rows of a page.  With more projects than rows to
-- find, the first row of each tells first which can have a part in the page: as
-- many as there are rows to find, those whose first rows come first; and how
-- far it can reach at most: to the last of these.

-- template: list_heads
many AS MATERIALIZED (
    SELECT true AS many
    FROM task.members m
    WHERE
    -- use: {projects}
    LIMIT 1 OFFSET {rows}
), heads AS MATERIALIZED (
    SELECT m.project_id, m.joined, h.key, h.id
    FROM task.members m
    CROSS JOIN LATERAL (
    -- with limit: 1
    -- with reach: anywhere
    -- use: list_rows_{nulls}
    ) h
    WHERE
    -- use: {projects}
      AND (SELECT n.many FROM many n)
    ORDER BY h.key {order}, h.id {order}
    LIMIT {rows}
), bound AS MATERIALIZED (
    SELECT h.key
    FROM heads h
    ORDER BY h.key {order}, h.id {order}
    LIMIT 1 OFFSET {rows} - 1
)

-- template: list_page
    SELECT p.key, p.id
    FROM (SELECT h.project_id, h.joined
          FROM heads h
          UNION ALL
          SELECT m.project_id, m.joined
          FROM task.members m
          WHERE
    -- use: {projects}
            AND NOT EXISTS (SELECT FROM many)) m
    CROSS JOIN LATERAL (
    -- with limit: {rows}
    -- with reach: bound
    -- use: list_rows_{nulls}
    ) p
    ORDER BY p.key {order}, p.id {order}
    LIMIT {rows}

-- template: list_mine
          m.user_id = $1

-- template: list_mine_of
          m.user_id = $1
          AND ({project}::uuid IS NULL OR m.project_id = {project})

-- As one condition, of which PostgreSQL can't tell how often it holds: it takes
-- half of the rows then, and the index that has them in order.  In that is all
-- that is asked for but the labels.

-- template: list_filters
      AND CASE WHEN true
    -- filters: task t -labels
               THEN true END

-- template: list_filters_all
      AND CASE WHEN true
    -- filters: task t
                    AND ($6::text IS NULL OR t.search @@
    -- use: list_words
                        )
               THEN true END

-- template: list_words
    (SELECT task.search_query($6))

-- what is yet to be done has an index by due date

-- template: list_open
      AND t.status IN ('todo', 'in_progress')
    -- use: list_filters

-- template: list_open_all
      AND t.status IN ('todo', 'in_progress')
    -- use: list_filters_all


-- name: task_list
-- lane: read
-- sorts: task t
-- with start: coalesce($3::{type}, {first})
-- with start_id: coalesce($4::uuid, {first_id})
-- with rows: $2::bigint
-- with projects: list_mine
-- with live: list_live
-- with where: everything
WITH
-- use: list_heads
SELECT
-- columns: task t
    , {cursor} AS _key
FROM (
    -- use: list_page
) p
JOIN task.tasks t ON t.id = p.id
ORDER BY p.key {order}, p.id {order}


-- The same for who is in few projects, and gets no more than 20 rows: to look at
-- first rows first costs more than it saves.  "_many": it would be the other way.

-- name: task_list_few
-- lane: read
-- sorts: task t
-- with start: coalesce($3::{type}, {first})
-- with start_id: coalesce($4::uuid, {first_id})
-- with limit: $2::bigint
-- with reach: anywhere
-- with live: list_live
-- with where: everything
SELECT
-- columns: task t
    , {cursor} AS _key,
    (SELECT true FROM task.members m WHERE
    -- use: list_mine
     LIMIT 1 OFFSET 20) AS _many
FROM (
    SELECT p.key, p.id
    FROM task.members m
    CROSS JOIN LATERAL (
    -- use: list_rows_{nulls}
    ) p
    WHERE
    -- use: list_mine
    ORDER BY p.key {order}, p.id {order}
    LIMIT $2::bigint
) p
JOIN task.tasks t ON t.id = p.id
ORDER BY p.key {order}, p.id {order}


-- Of the one project $5: no row to a stranger.

-- name: task_list_project
-- lane: read
-- sorts: task t
-- with start: coalesce($3::{type}, {first})
-- with start_id: coalesce($4::uuid, {first_id})
-- with limit: $2::bigint
-- with reach: anywhere
-- with live: list_live
-- with where: everything
SELECT CASE WHEN t.id IS NULL THEN 'empty' ELSE 'ok' END AS _outcome,
-- columns: task t
    , {cursor} AS _key
FROM task.members m
LEFT JOIN LATERAL (
    -- use: list_rows_{nulls}
) p ON true
LEFT JOIN task.tasks t ON t.id = p.id
WHERE m.user_id = $1 AND m.project_id = $5
ORDER BY p.key {order}, p.id {order}


-- With filters, from $7 on.  $5: whether who can't see the project that is asked
-- for is to be told, $6 what to search for, see below.

-- template: list_asked_for
-- arguments: task $7
-- with project: {$project}

-- template: list_asked
-- use: list_asked_for
-- with start: coalesce($3::{type}, {first})
-- with start_id: coalesce($4::uuid, {first_id})
-- with rows: $2::bigint

-- template: list_outcome
       CASE WHEN $5::boolean
                 AND NOT EXISTS (SELECT FROM task.members m
                                 WHERE m.user_id = $1
                                       AND m.project_id = {project})
            THEN 'not_found'
            WHEN $6::text IS NOT NULL AND task.search_query($6) IS NULL
            THEN 'no_words'
            WHEN t.id IS NULL THEN 'empty'
            ELSE 'ok' END AS _outcome,

-- template: list_filtered
WITH
-- use: list_heads
SELECT
-- use: list_outcome
-- columns: task t
    , {cursor} AS _key
FROM (SELECT) one
LEFT JOIN (
    -- use: list_page
) p ON true
LEFT JOIN task.tasks t ON t.id = p.id
ORDER BY p.key {order}, p.id {order}


-- name: task_list_filtered
-- lane: search
-- sorts: task t
-- use: list_asked
-- with projects: list_mine_of
-- with live: list_live
-- with where: list_filters
-- use: list_filtered


-- The same where only statuses of what is yet to be done are asked for.

-- name: task_list_open
-- lane: search
-- sorts: task t
-- use: list_asked
-- with projects: list_mine_of
-- with live: list_live
-- with where: list_open
-- use: list_filtered


-- A label, a member, two dates or words to look for.  An index finds the rows, to
-- be sorted; but where they are frequent, they are found sooner in the order of
-- the list.  Some hundred of the newest tasks tell whether they are.  "room" is how
-- many may be found before they count as frequent.

-- template: list_sample
sample AS MATERIALIZED (
    SELECT m.project_id, 100 / count(*) OVER () + 2 AS rows
    FROM (SELECT m.project_id
          FROM task.members m
          WHERE
    -- use: list_mine_of
          ORDER BY m.project_id DESC
          LIMIT 50) m
), dense AS MATERIALIZED (
    SELECT count(*) FILTER (WHERE true
    -- use: {where}
           ) >= greatest(2, count(*) / 32) AS dense
    FROM sample s
    CROSS JOIN LATERAL (
        SELECT *
        FROM task.tasks t
        WHERE t.project_id = s.project_id AND t.deleted_at IS NULL
        ORDER BY t.id DESC
        LIMIT s.rows
    ) t
)

-- An index that is asked of few projects has little to look at.

-- template: room_rows
-- use: list_sample
, room AS MATERIALIZED (
    SELECT CASE WHEN NOT d.dense THEN 2001
                WHEN (SELECT count(*) FROM sample) <= 20 THEN 1001
                ELSE 0
           END AS rows
    FROM dense d
)

-- That of words knows no projects.  Where the caller has few tasks at all, these
-- are soon looked at.

-- template: room_words
-- use: list_sample
, small AS MATERIALIZED (
    SELECT count(*) < 3000 AS small
    FROM (SELECT
          FROM task.members m
          JOIN task.tasks t ON t.project_id = m.project_id
                               AND t.deleted_at IS NULL
          WHERE
    -- use: list_mine_of
          LIMIT 3000) t
), room AS MATERIALIZED (
    SELECT CASE WHEN d.dense OR s.small THEN 0 ELSE 2001 END AS rows
    FROM dense d, small s
)

-- template: found_rows
    SELECT {key} AS key, t.id
    FROM task.tasks t
    WHERE t.deleted_at IS NULL
    -- use: {where}

-- template: found_mine
      AND (t.project_id IN (SELECT m.project_id FROM task.members m
                            WHERE
    -- use: list_mine_of
                           )) IS TRUE

-- template: found_label
    -- use: found_rows
    -- use: found_mine
      AND t.labels <> '{}'
      AND task.label_keys(t.project_id, t.labels)
          && ARRAY(SELECT task.label_key(m.project_id, {$label})
                   FROM task.members m
                   WHERE
    -- use: list_mine_of
                  )

-- template: found_words
    -- use: found_rows
    -- use: found_mine
      AND t.search @@
    -- use: list_words

-- template: found_assignee
    -- use: found_rows
    -- use: found_mine
      AND t.assignee_id = (SELECT CASE {$assignee}
                                  WHEN 'me' THEN $1 ELSE {$assignee}::uuid END)

-- template: found_due
    SELECT t.*
    FROM task.members m
    CROSS JOIN LATERAL (
    -- use: found_rows
          AND t.project_id = m.project_id
          AND t.due_at > {$due_after} AND t.due_at < {$due_before}
        ORDER BY t.due_at
        LIMIT (SELECT r.rows FROM room r)
    ) t
    WHERE
    -- use: list_mine_of

-- template: list_mine_many
    -- use: list_mine_of
      AND NOT (SELECT w.few FROM few w)

-- template: list_found
WITH
-- use: {room}
, found AS MATERIALIZED (
    -- use: {found}
    LIMIT (SELECT r.rows FROM room r)
), few AS MATERIALIZED (
    SELECT count(*) < (SELECT r.rows FROM room r) AS few FROM found
),
-- use: list_heads

-- template: list_either
SELECT
-- use: list_outcome
-- columns: task t
    , {cursor} AS _key
FROM (SELECT) one
LEFT JOIN (
    SELECT *
    FROM ((
    -- use: list_page
    ) UNION ALL (
        SELECT f.key, f.id
        FROM found f
        WHERE (SELECT w.few FROM few w)
          AND (f.key, f.id) {after} ({start}, {start_id})
        ORDER BY f.key {order}, f.id {order}
        LIMIT $2::bigint
    )) p
    ORDER BY p.key {order}, p.id {order}
    LIMIT $2::bigint
) p ON true
LEFT JOIN task.tasks t ON t.id = p.id
ORDER BY p.key {order}, p.id {order}

-- name: task_list_label
-- lane: search
-- sorts: task t
-- use: list_asked
-- with projects: list_mine_many
-- with live: list_live
-- with where: list_filters_all
-- with found: found_label
-- with room: room_rows
-- use: list_found
-- use: list_either


-- name: task_list_words
-- lane: search
-- sorts: task t
-- use: list_asked
-- with projects: list_mine_many
-- with live: list_live
-- with where: list_filters_all
-- with found: found_words
-- with room: room_words
-- use: list_found
-- use: list_either


-- name: task_list_words_open
-- lane: search
-- sorts: task t
-- use: list_asked
-- with projects: list_mine_many
-- with live: list_live
-- with where: list_open_all
-- with found: found_words
-- with room: room_words
-- use: list_found
-- use: list_either


-- name: task_list_assignee
-- lane: search
-- sorts: task t
-- use: list_asked
-- with projects: list_mine_many
-- with live: list_live
-- with where: list_filters
-- with found: found_assignee
-- with room: room_rows
-- use: list_found
-- use: list_either


-- name: task_list_due
-- lane: search
-- sorts: task t
-- use: list_asked
-- with projects: list_mine_many
-- with live: list_live
-- with where: list_filters
-- with found: found_due
-- with room: room_rows
-- use: list_found
-- use: list_either


-- By rank: of those that are few all, and all of a caller who has few tasks, else
-- of the newest 100.  $3 is the rank.

-- name: task_list_ranked
-- lane: search
-- use: list_asked_for
-- with key: t.id
-- with column: t.id
-- with order: DESC
-- with after: <
-- with until: >=
-- with last: '00000000-0000-0000-0000-000000000000'::uuid
-- with start: 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid
-- with start_id: 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid
-- with nulls: none
-- with rows: (SELECT CASE WHEN s.small THEN 3000 ELSE 100 END FROM small s)
-- with projects: list_mine_many
-- with live: list_live
-- with where: list_filters_all
-- with found: found_words
-- with room: room_words
-- use: list_found
SELECT
-- use: list_outcome
-- columns: task t
    , p.rank::text AS _key
FROM (SELECT) one
LEFT JOIN (
    SELECT *
    FROM (SELECT ts_rank(t.search,
    -- use: list_words
                        ) AS rank, t.id
          FROM ((
    -- use: list_page
          ) UNION ALL (
              SELECT f.key, f.id
              FROM found f
              WHERE (SELECT w.few FROM few w)
          )) p
          CROSS JOIN LATERAL (SELECT t.id, t.search
                              FROM task.tasks t
                              WHERE t.id = p.id
                              LIMIT 1) t) p
    WHERE (p.rank, p.id) < (coalesce($3::real, 'infinity'),
                            coalesce($4::uuid,
                                     'ffffffff-ffff-ffff-ffff-ffffffffffff'))
    ORDER BY p.rank DESC, p.id DESC
    LIMIT $2::bigint
) p ON true
LEFT JOIN task.tasks t ON t.id = p.id
ORDER BY p.rank DESC, p.id DESC
