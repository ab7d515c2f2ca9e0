-- Deploy skep:events to pg
-- requires: notify
-- requires: projects
-- requires: idempotency

BEGIN;

-- The role that the worker connects as.  As that of nginx it belongs to the
-- cluster, and its password is the operator's.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'skep_worker') THEN
        CREATE ROLE skep_worker LOGIN
            NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT NOREPLICATION;
    END IF;

    EXECUTE format('GRANT CONNECT ON DATABASE %I TO skep_worker',
                   current_database());
END
$$;


-- The outbox is a queue.  A row's number is taken with its task locked, so who
-- sees a row sees those before it of the same task.  It is as good as empty all
-- the time and is written all the time: dead rows must not pile up at its head.

ALTER TABLE notify.outbox
    DROP CONSTRAINT outbox_pkey,
    ADD COLUMN seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY;

ALTER TABLE notify.outbox SET (
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 1000,
    autovacuum_vacuum_insert_threshold = -1,
    autovacuum_vacuum_cost_delay = 0,
    toast.autovacuum_vacuum_scale_factor = 0,
    toast.autovacuum_vacuum_threshold = 1000,
    toast.autovacuum_vacuum_insert_threshold = -1,
    toast.autovacuum_vacuum_cost_delay = 0
);


-- The number of the last event.  Whoever gives numbers locks the row: they have
-- no gaps, and are in the order of the commits.

CREATE TABLE notify.position (
    one  boolean  PRIMARY KEY DEFAULT true CHECK (one),
    n    bigint   NOT NULL DEFAULT 0
);

INSERT INTO notify.position DEFAULT VALUES;


-- What happened, once, for all who are told of it.

CREATE TABLE notify.events (
    n           bigint       PRIMARY KEY,
    id          uuid         NOT NULL UNIQUE,
    type        text         NOT NULL,
    actor_id    uuid         NOT NULL,
    project_id  uuid,
    task_id     uuid,
    data        json         NOT NULL,
    created_at  timestamptz  NOT NULL
);


-- Who is told.  A notification's id is its event's.  By event is how rows come
-- and how they go by age; by user is how they are read.

CREATE TABLE notify.inbox (
    user_id     uuid         NOT NULL,
    n           bigint       NOT NULL,
    read_at     timestamptz,
    deleted_at  timestamptz,
    PRIMARY KEY (n, user_id)
);

CREATE INDEX inbox_user_id_idx
    ON notify.inbox (user_id, (deleted_at IS NULL), n);
CREATE INDEX inbox_unread_idx ON notify.inbox (user_id, n)
    WHERE read_at IS NULL AND deleted_at IS NULL;


-- What users want to be told.  Who has no row has the defaults, in version 1.

CREATE TABLE notify.settings (
    user_id      uuid         PRIMARY KEY
                 REFERENCES auth.users ON DELETE CASCADE,
    own_actions  boolean      NOT NULL DEFAULT true,
    in_app_off   text[]       NOT NULL DEFAULT '{}',
    email_on     text[]       NOT NULL DEFAULT '{}',
    updated_at   timestamptz  NOT NULL DEFAULT now(),
    version      bigint       NOT NULL DEFAULT 1 CHECK (version > 0)
);


CREATE TABLE notify.webhooks (
    id                uuid         PRIMARY KEY,
    user_id           uuid         NOT NULL
                      REFERENCES auth.users ON DELETE CASCADE,
    project_id        uuid         REFERENCES task.projects ON DELETE CASCADE,
    url               text         NOT NULL,
    -- types, or '*'
    events            text[]       NOT NULL,
    enabled           boolean      NOT NULL DEFAULT true,
    disabled_reason   text,
    secret            bytea        NOT NULL CHECK (octet_length(secret) = 32),
    -- signs beside the new one until then
    old_secret        bytea        CHECK (octet_length(old_secret) = 32),
    old_secret_until  timestamptz,
    failing_since     timestamptz,
    created_at        timestamptz  NOT NULL DEFAULT now(),
    updated_at        timestamptz  NOT NULL DEFAULT now(),
    version           bigint       NOT NULL DEFAULT 1 CHECK (version > 0)
);

CREATE INDEX webhooks_user_id_id_idx ON notify.webhooks (user_id, id);
CREATE INDEX webhooks_project_id_idx ON notify.webhooks (project_id)
    WHERE project_id IS NOT NULL;


-- What goes to a webhook, and what became of it: queue and log.  The time in an
-- id is that in the event's.

CREATE TABLE notify.deliveries (
    id               uuid         PRIMARY KEY,
    webhook_id       uuid         NOT NULL
                     REFERENCES notify.webhooks ON DELETE CASCADE,
    n                bigint,
    event_id         uuid         NOT NULL,
    type             text         NOT NULL,
    -- of an event that is in notify.events: null
    data             json,
    status           text         NOT NULL DEFAULT 'pending'
                     CHECK (status IN ('pending', 'delivered', 'failed')),
    attempts         integer      NOT NULL DEFAULT 0,
    next_attempt_at  timestamptz  NOT NULL DEFAULT now(),
    last_attempt_at  timestamptz,
    response_status  integer,
    response_body    text,
    duration_ms      integer,
    error            text,
    created_at       timestamptz  NOT NULL DEFAULT now(),
    UNIQUE (webhook_id, event_id)
);

CREATE INDEX deliveries_pending_idx
    ON notify.deliveries (webhook_id, next_attempt_at)
    WHERE status = 'pending';


-- What goes out by e-mail: of an event, or with data of its own.

