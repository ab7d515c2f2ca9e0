-- Deploy skep:projects to pg
-- requires: accounts
-- requires: comments
-- requires: lists

BEGIN;

-- Members are listed in the order in which they came.  Who is a member is
-- looked up by the primary key.

DROP INDEX task.members_project_id_user_id_idx;

CREATE INDEX members_project_id_added_at_user_id_idx
    ON task.members (project_id, added_at, user_id);


-- What follows changes several rows that others change, too, and must see them
-- as they are when it may: each statement of a function sees what was committed
-- before the statement began, after the locks of those before it.
--
-- Locks are taken in one order: users, projects, members, tasks, and within
-- each by id.  A statement that assigns a task has locked the task before it
-- looks for the member, and so never waits for one: a member whose row is
-- locked is about to leave (FOR KEY SHARE SKIP LOCKED).


-- UUIDv7 (RFC 9562, 5.7) of now; for events, whose ids nginx makes elsewhere

CREATE FUNCTION notify.event_id() RETURNS uuid
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
    SELECT encode(set_byte(
               overlay(uuid_send(gen_random_uuid())
                   PLACING substr(int8send((extract(epoch FROM clock_timestamp())
                                            * 1000)::bigint), 3)
                   FROM 1 FOR 6),
               6, 112 + (random() * 15)::int), 'hex')::uuid
$$;


-- Locks a project for one of its members; the member's role as it is then.
-- Null: there is no such project for them.

CREATE FUNCTION task.lock_project(caller uuid, project uuid) RETURNS task.role
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM FROM task.projects p
    JOIN task.members m ON m.user_id = caller AND m.project_id = p.id
    WHERE p.id = project
    FOR UPDATE OF p;

    RETURN (SELECT m.role FROM task.members m
            WHERE m.user_id = caller AND m.project_id = project);
END
$$;


-- Whether a locked project has an owner beside that one.

CREATE FUNCTION task.other_owner(project uuid, who uuid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT FROM task.members m
                   WHERE m.project_id = project AND m.user_id <> who
                     AND m.role = 'owner')
$$;


-- A new version of a locked project after a change of its members: their own
-- role is part of what they see of it.  If its owner is none any more, the
-- longest-standing one is from now on.

CREATE FUNCTION task.members_changed(project uuid) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
    UPDATE task.projects p
    SET owner_id = o.user_id, updated_at = greatest(now(), p.updated_at),
        version = p.version + 1
    FROM (SELECT m.user_id
          FROM task.members m
          JOIN task.projects p ON p.id = m.project_id
          WHERE m.project_id = project AND m.role = 'owner'
          ORDER BY m.user_id <> p.owner_id, m.added_at, m.user_id
          LIMIT 1) o
    WHERE p.id = project
$$;


-- After a member of a locked project was removed: their tasks are nobody's,
-- each with its event.  What others assigned to them meanwhile is committed,
-- since their row is gone.

CREATE FUNCTION task.member_left(actor uuid, project uuid, who uuid)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    WITH theirs AS MATERIALIZED (
        SELECT t.id FROM task.tasks t
        WHERE t.project_id = project AND t.assignee_id = who
          AND t.deleted_at IS NULL
        ORDER BY t.id
        FOR UPDATE
    ), freed AS (
        UPDATE task.tasks t
        SET assignee_id = NULL, updated_at = greatest(now(), t.updated_at),
            version = t.version + 1, changed = pg_current_xact_id()
        FROM theirs
        WHERE t.id = theirs.id
        RETURNING t.*
    )
    INSERT INTO notify.outbox (id, type, actor_id, project_id, task_id, data)
    SELECT notify.event_id(), 'task.updated', actor, f.project_id, f.id,
           json_build_object(
               'task', to_jsonb(f) - '{deleted_at,changed,search}'::text[],
               'changes', json_build_object('assignee_id',
                                            json_build_array(who, NULL)))
    FROM freed f;

    PERFORM task.members_changed(project);
