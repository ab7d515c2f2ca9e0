-- Deploy skep:traces to pg
-- requires: events
-- requires: webhooks

BEGIN;

-- Where an event comes from, a delivery, a mail: the request's place in a trace
-- (W3C Trace Context) and its id, 'TRACEPARENT REQUEST-ID'.  Null: of no request.
--
-- A statement gives it; functions that write events get it from a setting, which
-- their caller makes for the transaction.

ALTER TABLE notify.outbox ADD COLUMN trace text
    DEFAULT nullif(current_setting('skep.trace', true), '');

ALTER TABLE notify.events ADD COLUMN trace text;
ALTER TABLE notify.dead_events ADD COLUMN trace text;
ALTER TABLE notify.deliveries ADD COLUMN trace text;
ALTER TABLE notify.mails ADD COLUMN trace text;


-- as they were, with the trace

CREATE OR REPLACE FUNCTION notify.fan_out(upto bigint, most integer)
RETURNS TABLE (seq bigint, n bigint, id uuid, type text, actor_id uuid,
               project_id uuid, task_id uuid, data json, created_at text,
               recipients uuid[], deliveries integer, mails integer)
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
    base bigint;
BEGIN
    -- most who ask when there is nothing need no lock and leave no trace
    PERFORM FROM notify.outbox o WHERE o.seq <= upto LIMIT 1;

    IF NOT FOUND THEN
        RETURN;
    END IF;

    SELECT p.n INTO STRICT base FROM notify.position p FOR UPDATE;

    RETURN QUERY
    WITH popped AS MATERIALIZED (
        DELETE FROM notify.outbox o
        WHERE o.ctid = ANY (ARRAY(SELECT h.ctid FROM notify.outbox h
                                  WHERE h.seq <= upto
                                  ORDER BY h.seq LIMIT most))
        RETURNING o.*
    ), numbered AS (
        SELECT p.*, starts_with(p.type, 'auth.') AS account,
               base + count(*) FILTER (WHERE NOT starts_with(p.type, 'auth.'))
                      OVER (ORDER BY p.seq) AS n
        FROM popped p
    ), told AS MATERIALIZED (
        SELECT e.*, t.users, t.mailed, h.hooks
        FROM numbered e
        CROSS JOIN LATERAL (
            SELECT array_agg(u.id) AS everybody,
                   array_agg(u.id) FILTER (WHERE w.wanted AND NOT e.account
                       AND e.type = ANY (s.in_app_off) IS NOT TRUE) AS users,
                   array_agg(u.id) FILTER (WHERE e.account OR w.wanted
                       AND e.type = ANY (s.email_on)) AS mailed
            FROM (SELECT m.user_id FROM task.members m
                  WHERE m.project_id = e.project_id
                  UNION ALL
                  SELECT e.actor_id WHERE e.project_id IS NULL) m
            JOIN auth.users u ON u.id = m.user_id AND u.disabled_at IS NULL
            LEFT JOIN notify.settings s ON s.user_id = u.id
            CROSS JOIN LATERAL (
                SELECT u.id <> e.actor_id OR s.own_actions IS NOT FALSE
                       OR e.project_id IS NULL AS wanted
            ) w
        ) t
        CROSS JOIN LATERAL (
            -- one that is being deleted is waited for, and then is none
            SELECT ARRAY(SELECT w.id FROM notify.webhooks w
                         WHERE w.user_id = ANY (t.everybody) AND w.enabled
                           AND e.project_id IS NOT NULL
                           AND (w.project_id IS NULL
                                OR w.project_id = e.project_id)
                           AND w.events && ARRAY[e.type, '*']
                         FOR KEY SHARE) AS hooks
        ) h
    ), event AS (
        INSERT INTO notify.events (n, id, type, actor_id, project_id, task_id,
                                   data, created_at, trace)
        SELECT t.n, t.id, t.type, t.actor_id, t.project_id, t.task_id, t.data,
               t.created_at, t.trace
        FROM told t
        WHERE NOT t.account
    ), inbox AS (
        INSERT INTO notify.inbox (user_id, n)
        SELECT unnest(t.users), t.n FROM told t
    ), delivery AS (
        INSERT INTO notify.deliveries (id, webhook_id, n, event_id, type, trace)
        SELECT encode(overlay(uuid_send(gen_random_uuid())
                              PLACING substr(uuid_send(t.id), 1, 7)
                              FROM 1 FOR 7), 'hex')::uuid,
               w.id, t.n, t.id, t.type, t.trace
        FROM told t CROSS JOIN LATERAL unnest(t.hooks) w (id)
    ), mail AS (
        INSERT INTO notify.mails (id, user_id, type, n, data, trace)
        SELECT CASE WHEN t.account THEN t.id ELSE gen_random_uuid() END,
               u.id, t.type,
               CASE WHEN NOT t.account THEN t.n END,
               CASE WHEN t.account THEN t.data END, t.trace
        FROM told t CROSS JOIN LATERAL unnest(t.mailed) u (id)
    ), moved AS (
        UPDATE notify.position SET n = (SELECT max(t.n) FROM told t)
        WHERE EXISTS (SELECT FROM told t)
    )
    SELECT t.seq, CASE WHEN NOT t.account THEN t.n END, t.id, t.type,
           t.actor_id, t.project_id, t.task_id,
           CASE WHEN NOT t.account THEN t.data END,
           notify.time(t.created_at), coalesce(t.users, '{}'),
           cardinality(t.hooks), coalesce(cardinality(t.mailed), 0)
    FROM told t
    ORDER BY t.seq;
END
$$;


CREATE OR REPLACE FUNCTION notify.bury(which bigint, why text)
RETURNS TABLE (seq bigint, id uuid, type text, actor_id uuid, project_id uuid,
               task_id uuid, created_at text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    PERFORM FROM notify.position FOR UPDATE;

    RETURN QUERY
    WITH popped AS (
        DELETE FROM notify.outbox o WHERE o.seq = which RETURNING o.*
    )
    INSERT INTO notify.dead_events AS d (seq, id, type, actor_id, project_id,
                                         task_id, data, created_at, reason,
                                         trace)
    SELECT p.seq, p.id, p.type, p.actor_id, p.project_id, p.task_id, p.data,
           p.created_at, why, p.trace
    FROM popped p
    RETURNING d.seq, d.id, d.type, d.actor_id, d.project_id, d.task_id,
              notify.time(d.created_at);
END
$$;


GRANT INSERT (trace) ON notify.outbox, notify.deliveries TO skep_nginx;

GRANT SELECT (trace) ON notify.outbox TO skep_worker;
GRANT SELECT (id, trace) ON notify.deliveries, notify.mails TO skep_worker;

COMMIT;
