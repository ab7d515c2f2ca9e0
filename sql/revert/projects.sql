-- Revert skep:projects from pg

BEGIN;

REVOKE SELECT,
       INSERT (description, archived, created_at, updated_at),
       UPDATE (name, description, archived, updated_at, version)
    ON task.projects FROM skep_nginx;

GRANT SELECT (id, owner_id, inbox) ON task.projects TO skep_nginx;

REVOKE SELECT (added_at) ON task.members FROM skep_nginx;


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


DROP FUNCTION task.remove_member(uuid, uuid, uuid);
DROP FUNCTION task.change_member(uuid, uuid, uuid, task.role);
DROP FUNCTION task.delete_project(uuid, uuid, bigint[]);
DROP FUNCTION task.erase_project(uuid);
DROP FUNCTION task.member_left(uuid, uuid, uuid);
DROP FUNCTION task.members_changed(uuid);
DROP FUNCTION task.other_owner(uuid, uuid);
DROP FUNCTION task.lock_project(uuid, uuid);
DROP FUNCTION notify.event_id();


DROP INDEX task.members_project_id_added_at_user_id_idx;

CREATE INDEX members_project_id_user_id_idx
    ON task.members (project_id, user_id);

COMMIT;
