-- Deploy skep:deliveries to pg
-- requires: events

BEGIN;

-- Who sends webhooks takes rows by a lease, the time of the next attempt: each
-- row is written twice, and what is dead lies at the head of the queue.

ALTER TABLE notify.deliveries SET (
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_cost_delay = 0
);


-- Takes deliveries that are due, "most" of them at most, and no more than "each"
-- to a webhook, with those under way ("busy", its id for each of them).  To one
-- that is failing goes one at a time, and to all that are "frail" in all: what
-- hangs takes no room from what does not.  The first to each webhook goes before
-- the second to any.
--
-- What was taken is due again when the lease runs out; "leased_until" is what
-- the taker shows when it tells what became of it.
--
-- A row without url was not taken: it has failed, since its webhook is disabled.
--
-- The webhooks are found by a step of the index for each that has a delivery to
-- come, however many it has.  Another worker may take what was chosen here: then
-- it is chosen anew.

CREATE FUNCTION notify.claim_deliveries(most integer, each integer,
                                        frail integer, busy uuid[],
                                        lease interval)
RETURNS TABLE (id uuid, webhook_id uuid, event_id uuid, attempt integer,
               failing boolean, leased_until timestamptz, url text,
               secret bytea, old_secret bytea, body text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    chosen uuid[];
BEGIN
    FOR i IN 1 .. 3 LOOP
        WITH RECURSIVE hook (id) AS (
            (SELECT d.webhook_id FROM notify.deliveries d
             WHERE d.status = 'pending' ORDER BY d.webhook_id LIMIT 1)
            UNION ALL
            SELECT (SELECT d.webhook_id FROM notify.deliveries d
                    WHERE d.status = 'pending' AND d.webhook_id > h.id
                    ORDER BY d.webhook_id LIMIT 1)
            FROM hook h
            WHERE h.id IS NOT NULL
        ), due AS (
            SELECT d.id, d.next_attempt_at, f.failing,
                   b.n + row_number() OVER (PARTITION BY w.id
                                            ORDER BY d.next_attempt_at) AS place
            FROM hook h
            JOIN notify.webhooks w ON w.id = h.id
            CROSS JOIN LATERAL (
                SELECT w.enabled AND w.failing_since IS NOT NULL AS failing
            ) f
            CROSS JOIN LATERAL (
                SELECT count(*) AS n FROM unnest(busy) u WHERE u = w.id
            ) b
            CROSS JOIN LATERAL (
                SELECT d.id, d.next_attempt_at FROM notify.deliveries d
                WHERE d.status = 'pending' AND d.webhook_id = w.id
                  AND d.next_attempt_at <= now()
                ORDER BY d.next_attempt_at
                LIMIT CASE WHEN NOT w.enabled THEN 100
                           WHEN f.failing THEN greatest(1 - b.n, 0)
                           ELSE greatest(each - b.n, 0) END
            ) d
        )
        SELECT ARRAY(
            SELECT d.id
            FROM (SELECT d.*, row_number() OVER (
                             PARTITION BY d.failing
                             ORDER BY d.place, d.next_attempt_at) AS turn
                  FROM due d) d
            WHERE NOT d.failing OR d.turn <= frail
            ORDER BY d.failing, d.turn
            LIMIT most
        ) INTO chosen;

        EXIT WHEN cardinality(chosen) = 0;

        RETURN QUERY
        WITH taken AS MATERIALIZED (
            SELECT d.id, d.webhook_id, d.n FROM notify.deliveries d
            WHERE d.id = ANY (chosen)
              AND d.status = 'pending' AND d.next_attempt_at <= now()
            FOR UPDATE SKIP LOCKED
        )
        UPDATE notify.deliveries d
        SET next_attempt_at = now() + lease,
            status = CASE WHEN w.enabled THEN 'pending' ELSE 'failed' END,
            error = CASE WHEN w.enabled THEN d.error
                         ELSE 'the webhook is disabled' END
        FROM taken t
        JOIN notify.webhooks w ON w.id = t.webhook_id
        LEFT JOIN notify.events e ON e.n = t.n
        WHERE d.id = t.id
        RETURNING d.id, d.webhook_id, d.event_id, d.attempts + 1,
                  w.failing_since IS NOT NULL, d.next_attempt_at,
                  CASE WHEN w.enabled THEN w.url END, w.secret,
                  CASE WHEN w.old_secret_until > now() THEN w.old_secret END,
                  coalesce(d.data::text,
                           format('{"id":"%s","type":"%s","timestamp":"%s",'
                                  '"actor_id":"%s","project_id":"%s",'
                                  '"data":%s}', e.id, e.type,
                                  notify.time(e.created_at), e.actor_id,
                                  e.project_id, e.data));

        EXIT WHEN FOUND;
    END LOOP;
END
$$;


-- Writes what became of deliveries that were claimed: an array of
--
--     {"id", "webhook", "lease",          as claimed
--      "delivered", "gone",               410: whoever was there is gone
--      "status", "body", "error",         what the API shows; or null
--      "duration",                        ms
--      "pause"}                           ms until the next attempt, or null
--
-- What was delivered is so whoever says it; else only who has the lease is
-- heard.  Webhooks that are gone, or have failed for so long, are disabled;
-- their owners get an event.  A row for each of them.
--
-- Webhooks are written first: who deletes one comes to its deliveries from
-- there.

CREATE FUNCTION notify.record_deliveries(outcomes json,
                                         disable_after interval)
RETURNS TABLE (webhook_id uuid, reason text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH hook AS (
        SELECT o.webhook AS id, bool_or(o.delivered) AS delivered,
               bool_or(o.gone) AS gone
        FROM json_to_recordset(outcomes)
             AS o (webhook uuid, delivered boolean, gone boolean)
        GROUP BY o.webhook
    ), locked AS MATERIALIZED (
        SELECT w.id, w.enabled, w.failing_since, h.delivered, h.gone
        FROM hook h
        JOIN notify.webhooks w ON w.id = h.id
        WHERE h.delivered = (w.failing_since IS NOT NULL)
           OR w.enabled AND (h.gone OR NOT h.delivered
                             AND w.failing_since <= now() - disable_after)
        FOR NO KEY UPDATE OF w
    ), judged AS (
        SELECT l.*,
               CASE WHEN NOT l.enabled THEN NULL
                    WHEN l.gone THEN 'gone'
                    WHEN NOT l.delivered
                         AND l.failing_since <= now() - disable_after
                    THEN 'failing' END AS reason
        FROM locked l
    ), changed AS (
        UPDATE notify.webhooks w
        SET failing_since = CASE WHEN NOT j.delivered
                                 THEN coalesce(w.failing_since, now()) END,
            enabled = w.enabled AND j.reason IS NULL,
            disabled_reason = coalesce(j.reason, w.disabled_reason),
            updated_at = CASE WHEN j.reason IS NULL THEN w.updated_at
                              ELSE greatest(now(), w.updated_at) END,
            version = w.version + (j.reason IS NOT NULL)::integer
        FROM judged j
        WHERE w.id = j.id
        RETURNING w.id, w.user_id, w.url, j.reason
    ), told AS (
        INSERT INTO notify.outbox (id, type, actor_id, data)
        SELECT notify.event_id(), 'webhook.disabled', c.user_id,
               json_build_object('webhook', json_build_object(
                   'id', c.id, 'url', c.url, 'disabled_reason', c.reason))
        FROM changed c
        WHERE c.reason IS NOT NULL
    )
    SELECT c.id, c.reason FROM changed c WHERE c.reason IS NOT NULL;

    UPDATE notify.deliveries d
    SET status = CASE WHEN o.delivered THEN 'delivered'
                      WHEN o.pause IS NULL THEN 'failed'
                      ELSE 'pending' END,
        attempts = d.attempts + 1,
        next_attempt_at = now() + coalesce(o.pause, 0)
                                  * interval '1 millisecond',
        last_attempt_at = now() - o.duration * interval '1 millisecond',
        response_status = o.status,
        response_body = o.body,
        duration_ms = o.duration,
        error = o.error
    FROM json_to_recordset(outcomes)
         AS o (id uuid, lease timestamptz, delivered boolean, status integer,
               body text, error text, duration integer, pause bigint)
    WHERE d.id = o.id
      AND (o.delivered AND d.status <> 'delivered'
           OR d.status = 'pending' AND d.next_attempt_at = o.lease);
END
$$;


REVOKE ALL ON FUNCTION
    notify.claim_deliveries(integer, integer, integer, uuid[], interval),
    notify.record_deliveries(json, interval) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION
    notify.claim_deliveries(integer, integer, integer, uuid[], interval),
    notify.record_deliveries(json, interval) TO skep_worker;

COMMIT;
