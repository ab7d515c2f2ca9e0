-- Deploy skep:lists to pg
-- requires: task
-- requires: grants
-- requires: accounts

BEGIN;

-- A task that slips into a project which is being deleted is seen by nobody;
-- the key cost each task a lock on its project's row, a fifth of the whole.

ALTER TABLE task.tasks DROP CONSTRAINT tasks_project_id_fkey;

-- "changed" is the transaction that wrote the row last: the statements set it
-- anew, see docs/architecture.md, Sync.

ALTER TABLE task.tasks
    ADD COLUMN changed xid8 NOT NULL DEFAULT pg_current_xact_id(),
    ADD COLUMN search tsvector GENERATED ALWAYS AS (
        setweight(to_tsvector('simple', title), 'A')
        || setweight(to_tsvector('simple', description), 'B')) STORED;

-- likewise of a membership: to who joins, all of the project's tasks are new

ALTER TABLE task.members
    ADD COLUMN joined xid8 NOT NULL DEFAULT pg_current_xact_id();


-- what was moved out of a project, for those who can't see where it went

CREATE TABLE task.departures (
    project_id  uuid         NOT NULL,
    task_id     uuid         NOT NULL,
    moved_at    timestamptz  NOT NULL,
    changed     xid8         NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (project_id, task_id)
);

CREATE INDEX departures_project_id_moved_at_task_id_idx
    ON task.departures (project_id, moved_at, task_id);
CREATE INDEX departures_project_id_changed_task_id_idx
    ON task.departures (project_id, changed, task_id);


-- What a search looks for: each word of the text, and whatever begins with the
-- last.  The words are those that the parser of "search" finds, so that they
-- meet what it found there; one that it takes apart (well-known) has to be
-- there in all its parts.  Nothing of the text is syntax.  No word: NULL.

CREATE FUNCTION task.search_query(q text) RETURNS tsquery
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (
    SELECT string_agg('''' || replace(replace(w.word, '\', '\\'), '''', '''''')
                      || CASE WHEN w.last THEN ''':*' ELSE '''' END,
                      ' & ')::tsquery
    FROM (SELECT unnest(tsvector_to_array(to_tsvector('simple', p.text))) AS word,
                 p.n = max(p.n) FILTER (WHERE to_tsvector('simple', p.text)
                                              <> '') OVER () AS last
          FROM regexp_split_to_table(q, '\s+') WITH ORDINALITY p (text, n)) w
);

-- One key for each label of a task within its project, so that an index finds
-- one project's label at once.  Keys may collide: compare the label too.

CREATE FUNCTION task.label_key(project uuid, label text) RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN hashtextextended(label, uuid_hash_extended(project, 0));

CREATE FUNCTION task.label_keys(project uuid, labels text[]) RETURNS bigint[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (SELECT array_agg(task.label_key(project, l)) FROM unnest(labels) l);


-- as before, save for "changed"

CREATE OR REPLACE FUNCTION auth.delete_user(who uuid, verified text, versions bigint[])
RETURNS TABLE (outcome text, session_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    account auth.users;
BEGIN
    SELECT * INTO account FROM auth.users u
    WHERE u.id = who AND u.disabled_at IS NULL
    FOR UPDATE;

    IF NOT FOUND THEN
        RETURN;
    END IF;

    -- in one order, so that of two last owners who leave at once one stays
    PERFORM FROM task.projects p
    WHERE p.id IN (SELECT m.project_id FROM task.members m
                   WHERE m.user_id = who)
    ORDER BY p.id
    FOR UPDATE;

    outcome := CASE
        WHEN account.version <> ALL (versions) THEN 'version_mismatch'
        WHEN account.password_hash <> verified THEN 'invalid_credentials'
        WHEN EXISTS (
            SELECT FROM task.members m
            WHERE m.user_id = who AND m.role = 'owner'
              AND EXISTS (SELECT FROM task.members o
                          WHERE o.project_id = m.project_id
                            AND o.user_id <> who)
              AND NOT EXISTS (SELECT FROM task.members o
                              WHERE o.project_id = m.project_id
                                AND o.user_id <> who AND o.role = 'owner'))
            THEN 'last_owner'
        ELSE 'ok'
    END;

    IF outcome <> 'ok' THEN
        RETURN NEXT;
        RETURN;
    END IF;

    -- the user's alone: deleted
    WITH alone AS (
        SELECT m.project_id FROM task.members m
        WHERE m.user_id = who
          AND NOT EXISTS (SELECT FROM task.members o
                          WHERE o.project_id = m.project_id
                            AND o.user_id <> who)
    ), gone AS (
        UPDATE task.projects p
        SET deleted_at = now(), inbox = false,
            updated_at = greatest(now(), p.updated_at),
            version = p.version + 1
        FROM alone a
        WHERE p.id = a.project_id AND p.deleted_at IS NULL
    )
    DELETE FROM task.members m USING alone a
    WHERE m.project_id = a.project_id AND m.user_id = who;

    -- others': they go on without the user
    WITH freed AS (
        UPDATE task.tasks t
        SET assignee_id = NULL, updated_at = greatest(now(), t.updated_at),
            version = t.version + 1, changed = pg_current_xact_id()
        FROM task.members m
        WHERE m.user_id = who AND t.project_id = m.project_id
          AND t.assignee_id = who AND t.deleted_at IS NULL
        RETURNING t.id, t.project_id, t.title, t.description, t.status,
                  t.priority, t.labels, t.due_at, t.assignee_id, t.created_by,
                  t.completed_at, t.created_at, t.updated_at, t.version
    )
    INSERT INTO notify.outbox (id, type, actor_id, project_id, task_id, data)
    SELECT gen_random_uuid(), 'task.updated', who, f.project_id, f.id,
           json_build_object('task', row_to_json(f))
    FROM freed f;

    UPDATE task.projects p
    SET owner_id = o.user_id, inbox = false,
        updated_at = greatest(now(), p.updated_at), version = p.version + 1
    FROM task.members m
    CROSS JOIN LATERAL (SELECT o.user_id FROM task.members o
                        WHERE o.project_id = m.project_id
                          AND o.user_id <> who AND o.role = 'owner'
                        ORDER BY o.added_at, o.user_id LIMIT 1) o
    WHERE m.user_id = who AND p.id = m.project_id AND p.owner_id = who;

    DELETE FROM task.members m WHERE m.user_id = who;
    DELETE FROM auth.mail_tokens t WHERE t.user_id = who;

    DELETE FROM auth.refresh_tokens t USING auth.sessions s
    WHERE s.user_id = who AND t.session_id = s.id;

    UPDATE auth.users u
    SET email = NULL, name = 'Deleted user', password_hash = NULL,
        role = 'user', email_verified = false, disabled_at = now(),
        deleted_at = now(), updated_at = greatest(now(), u.updated_at),
        version = u.version + 1
    WHERE u.id = who;

    RETURN QUERY
    WITH revoked AS (
        UPDATE auth.sessions s
        SET ip = NULL, user_agent = NULL,
            revoked_at = coalesce(s.revoked_at, now())
        WHERE s.user_id = who
        RETURNING s.id
    )
    SELECT 'ok', r.id FROM (SELECT) one LEFT JOIN revoked r ON true;
END
$$;


GRANT SELECT (joined) ON task.members TO skep_nginx;

GRANT UPDATE (changed) ON task.tasks TO skep_nginx;

GRANT SELECT,
      INSERT (project_id, task_id, moved_at),
      UPDATE (moved_at, changed)
    ON task.departures TO skep_nginx;

COMMIT;