END
$$;


-- Deletes a locked project and what it holds.  The rows stay as tombstones.
-- Without members the project is seen by nobody, nor is what it holds, nor a
-- task that slips into it meanwhile.

CREATE FUNCTION task.erase_project(project uuid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM task.members m WHERE m.project_id = project;

    UPDATE task.projects p
    SET deleted_at = greatest(now(), p.updated_at), inbox = false,
        updated_at = greatest(now(), p.updated_at), version = p.version + 1
    WHERE p.id = project;

    WITH held AS MATERIALIZED (
        SELECT t.id FROM task.tasks t
        WHERE t.project_id = project AND t.deleted_at IS NULL
        ORDER BY t.id
        FOR UPDATE
    ), gone AS (
        UPDATE task.tasks t
        SET deleted_at = greatest(now(), t.updated_at),
            updated_at = greatest(now(), t.updated_at),
            version = t.version + 1,
            changed = pg_current_xact_id()
        FROM held
        WHERE t.id = held.id
        RETURNING t.id
    )
    UPDATE task.comments c
    SET deleted_at = greatest(now(), c.updated_at),
        updated_at = greatest(now(), c.updated_at),
        version = c.version + 1
    FROM gone
    WHERE c.task_id = gone.id AND c.deleted_at IS NULL;
END
$$;


-- The calls.  Each tells its outcome: ok, a problem's code, or null if there is
-- no such thing for the caller.  They run with the rights of their owner: nginx
-- itself may not delete memberships and projects.

CREATE FUNCTION task.delete_project(caller uuid, project uuid,
                                    versions bigint[])
RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    mine task.role := task.lock_project(caller, project);
    p task.projects;
BEGIN
    IF mine IS NULL THEN
        RETURN NULL;
    END IF;

    SELECT * INTO p FROM task.projects WHERE id = project;

    IF mine <> 'owner' THEN
        RETURN 'forbidden';
    ELSIF p.inbox THEN
        RETURN 'inbox_not_deletable';
    ELSIF p.version <> ALL (versions) THEN
        RETURN 'version_mismatch';
    END IF;

    PERFORM task.erase_project(project);
    RETURN 'ok';
END
$$;


-- wanted: null leaves the role as it is

CREATE FUNCTION task.change_member(caller uuid, project uuid, who uuid,
                                   wanted task.role)
RETURNS TABLE (outcome text, user_id uuid, email text, name text,
               role task.role, added_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    mine task.role := task.lock_project(caller, project);
    theirs task.role;
BEGIN
    SELECT m.role INTO theirs FROM task.members m
    WHERE m.user_id = who AND m.project_id = project;

    IF mine IS NULL OR mine = 'owner' AND theirs IS NULL THEN
        RETURN;
    END IF;

    outcome := CASE
        WHEN mine <> 'owner' THEN 'forbidden'
        WHEN theirs = 'owner' AND wanted <> 'owner'
             AND NOT task.other_owner(project, who) THEN 'last_owner'
        ELSE 'ok'
    END;

    IF outcome <> 'ok' THEN
        RETURN NEXT;
        RETURN;
    END IF;

    IF wanted <> theirs THEN
        UPDATE task.members m SET role = wanted
        WHERE m.user_id = who AND m.project_id = project;

        PERFORM task.members_changed(project);
    END IF;

    RETURN QUERY
    SELECT 'ok', u.id, u.email, u.name, m.role, m.added_at
    FROM task.members m
    JOIN auth.users u ON u.id = m.user_id
    WHERE m.user_id = who AND m.project_id = project;
END
$$;


CREATE FUNCTION task.remove_member(caller uuid, project uuid, who uuid)
RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    mine task.role := task.lock_project(caller, project);
    theirs task.role;
BEGIN
    IF mine IS NULL THEN
        RETURN NULL;
    ELSIF mine <> 'owner' AND who <> caller THEN
        RETURN 'forbidden';
    END IF;

    SELECT m.role INTO theirs FROM task.members m
    WHERE m.user_id = who AND m.project_id = project;

    IF theirs IS NULL THEN
        RETURN NULL;
    ELSIF theirs = 'owner' AND NOT task.other_owner(project, who) THEN
        RETURN 'last_owner';
    END IF;

    DELETE FROM task.members m
    WHERE m.user_id = who AND m.project_id = project;

    PERFORM task.member_left(caller, project, who);
    RETURN 'ok';
END
$$;


-- As before, by the functions above.  The lock on the account lets others refer
-- to it, as the owner of a project does: two owners who delete their accounts
-- at once, each to be followed by the other, would wait for each other.

CREATE OR REPLACE FUNCTION auth.delete_user(who uuid, verified text,
                                            versions bigint[])
RETURNS TABLE (outcome text, session_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    account auth.users;
    alone uuid[];
    shared uuid[];
BEGIN
    SELECT * INTO account FROM auth.users u
    WHERE u.id = who AND u.disabled_at IS NULL
    FOR NO KEY UPDATE;

    IF NOT FOUND THEN
        RETURN;
    END IF;

    -- in one order, so that of two last owners who leave at once one stays
    PERFORM FROM task.projects p
    WHERE p.id IN (SELECT m.project_id FROM task.members m
                   WHERE m.user_id = who)
    ORDER BY p.id
    FOR UPDATE;

    SELECT array_agg(m.project_id) FILTER (WHERE NOT o.others),
           array_agg(m.project_id) FILTER (WHERE o.others)
    INTO alone, shared
    FROM task.members m
    CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM task.members o
                                       WHERE o.project_id = m.project_id
                                         AND o.user_id <> who) AS others) o
    WHERE m.user_id = who;

    outcome := CASE
        WHEN account.version <> ALL (versions) THEN 'version_mismatch'
        WHEN account.password_hash <> verified THEN 'invalid_credentials'
        WHEN EXISTS (SELECT FROM task.members m
                     WHERE m.user_id = who AND m.role = 'owner'
                       AND m.project_id = ANY (shared)
                       AND NOT task.other_owner(m.project_id, who))
             THEN 'last_owner'
        ELSE 'ok'
    END;

    IF outcome <> 'ok' THEN
        RETURN NEXT;
        RETURN;
    END IF;

    DELETE FROM task.members m WHERE m.user_id = who;

    -- the tasks of all projects, before any is changed: in the order of locks
    PERFORM FROM task.tasks t
    WHERE t.project_id = ANY (alone || shared) AND t.deleted_at IS NULL
      AND (t.assignee_id = who OR t.project_id = ANY (alone))
    ORDER BY t.id
    FOR UPDATE;

    -- the user's alone are deleted; others' go on without the user
    PERFORM task.erase_project(id) FROM unnest(alone) id;
    PERFORM task.member_left(who, id, who) FROM unnest(shared) id;

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


REVOKE ALL ON FUNCTION notify.event_id(), task.lock_project(uuid, uuid),
    task.other_owner(uuid, uuid), task.members_changed(uuid),
    task.member_left(uuid, uuid, uuid), task.erase_project(uuid),
    task.delete_project(uuid, uuid, bigint[]),
    task.change_member(uuid, uuid, uuid, task.role),
    task.remove_member(uuid, uuid, uuid) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION task.delete_project(uuid, uuid, bigint[]),
    task.change_member(uuid, uuid, uuid, task.role),
    task.remove_member(uuid, uuid, uuid) TO skep_nginx;


-- what the statements need

GRANT SELECT,
      INSERT (description, archived, created_at, updated_at),
      UPDATE (name, description, archived, updated_at, version)
    ON task.projects TO skep_nginx;

GRANT SELECT (added_at) ON task.members TO skep_nginx;

COMMIT;
