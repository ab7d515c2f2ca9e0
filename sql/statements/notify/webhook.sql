-- Statements of webhooks and their deliveries.
--
-- $1 is the caller: a webhook is its owner's alone.  What its secret is, no
-- statement can tell: nginx may write it and not read it.


-- name: webhook_get
-- lane: read
SELECT
-- columns: notify_webhook w
FROM notify.webhooks w
WHERE w.id = $2 AND w.user_id = $1


-- $2 one more than the page holds, $3 the id that the page begins after or
-- null.  Ids are in the order of creation.

-- name: webhook_list
-- lane: read
-- sorts: notify_webhook w
SELECT
-- columns: notify_webhook w
FROM notify.webhooks w
WHERE w.user_id = $1 AND {key} {after} coalesce($3::{type}, {first_id})
ORDER BY {key} {order}
LIMIT $2::bigint


-- $2 id, $3 created_at, $4 secret, $5 how many a user may have, then the
-- fields.  The function waits for others of the caller's that are being made.

-- template: webhook_given
    (SELECT
    -- values: notify_webhook {fields}
    ) g

-- template: webhook_place
verdict AS MATERIALIZED (
    SELECT CASE WHEN g.project_id IS NOT NULL
                     AND NOT EXISTS (SELECT FROM task.members m
                                     WHERE m.user_id = $1
                                       AND m.project_id = g.project_id)
                THEN '/project_id not_found'
                ELSE notify.webhook_room($1, $5)
           END AS outcome
    FROM
    -- use: webhook_given
)

-- template: webhook_new
    SELECT {id} AS id, $1::uuid AS user_id, {time} AS created_at,
           {time} AS updated_at,
    -- names: notify_webhook g

-- template: webhook_insert
    INSERT INTO notify.webhooks AS w (id, user_id, created_at, updated_at,
    -- names: notify_webhook
                                      , secret)


-- name: webhook_create
-- lane: write
-- with fields: $6
-- with id: $2::uuid
-- with time: $3::timestamptz
WITH
-- use: webhook_place
, written AS (
    -- use: webhook_insert
    -- use: webhook_new
           , $4::bytea
    FROM verdict v,
    -- use: webhook_given
    WHERE v.outcome = 'ok'
    RETURNING
    -- columns: notify_webhook w
)
SELECT coalesce(v.outcome, 'not_found') AS _outcome,
-- columns: notify_webhook w
FROM verdict v LEFT JOIN written w ON true


-- The same with an Idempotency-Key: $6, and $7 the fingerprint; $8 the secret,
-- sealed, to be shown again.

-- name: webhook_create_keyed
-- lane: write
-- with key: $6
-- with fingerprint: $7
-- with fields: $9
-- with ids: ARRAY[$2::uuid]
-- with created: $3::timestamptz
-- with details: jsonb_build_object('sealed', $8::text)
-- with id: m.ids[1]
-- with time: m.created_at
WITH
-- use: key_turn
,
-- use: webhook_place
-- use: key_claim
, new AS (
    -- use: webhook_new
           , NULL::text AS disabled_reason, 1::bigint AS version
    FROM made m,
    -- use: webhook_given
    WHERE m.outcome = 'ok'
), written AS (
    -- use: webhook_insert
    SELECT n.id, n.user_id, n.created_at, n.updated_at,
    -- names: notify_webhook n
           , $4::bytea
    FROM new n JOIN made m ON NOT m.replayed
)
SELECT m.outcome AS _outcome, m.replayed AS _replayed,
       m.details ->> 'sealed' AS _sealed,
-- columns: notify_webhook w
FROM made m LEFT JOIN new w ON true


-- PUT and PATCH.  $2 id, $3 versions that may be changed or null, $4 which
-- fields are given (a bit each), $5 the fields.  See task_update.
--
-- The caller is locked first: the project may have to be, which is the order in
-- which an account is deleted.  Where a webhook is enabled again, or given
-- another URL, what was held against it is forgotten.  A project that it has
-- already is not looked at: its member may have left since.

