-- Deploy skep:purges to pg
-- requires: events
-- requires: accounts
-- requires: comments
-- requires: lists
-- requires: idempotency
-- requires: revocations

BEGIN;

-- What the worker deletes by age, "most" rows at a time; and what it looks at.
--
-- Functions, each with the rights of its owner: the worker's role may delete
-- what is over and nothing else.  Each returns how many rows are gone.  None
-- waits for a row that somebody else has locked: it is there the next time.

GRANT USAGE ON SCHEMA api TO skep_worker;


-- By these it is found.  None has a column that is written again and again.

CREATE INDEX sessions_expires_at_idx ON auth.sessions (expires_at);
CREATE INDEX mail_tokens_expires_at_idx ON auth.mail_tokens (expires_at);

CREATE INDEX tasks_deleted_at_idx ON task.tasks (deleted_at)
    WHERE deleted_at IS NOT NULL;
CREATE INDEX comments_deleted_at_idx ON task.comments (deleted_at)
    WHERE deleted_at IS NOT NULL;
CREATE INDEX projects_deleted_at_idx ON task.projects (deleted_at)
    WHERE deleted_at IS NOT NULL;
-- one that lists, which go by project and then time, are not led astray by
CREATE INDEX departures_moved_at_idx
    ON task.departures ((moved_at AT TIME ZONE 'UTC'));

-- whether an event is still referred to
CREATE INDEX deliveries_n_idx ON notify.deliveries (n) WHERE n IS NOT NULL;
CREATE INDEX mails_n_idx ON notify.mails (n)
    WHERE n IS NOT NULL AND status = 'pending';

CREATE INDEX mails_created_at_idx ON notify.mails (created_at)
    WHERE status <> 'pending';


-- Sessions that ended, with their refresh tokens.

CREATE FUNCTION api.purge_sessions(older interval, most integer)
RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    n    integer;
    gone integer;
