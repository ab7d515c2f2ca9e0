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

-- How far: anywhere; or to the last of the rows that "bound" found.

-- template: anywhere_none
-- template: anywhere_column
-- template: anywhere_last

-- template: bound_none
      AND ({key}, t.id) {until} (coalesce((SELECT b.key FROM bound b), {last}),
                                 coalesce((SELECT b.id FROM bound b),
                                          {last_id}))

-- template: bound_column
      AND ({column}, t.id) {until}
          (coalesce((SELECT b.key FROM bound b), {last}),
           coalesce((SELECT b.id FROM bound b), {last_id}))

-- template: bound_last
      AND coalesce((SELECT b.key FROM bound b), {last}) = {last}
      AND t.id {until} coalesce((SELECT b.id FROM bound b), {last_id})

-- template: everything

-- template: list_live
      AND t.deleted_at IS NULL


-- Of several projects, the rows of a page.  With more projects than rows to
-- find, the first row of each tells first how far the page can reach: not
-- beyond the last of as many of those rows as there are to find.  So all
-- projects together are hardly read further than the page goes.

-- template: list_bound
    -- with far: bound
bound AS MATERIALIZED (
    SELECT h.key, h.id
    FROM task.members m
    CROSS JOIN LATERAL (
    -- with limit: 1
    -- with reach: anywhere
    -- use: list_rows_{nulls}
    ) h
    WHERE
    -- use: {projects}
      AND (SELECT true FROM task.members m
           WHERE
    -- use: {projects}
           LIMIT 1 OFFSET {rows})
    ORDER BY h.key {order}, h.id {order}
    LIMIT 1 OFFSET {rows} - 1
)

-- template: list_page
    SELECT p.key, p.id
    FROM task.members m
    CROSS JOIN LATERAL (
    -- with limit: {rows}
    -- with reach: {far}
    -- use: list_rows_{nulls}
    ) p
    WHERE
    -- use: {projects}
    ORDER BY p.key {order}, p.id {order}
    LIMIT {rows}

-- template: list_mine
          m.user_id = $1

-- template: list_mine_of
          m.user_id = $1 AND ($7::uuid IS NULL OR m.project_id = $7)

-- template: list_filters
    -- filters: task $7 t


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
-- use: list_bound
SELECT
-- columns: task t
    , {cursor} AS _key
FROM (
    -- use: list_page
) p
JOIN task.tasks t ON t.id = p.id
ORDER BY p.key {order}, p.id {order}


-- The same for a short page: to have no bound costs less than to make one.

-- name: task_list_short
-- lane: read
-- sorts: task t
-- with start: coalesce($3::{type}, {first})
-- with start_id: coalesce($4::uuid, {first_id})
-- with rows: $2::bigint
-- with far: anywhere
-- with projects: list_mine
-- with live: list_live
-- with where: everything
SELECT
-- columns: task t
    , {cursor} AS _key