-- name: webhook_update
-- lane: write
WITH caller AS MATERIALIZED (
    SELECT FROM auth.users u
    WHERE u.id = $1 AND u.disabled_at IS NULL
    FOR SHARE
), seen AS MATERIALIZED (
    SELECT w.failing_since,
    -- columns: notify_webhook w
    FROM notify.webhooks w
    WHERE w.id = $2 AND w.user_id = $1
      AND (SELECT count(*) FROM caller) > 0
    FOR NO KEY UPDATE
), wanted AS (
    SELECT
    -- patch: notify_webhook $4::int $5 s
    FROM seen s
), verdict AS (
    SELECT CASE WHEN s.version <> ALL ($3::bigint[]) THEN 'version_mismatch'
                WHEN w.project_id IS DISTINCT FROM s.project_id
                     AND w.project_id IS NOT NULL
                     AND NOT EXISTS (SELECT FROM task.members m
                                     WHERE m.user_id = $1
                                       AND m.project_id = w.project_id)
                THEN '/project_id not_found'
                ELSE 'ok'
           END AS outcome,
           ROW (
           -- names: notify_webhook w
           ) IS DISTINCT FROM ROW (
           -- names: notify_webhook s
           ) AS changed,
           w.enabled AND NOT s.enabled AS again
    FROM seen s CROSS JOIN wanted w
), written AS (
    UPDATE notify.webhooks t
    SET
    -- set: notify_webhook w
        , disabled_reason = CASE WHEN NOT v.again THEN s.disabled_reason END,
        failing_since = CASE WHEN NOT v.again AND w.url = s.url
                             THEN s.failing_since END,
        updated_at = greatest(now(), s.updated_at),
        version = s.version + 1
    FROM seen s, wanted w, verdict v
    WHERE t.id = s.id AND v.outcome = 'ok' AND v.changed
    RETURNING
    -- columns: notify_webhook t
)
SELECT v.outcome AS _outcome,
-- columns: notify_webhook w
FROM verdict v
LEFT JOIN LATERAL (
    SELECT
    -- columns: notify_webhook w
    FROM written w
    UNION ALL
    SELECT
    -- columns: notify_webhook w
    FROM seen w
    WHERE NOT v.changed
) w ON v.outcome = 'ok'


-- With its deliveries.  $2 id, $3 versions that may be deleted or null

-- name: webhook_delete
-- lane: write
WITH seen AS (
    SELECT w.id,
           CASE WHEN w.version <> ALL ($3::bigint[]) THEN 'version_mismatch'
                ELSE 'ok'
           END AS outcome
    FROM notify.webhooks w
    WHERE w.id = $2 AND w.user_id = $1
    FOR UPDATE
), gone AS (
    DELETE FROM notify.webhooks w
    USING seen s
    WHERE w.id = s.id AND s.outcome = 'ok'
)
SELECT s.outcome AS _outcome FROM seen s


-- $2 id, $3 the new secret

-- name: webhook_rotate
-- lane: write
SELECT until AS old_secret_until
FROM notify.rotate_secret($1, $2, $3) until
WHERE until IS NOT NULL


-- The same with an Idempotency-Key: $4, and $5 the fingerprint; $6 the secret,
-- sealed.  Who did not get the answer may not make a third secret by asking
-- again: the first one, which receivers know, would be dropped.

-- name: webhook_rotate_keyed
-- lane: write
-- with key: $4
-- with fingerprint: $5
-- with ids: ARRAY[$2::uuid]
-- with created: now()
-- with details: jsonb_build_object('sealed', $6::text)
WITH
-- use: key_turn
, verdict AS MATERIALIZED (
    SELECT 'ok' AS outcome
    FROM notify.webhooks w
    WHERE w.id = $2 AND w.user_id = $1
    FOR NO KEY UPDATE
)
-- use: key_claim
, rotated AS MATERIALIZED (
    SELECT notify.rotate_secret($1, $2, $3) AS until
    FROM made m
    WHERE m.outcome = 'ok' AND NOT m.replayed
)
SELECT m.outcome AS _outcome, m.replayed AS _replayed,
       m.details ->> 'sealed' AS _sealed,
       coalesce(r.until, m.created_at + interval '24 hours') AS old_secret_until
FROM made m LEFT JOIN rotated r ON true


-- Deliveries.  When the next attempt is, is told while there is one.

-- template: delivery_shown
    d.id, d.event_id, d.type, d.status, d.attempts,
    CASE WHEN d.status = 'pending' THEN d.next_attempt_at END
        AS next_attempt_at,
    d.last_attempt_at, d.response_status, d.response_body, d.duration_ms,
    d.error, d.created_at


-- $2 webhook, $3 one more than the page holds, $4 the event that the page begins
-- after or null, $5 the filters.  The latest event is the first, whenever it was
-- sent.

-- name: delivery_list
-- lane: search
SELECT CASE WHEN d.id IS NULL THEN 'empty' ELSE 'ok' END AS _outcome,
-- columns: notify_delivery d
    , d.event_id AS _id
