-- Revert skep:accounts from pg

BEGIN;

DROP FUNCTION auth.delete_user(uuid, text, bigint[]);
DROP FUNCTION auth.revoke_sessions(uuid, uuid);

DELETE FROM notify.outbox WHERE project_id IS NULL;
ALTER TABLE notify.outbox ALTER COLUMN project_id SET NOT NULL;

DROP TABLE auth.mail_tokens;


-- a session had one refresh token: the latest that is not spent

ALTER TABLE auth.sessions
    ADD COLUMN refresh_hash bytea
        CHECK (octet_length(refresh_hash) = 32) UNIQUE;

UPDATE auth.sessions s
SET refresh_hash = (SELECT t.hash FROM auth.refresh_tokens t
                    WHERE t.session_id = s.id AND t.spent_at IS NULL
                    ORDER BY t.created_at DESC LIMIT 1);

DELETE FROM auth.sessions WHERE refresh_hash IS NULL;
ALTER TABLE auth.sessions ALTER COLUMN refresh_hash SET NOT NULL;
DROP TABLE auth.refresh_tokens;


-- a user who left can't log in, and has no address of anybody's

ALTER TABLE auth.users DROP CONSTRAINT users_deleted_check;

UPDATE auth.users
SET email = id || '@deleted.invalid', password_hash = '$'
WHERE deleted_at IS NOT NULL;

ALTER TABLE auth.users
    DROP COLUMN deleted_at,
    ALTER COLUMN email SET NOT NULL,
    ALTER COLUMN password_hash SET NOT NULL;


REVOKE UPDATE (email, name, password_hash, role, email_verified, disabled_at,
               updated_at, version)
    ON auth.users FROM skep_nginx;

REVOKE SELECT (id, user_id, ip, user_agent, created_at, last_used_at,
               expires_at, revoked_at),
       UPDATE (ip, user_agent, last_used_at, expires_at, revoked_at),
       DELETE
    ON auth.sessions FROM skep_nginx;

GRANT INSERT (refresh_hash) ON auth.sessions TO skep_nginx;

COMMIT;
