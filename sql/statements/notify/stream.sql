-- The live stream of notifications.  Numbers (n) are without gaps, and whoever
-- sees one sees all before it; so a statement that tells the last one (_most)
-- has seen whatever there is up to it.


-- template: stream_notification
e.id, e.id AS event_id, e.type, e.project_id, e.task_id, e.actor_id, e.data,
{read_at} AS read_at, e.created_at


-- Where a stream begins: after the notification $2 of the caller, or, if they
-- have none of that id, before all that is kept; without an id, after the last.
-- _id is where that is: for a client that is cut off before anything has come.
--
-- name: stream_start
-- lane: read
SELECT CASE WHEN $2::uuid IS NULL THEN p.n ELSE coalesce(s.n, 0) END AS _n,
       p.n AS _most,
       coalesce($2::uuid, l.id, '00000000-0000-0000-0000-000000000000') AS _id
FROM notify.position AS p
LEFT JOIN LATERAL (
    SELECT i.n
    FROM notify.events AS e
    JOIN notify.inbox AS i ON i.n = e.n
    WHERE e.id = $2::uuid AND i.user_id = $1::uuid
) AS s ON true
LEFT JOIN LATERAL (
    SELECT e.id
    FROM notify.inbox AS i
    JOIN notify.events AS e ON e.n = i.n
    WHERE $2::uuid IS NULL AND i.user_id = $1::uuid AND i.deleted_at IS NULL
    ORDER BY i.n DESC
    LIMIT 1
) AS l ON true


-- What the caller has after $2, $3 at most.
--
-- name: stream_page
-- lane: read
SELECT p.n AS _most, i.n AS _n,
-- with read_at: i.read_at
-- use: stream_notification
FROM notify.position AS p
LEFT JOIN (
    SELECT i.n, i.read_at
    FROM notify.inbox AS i
    WHERE i.user_id = $1::uuid AND i.n > $2::bigint AND i.deleted_at IS NULL
    ORDER BY i.n
    LIMIT $3::bigint
) AS i ON true
LEFT JOIN notify.events AS e ON e.n = i.n
ORDER BY i.n


-- What the users $1 have after $2: of the next $3 numbers, the last of which is
-- _last.
--
-- name: stream_gap
-- lane: search
SELECT p.n AS _most, least(p.n, $2::bigint + $3::bigint) AS _last,
       i.n AS _n, i.users AS _users,
-- with read_at: NULL::timestamptz
-- use: stream_notification
FROM notify.position AS p
LEFT JOIN (
    SELECT i.n, string_agg(uuid_send(i.user_id), NULL) AS users
    FROM notify.inbox AS i
    WHERE i.n > $2::bigint AND i.n <= $2::bigint + $3::bigint
      AND i.user_id = ANY ($1::uuid[])
    GROUP BY i.n
) AS i ON true
LEFT JOIN notify.events AS e ON e.n = i.n
ORDER BY i.n


-- name: stream_position
-- lane: read
SELECT n FROM notify.position
