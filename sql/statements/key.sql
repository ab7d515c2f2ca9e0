-- Idempotency-Key, for statements that create.  Two parts around the verdict
-- of the statement itself, which is the same with a key and without:
--
--     WITH
--     -- use: key_turn
--     , verdict AS (... AS outcome ...)     no row: not_found
--     -- use: key_claim
--     , written AS (INSERT ... FROM made m WHERE m.outcome = 'ok'
--                                            AND NOT m.replayed)
--     SELECT m.outcome AS _outcome, m.replayed AS _replayed, ... FROM made m
--
-- The verdict is asked for only when the key has none: its locks, if it takes
-- any, are for what is written.  It has one row or none.
--
-- "made" has the ids and the time of what is new now, or was then: whoever
-- computes the answer from them and from the request alone, for both, answers
-- a repeated request with the same bytes.
--
--     -- with key: $13               the key
--     -- with fingerprint: $14       of the request, bytea
--     -- with ids: ARRAY[$2::uuid]   of what is to be made
--     -- with created: $3::timestamptz  when
--     -- with details: NULL::jsonb   what else is to be kept for the answer
--
-- What can be seen here was committed before the statement began: a key that
-- is there needs no lock.  Else the lock tells whether another request with
-- this key is under way; it is asked for only then, and before anything is
-- written, since what is written is read from "made".  A key that was committed
-- between the statement's begin and the lock is met by the INSERT, which sees
-- the latest: no row comes back, nothing else is written.

-- template: key_turn
turn AS MATERIALIZED (
    SELECT k.ids, k.created_at, k.details, k.key IS NOT NULL AS replayed,
           CASE WHEN k.key IS NOT NULL
                THEN CASE WHEN k.fingerprint <> {fingerprint}::bytea
                          THEN 'idempotency_key_reused'
                          ELSE 'ok' END
                WHEN NOT pg_try_advisory_xact_lock(
                             hashtextextended($1::uuid::text || {key}, 0))
                THEN 'idempotency_key_in_use'
           END AS outcome
    FROM (SELECT) one
    LEFT JOIN api.idempotency_keys k
           ON k.user_id = $1::uuid AND k.key = {key}
              AND k.stored_at > now() - interval '24 hours'
)

-- template: key_claim
, judged AS (
    SELECT k.replayed, k.ids, k.created_at, k.details,
           coalesce(k.outcome, (SELECT v.outcome FROM verdict v), 'not_found')
               AS outcome
    FROM turn k
), claimed AS (
    INSERT INTO api.idempotency_keys AS k
        (user_id, key, fingerprint, ids, created_at, details)
    SELECT $1::uuid, {key}, {fingerprint}::bytea, {ids}, {created}, {details}
    FROM judged j
    WHERE j.outcome = 'ok' AND NOT j.replayed
    ON CONFLICT (user_id, key) DO UPDATE
    SET fingerprint = excluded.fingerprint,
        ids = excluded.ids,
        created_at = excluded.created_at,
        details = excluded.details,
        stored_at = excluded.stored_at
    WHERE k.stored_at <= now() - interval '24 hours'
    RETURNING k.ids, k.created_at, k.details
), expired AS (
    SELECT k.user_id, k.key
    FROM api.idempotency_keys k
    WHERE (SELECT true FROM claimed)
      AND k.stored_at <= now() - interval '24 hours'
      AND (k.user_id, k.key) <> ($1::uuid, {key})
    ORDER BY k.stored_at
    LIMIT 2
    FOR UPDATE SKIP LOCKED
), purged AS (
    DELETE FROM api.idempotency_keys k
    USING expired e
    WHERE k.user_id = e.user_id AND k.key = e.key
), made AS (
    SELECT j.replayed,
           CASE WHEN j.outcome = 'ok' AND NOT j.replayed AND c.ids IS NULL
                THEN 'idempotency_key_in_use'
                ELSE j.outcome
           END AS outcome,
           coalesce(c.ids, j.ids) AS ids,
           coalesce(c.created_at, j.created_at) AS created_at,
           coalesce(c.details, j.details) AS details
    FROM judged j LEFT JOIN claimed c ON true
)
