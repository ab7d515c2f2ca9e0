-- Statements of notifications.
--
-- $1 is always the caller, and what is read and written is their inbox alone.
-- A notification is an event that is in it: the event's id is its own, and the
-- event's number is what lists go by.


-- template: notification_columns
    e.id, e.id AS event_id, e.type, e.project_id, e.task_id, e.actor_id,
    e.data, i.read_at, e.created_at

-- A notification has two versions: it is read once.

-- template: notification_version
    CASE WHEN i.read_at IS NULL THEN 1 ELSE 2 END::bigint


-- $2 one more than the page holds, $3 the number that the page begins after

-- template: notification_page
SELECT
-- use: notification_columns
       , i.n::text AS _key
FROM (
    SELECT i.n, i.read_at
    FROM notify.inbox i
    WHERE i.user_id = $1 AND i.deleted_at IS NULL AND {which}
      AND i.n < $3::bigint
    ORDER BY i.n DESC
    LIMIT $2::bigint
) i
JOIN notify.events e ON e.n = i.n
ORDER BY i.n DESC


-- name: inbox_list
-- lane: read
-- with which: true
-- use: notification_page


-- name: inbox_list_unread
-- lane: read
-- with which: i.read_at IS NULL
-- use: notification_page


-- $2 id

-- name: inbox_get
-- lane: read
SELECT
-- use: notification_columns
       ,
-- use: notification_version
       AS _version
FROM notify.events e
JOIN notify.inbox i ON i.n = e.n AND i.user_id = $1 AND i.deleted_at IS NULL
WHERE e.id = $2


-- Which notification, as it is now and not as it was when the statement began.
-- $2 id

-- template: notification_seen
seen AS (
    SELECT i.n, i.user_id, i.read_at
    FROM notify.events e
    JOIN notify.inbox i ON i.n = e.n AND i.user_id = $1
                           AND i.deleted_at IS NULL
    WHERE e.id = $2
    FOR UPDATE OF i
)


-- name: inbox_read
-- lane: write
WITH
-- use: notification_seen
, written AS (
    UPDATE notify.inbox i
    SET read_at = now()
    FROM seen s
    WHERE i.n = s.n AND i.user_id = s.user_id AND s.read_at IS NULL
    RETURNING i.read_at
), i AS (
    SELECT s.n, coalesce(s.read_at, w.read_at) AS read_at
    FROM seen s LEFT JOIN written w ON true
)
SELECT
-- use: notification_columns
       ,
-- use: notification_version
       AS _version
FROM i JOIN notify.events e ON e.n = i.n


-- The oldest of those that are unread, $3 of them at most and none beyond the
-- number $2; null: beyond the latest, which is that number for the calls that
-- follow.  How many they were: fewer than $3, and all are read.

-- name: inbox_read_all
-- lane: write
WITH last AS MATERIALIZED (
    SELECT coalesce($2::bigint,
                    (SELECT i.n FROM notify.inbox i
                     WHERE i.user_id = $1 AND i.read_at IS NULL
                       AND i.deleted_at IS NULL
                     ORDER BY i.n DESC LIMIT 1)) AS n
), due AS MATERIALIZED (
    SELECT i.n
    FROM notify.inbox i
    WHERE i.user_id = $1 AND i.read_at IS NULL AND i.deleted_at IS NULL
      AND i.n <= (SELECT n FROM last)
    ORDER BY i.n
    LIMIT $3::bigint
), written AS (
    UPDATE notify.inbox i
    SET read_at = now()
    FROM due d
    WHERE i.n = d.n AND i.user_id = $1 AND i.read_at IS NULL
      AND i.deleted_at IS NULL
)
SELECT (SELECT n FROM last) AS last, (SELECT count(*) FROM due) AS due


-- $2 id, $3 versions that may be deleted or null

-- name: inbox_delete
-- lane: write
WITH
-- use: notification_seen
, verdict AS (
    SELECT i.n, i.user_id,
           CASE WHEN
           -- use: notification_version
                <> ALL ($3::bigint[]) THEN 'version_mismatch' ELSE 'ok'
           END AS outcome
    FROM seen i
), written AS (
    UPDATE notify.inbox i
    SET deleted_at = now()
    FROM verdict v
    WHERE i.n = v.n AND i.user_id = v.user_id AND v.outcome = 'ok'
)
SELECT v.outcome AS _outcome
FROM verdict v