CREATE TABLE notify.mails (
    id               uuid         PRIMARY KEY,
    user_id          uuid         NOT NULL,
    type             text         NOT NULL,
    n                bigint,
    data             json,
    status           text         NOT NULL DEFAULT 'pending'
                     CHECK (status IN ('pending', 'sent', 'failed', 'dropped')),
    attempts         integer      NOT NULL DEFAULT 0,
    next_attempt_at  timestamptz  NOT NULL DEFAULT now(),
    error            text,
    created_at       timestamptz  NOT NULL DEFAULT now()
);

CREATE INDEX mails_pending_idx ON notify.mails (next_attempt_at)
    WHERE status = 'pending';
CREATE INDEX mails_user_id_idx ON notify.mails (user_id);


-- Rows of the outbox that can't be fanned out, for the operator.

CREATE TABLE notify.dead_events (
    seq         bigint       PRIMARY KEY,
    id          uuid         NOT NULL,
    type        text         NOT NULL,
    actor_id    uuid         NOT NULL,
    project_id  uuid,
    task_id     uuid,
    data        json         NOT NULL,
    created_at  timestamptz  NOT NULL,
    reason      text         NOT NULL,
    died_at     timestamptz  NOT NULL DEFAULT now()
);


-- An instant as the API writes it: RFC 3339, UTC, a fraction only if there is
-- one.

CREATE FUNCTION notify.time(at timestamptz) RETURNS text
LANGUAGE sql STABLE STRICT
RETURN (to_json(at AT TIME ZONE 'UTC') #>> '{}') || 'Z';


-- Takes the oldest rows of the outbox, "most" of them at most, and writes for
-- each who is told: inbox, webhooks, mails.  None is beyond "upto".
--
-- A row for each that was taken, in their order.  Those of accounts (auth.*)
-- are mails alone, have no n, and their data are not told.  An event without a
-- project is for its actor.  "recipients" have it in their inboxes now.
--
-- One at a time: the row of notify.position is locked before the statement that
-- takes the rows begins, and so that one sees what those before it left.  It is
-- planned without a look at how large tables happen to be: each is read by an
-- index, whose rows few.

CREATE FUNCTION notify.fan_out(upto bigint, most integer)
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
                                   data, created_at)
        SELECT t.n, t.id, t.type, t.actor_id, t.project_id, t.task_id, t.data,
               t.created_at
        FROM told t
        WHERE NOT t.account
    ), inbox AS (
        INSERT INTO notify.inbox (user_id, n)
        SELECT unnest(t.users), t.n FROM told t
    ), delivery AS (
        INSERT INTO notify.deliveries (id, webhook_id, n, event_id, type)
        SELECT encode(overlay(uuid_send(gen_random_uuid())
                              PLACING substr(uuid_send(t.id), 1, 7)
                              FROM 1 FOR 7), 'hex')::uuid,
               w.id, t.n, t.id, t.type
        FROM told t CROSS JOIN LATERAL unnest(t.hooks) w (id)
    ), mail AS (
        INSERT INTO notify.mails (id, user_id, type, n, data)
        SELECT CASE WHEN t.account THEN t.id ELSE gen_random_uuid() END,
               u.id, t.type,
               CASE WHEN NOT t.account THEN t.n END,
               CASE WHEN t.account THEN t.data END
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


-- Takes a row of the outbox that can't be fanned out out of everybody's way.
-- No row: it is gone already.

CREATE FUNCTION notify.bury(which bigint, why text)
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
                                         task_id, data, created_at, reason)
    SELECT p.seq, p.id, p.type, p.actor_id, p.project_id, p.task_id, p.data,
           p.created_at, why
    FROM popped p
    RETURNING d.seq, d.id, d.type, d.actor_id, d.project_id, d.task_id,
              notify.time(d.created_at);
END
$$;


-- Who deletes an account leaves nothing here.  No fan-out is under way that
-- took them for a member still, and those that follow wait for the end of this.

CREATE FUNCTION notify.forget_user() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM FROM notify.position FOR UPDATE;

    DELETE FROM notify.settings s WHERE s.user_id = NEW.id;
    DELETE FROM notify.inbox i WHERE i.user_id = NEW.id;
    DELETE FROM notify.webhooks w WHERE w.user_id = NEW.id;
    DELETE FROM notify.mails m WHERE m.user_id = NEW.id;
    RETURN NULL;
END
$$;

CREATE TRIGGER users_forget_notifications
    AFTER UPDATE OF deleted_at ON auth.users
    FOR EACH ROW WHEN (OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL)
    EXECUTE FUNCTION notify.forget_user();


REVOKE ALL ON FUNCTION notify.time(timestamptz),
    notify.fan_out(bigint, integer), notify.bury(bigint, text),
    notify.forget_user() FROM PUBLIC;


GRANT EXECUTE ON FUNCTION notify.time(timestamptz) TO skep_nginx, skep_worker;


-- nginx

GRANT SELECT (n) ON notify.position TO skep_nginx;

GRANT SELECT (seq, id, type, created_at) ON notify.outbox TO skep_nginx;

GRANT SELECT ON notify.events TO skep_nginx;

GRANT SELECT,
      UPDATE (read_at, deleted_at)
    ON notify.inbox TO skep_nginx;

GRANT SELECT,
      INSERT (user_id, own_actions, in_app_off, email_on, version),
      UPDATE (own_actions, in_app_off, email_on, updated_at, version)
    ON notify.settings TO skep_nginx;


-- the worker

GRANT USAGE ON SCHEMA notify TO skep_worker;

GRANT EXECUTE ON FUNCTION notify.fan_out(bigint, integer),
    notify.bury(bigint, text) TO skep_worker;

GRANT SELECT (seq, id, type, created_at) ON notify.outbox TO skep_worker;

GRANT SELECT (n) ON notify.position TO skep_worker;

GRANT SELECT ON notify.events TO skep_worker;

COMMIT;