FROM notify.webhooks w
LEFT JOIN LATERAL (
    SELECT
    -- use: delivery_shown
    FROM notify.deliveries d
    WHERE d.webhook_id = w.id
      AND d.event_id < coalesce($4::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
    -- arguments: notify_delivery $5
    -- filters: notify_delivery d
    ORDER BY d.event_id DESC
    LIMIT $3::bigint
) d ON true
WHERE w.id = $2 AND w.user_id = $1
ORDER BY d.event_id DESC


-- An event for one webhook alone.  $2 webhook, $3 id of the delivery, $4 id of
-- the event

-- template: test_place
verdict AS (
    SELECT w.id, w.project_id, w.url,
           CASE WHEN w.enabled THEN 'ok' ELSE 'webhook_disabled' END AS outcome
    FROM notify.webhooks w
    WHERE w.id = $2 AND w.user_id = $1
)

-- what is new, of {id}, {event} and {time}

-- template: test_new
    SELECT {id} AS id, {event} AS event_id, 'webhook.test' AS type,
           'pending' AS status, 0 AS attempts, {time} AS next_attempt_at,
           NULL::timestamptz AS last_attempt_at, NULL::int AS response_status,
           NULL::text AS response_body, NULL::int AS duration_ms,
           NULL::text AS error, {time} AS created_at

-- template: test_written
, written AS (
    INSERT INTO notify.deliveries (id, webhook_id, event_id, type, data,
                                   next_attempt_at, created_at, trace)
    SELECT n.id, v.id, n.event_id, n.type,
           format('{"id":"%s","type":"%s","timestamp":"%s","actor_id":"%s",'
                  '"project_id":%s,"data":{"webhook":{"id":"%s","url":%s}}}',
                  n.event_id, n.type, notify.time(n.created_at), $1::uuid,
                  coalesce(to_json(v.project_id)::text, 'null'), v.id,
                  to_json(v.url))::json,
           n.next_attempt_at, n.created_at, $trace::text
    FROM new n CROSS JOIN verdict v
    {fresh}
)


-- name: webhook_test
-- lane: write
-- with id: $3::uuid
-- with event: $4::uuid
-- with time: now()
-- with fresh: WHERE true
WITH
-- use: test_place
, new AS (
    -- use: test_new
    FROM verdict v
    WHERE v.outcome = 'ok'
)
-- use: test_written
SELECT v.outcome AS _outcome,
-- columns: notify_delivery d
FROM verdict v LEFT JOIN new d ON true


-- The same with an Idempotency-Key: $5, and $6 the fingerprint.

-- name: webhook_test_keyed
-- lane: write
-- with key: $5
-- with fingerprint: $6
-- with ids: ARRAY[$3::uuid, $4::uuid]
-- with created: now()
-- with details: NULL::jsonb
-- with id: m.ids[1]
-- with event: m.ids[2]
-- with time: m.created_at
-- with fresh: JOIN made m ON NOT m.replayed
WITH
-- use: key_turn
,
-- use: test_place
-- use: key_claim
, new AS (
    -- use: test_new
    FROM made m
    WHERE m.outcome = 'ok'
)
-- use: test_written
SELECT m.outcome AS _outcome, m.replayed AS _replayed,
-- columns: notify_delivery d
FROM made m LEFT JOIN new d ON true


-- Another attempt, now.  $2 webhook, $3 delivery.  Who has left a project is not
-- sent again what happened there.  One that was tried and waits is not made to
-- wait any longer; one that was not is about to be sent.

-- name: delivery_retry
-- lane: write
WITH seen AS (
    SELECT d.id, d.status, d.attempts,
           CASE WHEN NOT w.enabled THEN 'webhook_disabled'
                WHEN d.n IS NOT NULL
                     AND NOT EXISTS (
                         SELECT
                         FROM notify.events e
                         JOIN task.members m ON m.project_id = e.project_id
                         WHERE e.n = d.n AND m.user_id = $1)
                THEN 'forbidden'
                ELSE 'ok'
           END AS outcome
    FROM notify.webhooks w
    JOIN notify.deliveries d ON d.webhook_id = w.id
    WHERE w.id = $2 AND w.user_id = $1 AND d.id = $3
    FOR NO KEY UPDATE OF d
), written AS (
    UPDATE notify.deliveries d
    SET status = 'pending',
        next_attempt_at = CASE WHEN s.status <> 'pending' THEN now()
                               WHEN s.attempts > 0
                               THEN least(d.next_attempt_at, now())
                               ELSE d.next_attempt_at END
    FROM seen s
    WHERE d.id = s.id AND s.outcome = 'ok'
    RETURNING
    -- use: delivery_shown
)
SELECT s.outcome AS _outcome,
-- columns: notify_delivery d
FROM seen s LEFT JOIN written d ON true
