-- Deploy skep:accounts to pg
-- requires: auth
-- requires: task
-- requires: notify
-- requires: grants

BEGIN;

-- Users who leave.  The row stays, since tasks tell who made them; what is
-- personal goes, and with it the claim on the e-mail address.

ALTER TABLE auth.users
    ADD COLUMN deleted_at timestamptz,
    ALTER COLUMN email DROP NOT NULL,
    ALTER COLUMN password_hash DROP NOT NULL,
    ADD CONSTRAINT users_deleted_check
        CHECK (CASE WHEN deleted_at IS NULL
                    THEN email IS NOT NULL AND password_hash IS NOT NULL
                    ELSE email IS NULL AND password_hash IS NULL
                         AND disabled_at IS NOT NULL END);


-- Refresh tokens, by their SHA-256.  A spent one stays as long as it would have
-- been good for, so that it is recognised when it comes again.

CREATE TABLE auth.refresh_tokens (
    hash        bytea        PRIMARY KEY CHECK (octet_length(hash) = 32),
    session_id  uuid         NOT NULL
                REFERENCES auth.sessions ON DELETE CASCADE,
    created_at  timestamptz  NOT NULL DEFAULT now(),
    spent_at    timestamptz
);

CREATE INDEX refresh_tokens_session_id_created_at_idx
    ON auth.refresh_tokens (session_id, created_at);

INSERT INTO auth.refresh_tokens (hash, session_id, created_at)
SELECT refresh_hash, id, created_at FROM auth.sessions;

ALTER TABLE auth.sessions DROP COLUMN refresh_hash;


-- Tokens that go out by e-mail, by their SHA-256; deleted when used.  Each is
-- good only as long as the account has the address that it was sent to.

CREATE TABLE auth.mail_tokens (
    hash        bytea        PRIMARY KEY CHECK (octet_length(hash) = 32),
    user_id     uuid         NOT NULL REFERENCES auth.users ON DELETE CASCADE,
    purpose     text         NOT NULL
                CHECK (purpose IN ('password_reset', 'email_verification')),
    email       text         NOT NULL,
    created_at  timestamptz  NOT NULL DEFAULT now(),
    expires_at  timestamptz  NOT NULL
);

CREATE INDEX mail_tokens_user_id_idx ON auth.mail_tokens (user_id);


-- events of accounts are of no project
ALTER TABLE notify.outbox ALTER COLUMN project_id DROP NOT NULL;


-- Revokes the sessions of a user but one (null: all); their ids.  A function,
-- since the statement in it sees what was committed up to its own start: called
-- for a user's row that is locked, it misses no session that began while the
-- caller waited for the lock.

CREATE FUNCTION auth.revoke_sessions(who uuid, but uuid) RETURNS SETOF uuid
LANGUAGE sql VOLATILE AS $$
    UPDATE auth.sessions
    SET revoked_at = now()
    WHERE user_id = who AND revoked_at IS NULL AND id IS DISTINCT FROM but
    RETURNING id
$$;


-- Deletes an account whose password was verified against the hash given, if its
-- version is one of those given (null: any).  No row: there is no such account.
-- Else its outcome: ok, version_mismatch, invalid_credentials (the password has
-- changed), last_owner (of a project that others use); with ok, a row for each
-- session that is revoked, or one without.
--
-- It runs with the rights of its owner: nginx itself needs none to delete
-- memberships and projects.

CREATE FUNCTION auth.delete_user(who uuid, verified text, versions bigint[])
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
            version = t.version + 1
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

REVOKE ALL ON FUNCTION auth.revoke_sessions(uuid, uuid),
    auth.delete_user(uuid, text, bigint[]) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION auth.revoke_sessions(uuid, uuid),
    auth.delete_user(uuid, text, bigint[]) TO skep_nginx;


-- what the statements need

GRANT SELECT (deleted_at),
      UPDATE (email, name, password_hash, role, email_verified, disabled_at,
              updated_at, version)
    ON auth.users TO skep_nginx;

GRANT SELECT (id, user_id, ip, user_agent, created_at, last_used_at,
              expires_at, revoked_at),
      UPDATE (ip, user_agent, last_used_at, expires_at, revoked_at),
      DELETE
    ON auth.sessions TO skep_nginx;

GRANT SELECT (hash, session_id, created_at, spent_at),
      INSERT (hash, session_id),
      UPDATE (spent_at),
      DELETE
    ON auth.refresh_tokens TO skep_nginx;

GRANT SELECT (hash, user_id, purpose, email, expires_at),
      INSERT (hash, user_id, purpose, email, expires_at),
      DELETE
    ON auth.mail_tokens TO skep_nginx;

COMMIT;