FROM (
    -- use: list_page
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


-- With filters, $7 to $14, of which $7 is the project.  $5: whether who can't
-- see that project is to be told, $6 what to search for, see below.

-- template: list_outcome
       CASE WHEN $5::boolean
                 AND NOT EXISTS (SELECT FROM task.members m
                                 WHERE m.user_id = $1 AND m.project_id = $7)
            THEN 'not_found'
            WHEN $6::text IS NOT NULL AND task.search_query($6) IS NULL
            THEN 'no_words'
            WHEN t.id IS NULL THEN 'empty'
            ELSE 'ok' END AS _outcome,

-- name: task_list_filtered
-- lane: search
-- sorts: task t
-- with start: coalesce($3::{type}, {first})
-- with start_id: coalesce($4::uuid, {first_id})
-- with rows: $2::bigint
-- with projects: list_mine_of
-- with live: list_live
-- with where: list_filters
WITH
-- use: list_bound
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


-- With words, a label or a member to search for, no index has the order and the
-- rows both.  Where such rows are frequent, they are found soon in the order of
-- the list; so are they where the caller has few tasks at all.  Else an index of
-- words, labels or assignees finds them, to be sorted.  Which it is, "dense" asks of the newest
-- tasks of each project; and if more than 2,000 turn up they are frequent.

-- template: list_match
      AND ($6::text IS NULL OR (t.search @@ task.search_query($6)) IS TRUE)

-- "IS TRUE" keeps the index of words for "found": in the order of the list it
-- would be read anew for each project.

-- template: list_matching
    -- use: list_filters
    -- use: list_match

-- template: list_few
small AS MATERIALIZED (
    SELECT count(*) < 3000 AS small
    FROM (SELECT
          FROM task.members m
          JOIN task.tasks t ON t.project_id = m.project_id
                               AND t.deleted_at IS NULL
          WHERE
    -- use: list_mine_of
          LIMIT 3000) t
), dense AS MATERIALIZED (
    SELECT count(*) FILTER (WHERE true
    -- use: list_matching
           ) >= greatest(5, count(*) / 50)
           OR (SELECT s.small FROM small s) AS dense
    FROM task.members m
    CROSS JOIN LATERAL (
        SELECT *
        FROM task.tasks t
        WHERE t.project_id = m.project_id AND t.deleted_at IS NULL
        ORDER BY t.id DESC
        LIMIT 5
    ) t
    WHERE
    -- use: list_mine_of
), found AS MATERIALIZED (
    SELECT t.id
    FROM task.tasks t
    WHERE t.deleted_at IS NULL
      AND NOT (SELECT d.dense FROM dense d)
      AND CASE WHEN $10::text IS NULL
               THEN t.project_id IN (SELECT m.project_id FROM task.members m
                                     WHERE
    -- use: list_mine_of
                                    )
               ELSE true END
      AND ($10::text IS NULL
           OR t.labels <> '{}'
              AND task.label_keys(t.project_id, t.labels)
                  && ARRAY(SELECT task.label_key(m.project_id, $10)
                           FROM task.members m
                           WHERE
    -- use: list_mine_of
                          ))
      AND ($6::text IS NULL OR t.search @@ task.search_query($6))
    -- use: list_filters
    LIMIT 2001
), few AS MATERIALIZED (
    SELECT NOT (SELECT d.dense FROM dense d)
           AND (SELECT count(*) FROM found) <= 2000 AS few
)

-- template: list_mine_many
    -- use: list_mine_of
      AND NOT (SELECT w.few FROM few w)

-- name: task_list_matching
-- lane: search
-- sorts: task t
-- with start: coalesce($3::{type}, {first})
-- with start_id: coalesce($4::uuid, {first_id})
-- with rows: $2::bigint
-- with projects: list_mine_many
-- with live: list_live
-- with where: list_matching
WITH
-- use: list_few
,
-- use: list_bound
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
        SELECT k.key, f.id
        FROM found f
        CROSS JOIN LATERAL (SELECT {key} AS key
                            FROM task.tasks t
                            WHERE t.id = f.id
                            LIMIT 1) k
        WHERE (SELECT w.few FROM few w)
          AND (k.key, f.id) {after} ({start}, {start_id})
        ORDER BY k.key {order}, f.id {order}
        LIMIT $2::bigint
    )) p
    ORDER BY p.key {order}, p.id {order}
    LIMIT $2::bigint
) p ON true
LEFT JOIN task.tasks t ON t.id = p.id
ORDER BY p.key {order}, p.id {order}


-- By rank: of those that are few all, and all of a caller who has few tasks, else
-- of the newest 100.  $3 is the rank.

-- name: task_list_ranked
-- lane: search
-- with key: t.id
-- with column: t.id
-- with order: DESC
-- with after: <
-- with until: >=
-- with last: '00000000-0000-0000-0000-000000000000'::uuid
-- with last_id: '00000000-0000-0000-0000-000000000000'::uuid
-- with start: 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid
-- with start_id: 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid
-- with nulls: none
-- with rows: (SELECT CASE WHEN s.small THEN 3000 ELSE 100 END FROM small s)
-- with projects: list_mine_many
-- with live: list_live
-- with where: list_matching
WITH
-- use: list_few
,
-- use: list_bound
SELECT
-- use: list_outcome
-- columns: task t
    , p.rank::text AS _key
FROM (SELECT) one
LEFT JOIN (
    SELECT ts_rank(t.search, task.search_query($6)) AS rank, t.id
    FROM ((
    -- use: list_page
    ) UNION ALL (
        SELECT f.id AS key, f.id
        FROM found f
        WHERE (SELECT w.few FROM few w)
    )) p
    JOIN task.tasks t ON t.id = p.id
    WHERE (ts_rank(t.search, task.search_query($6)), t.id)
          < (coalesce($3::real, 'infinity'),
             coalesce($4::uuid,
                      'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid))
    ORDER BY rank DESC, t.id DESC
    LIMIT $2::bigint
) p ON true
LEFT JOIN task.tasks t ON t.id = p.id
ORDER BY p.rank DESC, p.id DESC