BEGIN
    DELETE FROM auth.sessions s
    WHERE s.id = ANY (ARRAY(SELECT o.id FROM auth.sessions o
                            WHERE o.expires_at < now() - older
                            ORDER BY o.expires_at LIMIT most
                            FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS gone = ROW_COUNT;

    DELETE FROM auth.sessions s
    WHERE s.id = ANY (ARRAY(SELECT o.id FROM auth.sessions o
                            WHERE o.revoked_at < now() - older
                            ORDER BY o.revoked_at LIMIT most - gone
                            FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS n = ROW_COUNT;

    RETURN gone + n;
END
$$;


-- What is of one table, found by one index, and over by that time: a function for
-- each.

DO $do$
DECLARE
    kind record;
BEGIN
    FOR kind IN
        SELECT * FROM (VALUES
            ('auth.mail_tokens', 'o.expires_at', 'now() - older', 'true'),
            ('api.idempotency_keys', 'o.stored_at', 'now() - older', 'true'),
            ('task.comments', 'o.deleted_at', 'now() - older', 'true'),
            ('task.departures', $$o.moved_at AT TIME ZONE 'UTC'$$,
             $$(now() - older) AT TIME ZONE 'UTC'$$, 'true'),
            ('notify.mails', 'o.created_at', 'now() - older',
             $$o.status <> 'pending'$$)
        ) v (relation, over, since, condition)
    LOOP
        EXECUTE format($f$
            CREATE FUNCTION api.purge_%s(older interval, most integer)
            RETURNS integer
            LANGUAGE plpgsql SECURITY DEFINER
            SET search_path = pg_catalog, pg_temp AS $$
            DECLARE
                gone integer;
            BEGIN
                DELETE FROM %s t
                WHERE t.ctid = ANY (ARRAY(SELECT o.ctid FROM %2$s o
                                          WHERE %s < %s AND %s
                                          ORDER BY %3$s LIMIT most
                                          FOR UPDATE SKIP LOCKED));
                GET DIAGNOSTICS gone = ROW_COUNT;

                RETURN gone;
            END
            $$
            $f$, split_part(kind.relation, '.', 2), kind.relation, kind.over,
            kind.since, kind.condition);
    END LOOP;
END
$do$;


-- Tasks, and what there is of them still.  A task goes last: as long as it has
-- comments it is there, and found again.

CREATE FUNCTION api.purge_tasks(older interval, most integer)
RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    which uuid[];
    n     integer;
    gone  integer;
BEGIN
    which := ARRAY(SELECT t.id FROM task.tasks t
                   WHERE t.deleted_at < now() - older
                   ORDER BY t.deleted_at LIMIT most
                   FOR UPDATE SKIP LOCKED);

    DELETE FROM task.comments c
    WHERE c.id = ANY (ARRAY(SELECT o.id FROM task.comments o
                            WHERE o.task_id = ANY (which)
                              AND o.deleted_at IS NULL
                            LIMIT most
                            FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS gone = ROW_COUNT;

    DELETE FROM task.departures d
    WHERE d.ctid = ANY (ARRAY(SELECT o.ctid FROM task.departures o
                              WHERE o.task_id = ANY (which)
                              LIMIT most
                              FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS n = ROW_COUNT;
    gone := gone + n;

    DELETE FROM task.tasks t
    WHERE t.id = ANY (which)
      AND NOT EXISTS (SELECT FROM task.comments c
                      WHERE c.task_id = t.id AND c.deleted_at IS NULL)
      AND NOT EXISTS (SELECT FROM task.departures d WHERE d.task_id = t.id);
    GET DIAGNOSTICS n = ROW_COUNT;

    RETURN gone + n;
END
$$;


-- Projects.  Tasks that slipped in while one was being deleted become
-- tombstones as old as it is, and go before it.

CREATE FUNCTION api.purge_projects(older interval, most integer)
RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    which uuid[];
    gone  integer;
BEGIN
    which := ARRAY(SELECT p.id FROM task.projects p
                   WHERE p.deleted_at < now() - older
                   ORDER BY p.deleted_at LIMIT most
                   FOR UPDATE SKIP LOCKED);

    UPDATE task.tasks t
    SET deleted_at = now() - older - interval '1 second'
    WHERE t.id = ANY (ARRAY(SELECT o.id FROM task.tasks o
                            WHERE o.project_id = ANY (which)
                              AND o.deleted_at IS NULL
                            LIMIT most
                            FOR UPDATE SKIP LOCKED));

    DELETE FROM task.projects p
    WHERE p.id = ANY (which)
      AND NOT EXISTS (SELECT FROM task.tasks t WHERE t.project_id = p.id);
    GET DIAGNOSTICS gone = ROW_COUNT;

    RETURN gone;
END
$$;


-- Deliveries that are over.  The time in an id is that of the event.

CREATE FUNCTION api.purge_deliveries(older interval, most integer)
RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    bound uuid;
    gone  integer;
BEGIN
    bound := rpad(lpad(to_hex((extract(epoch FROM now() - older)
                               * 1000)::bigint), 12, '0'), 32, '0')::uuid;

    DELETE FROM notify.deliveries d
    WHERE d.id = ANY (ARRAY(SELECT o.id FROM notify.deliveries o
                            WHERE o.id < bound AND o.status <> 'pending'
                            ORDER BY o.id LIMIT most
                            FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS gone = ROW_COUNT;

    RETURN gone;
END
$$;


CREATE FUNCTION api.purge_dead_events(older interval, most integer)
RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    gone integer;
BEGIN
    DELETE FROM notify.dead_events d
    WHERE d.seq = ANY (ARRAY(SELECT o.seq FROM notify.dead_events o
                             ORDER BY o.seq LIMIT most))
      AND d.died_at < now() - older;
    GET DIAGNOSTICS gone = ROW_COUNT;

    RETURN gone;
END
$$;


-- Rows of inboxes, in the order of the events, after the one of that key: those
-- whose event is that old, and those that were read or deleted so long ago; an
-- age of null keeps them.  The key of the last one looked at, null when the rest
-- is younger than any of that, or there is none.

CREATE FUNCTION api.purge_inbox(after_n bigint, after_user uuid,
                                of_all interval, of_read interval,
                                of_deleted interval, most integer)
RETURNS TABLE (gone integer, n bigint, user_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    young timestamptz := now() - least(of_all, of_read, of_deleted);
BEGIN
    RETURN QUERY
    WITH slice AS MATERIALIZED (
        SELECT i.n, i.user_id, e.created_at
        FROM notify.inbox i
        LEFT JOIN notify.events e ON e.n = i.n
        WHERE i.n >= coalesce(after_n, 0)
          AND (i.n, i.user_id)
              > (coalesce(after_n, 0),
                 coalesce(after_user,
                          '00000000-0000-0000-0000-000000000000'))
        ORDER BY i.n, i.user_id
        LIMIT most
    ), purged AS (
        DELETE FROM notify.inbox i
        USING slice s
        WHERE i.user_id = s.user_id AND i.n = s.n
          AND (s.created_at IS NULL OR s.created_at < now() - of_all
               OR i.read_at < now() - of_read
               OR i.deleted_at < now() - of_deleted)
        RETURNING i.n
    ), last AS (
        SELECT s.n, s.user_id FROM slice s
        WHERE (SELECT count(*) FROM slice) = most
          AND NOT EXISTS (SELECT FROM slice y WHERE y.created_at > young)
        ORDER BY s.n DESC, s.user_id DESC
        LIMIT 1
    )
    SELECT (SELECT count(*) FROM purged)::integer, l.n, l.user_id
    FROM (SELECT) one LEFT JOIN last l ON true;
END
$$;


-- Events that nothing refers to any more, of those after that one.  The last
-- one looked at, null at the end.

CREATE FUNCTION api.purge_events(after bigint, most integer)
RETURNS TABLE (gone integer, n bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH slice AS MATERIALIZED (
        SELECT e.n, e.created_at FROM notify.events e
        WHERE e.n > coalesce(after, 0)
        ORDER BY e.n
        LIMIT most
    ), purged AS (
        DELETE FROM notify.events e
        USING slice s
        WHERE e.n = s.n AND s.created_at < now() - interval '1 hour'
          AND NOT EXISTS (SELECT FROM notify.inbox i WHERE i.n = s.n)
          AND NOT EXISTS (SELECT FROM notify.deliveries d WHERE d.n = s.n)
          AND NOT EXISTS (SELECT FROM notify.mails m
                          WHERE m.n = s.n AND m.status = 'pending')
        RETURNING e.n
    )
    SELECT (SELECT count(*) FROM purged)::integer,
           CASE WHEN count(*) = most
                 AND max(s.created_at) < now() - interval '1 hour'
                THEN max(s.n) END
    FROM slice s;
END
$$;


-- How far the events are, and the queues: how many rows, of 10,001 at most, and
-- the age of the outbox's first, in seconds.

CREATE FUNCTION notify.queues()
RETURNS TABLE (n bigint, outbox bigint, outbox_age bigint, deliveries bigint,
               mails bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT p.n,
           (SELECT count(*)
            FROM (SELECT FROM notify.outbox o ORDER BY o.seq LIMIT 10001) o),
           coalesce((SELECT extract(epoch FROM now() - o.created_at)::bigint
                     FROM notify.outbox o ORDER BY o.seq LIMIT 1), 0),
           (SELECT count(*)
            FROM (SELECT FROM notify.deliveries d
                  WHERE d.status = 'pending' LIMIT 10001) d),
           (SELECT count(*)
            FROM (SELECT FROM notify.mails m
                  WHERE m.status = 'pending' LIMIT 10001) m)
    FROM notify.position p;
END
$$;


DO $$
DECLARE
    f regprocedure;
BEGIN
    FOR f IN SELECT p.oid::regprocedure FROM pg_proc p
             WHERE p.pronamespace = 'api'::regnamespace
               AND starts_with(p.proname, 'purge_')
                OR p.oid = 'notify.queues()'::regprocedure
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO skep_worker', f);
    END LOOP;
END
$$;

COMMIT;
