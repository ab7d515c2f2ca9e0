-- Statements of ngx_auth_module.  The columns that make a user are the same,
-- in the same order, wherever a user is returned: they become JSON.


-- name: user_register
-- lane: write

-- $1 user, $2 e-mail, $3 name, $4 password hash, $5 the Inbox's id,
-- $6 session, $7 hash of the refresh token, $8 address, $9 user agent,
-- $10 the session's length in seconds
--
-- All of it or nothing.  No row: the e-mail is taken.

WITH account AS (
    INSERT INTO auth.users (id, email, name, password_hash)
    VALUES ($1::uuid, $2::text, $3::text, $4::text)
    ON CONFLICT (lower(email)) DO NOTHING
    RETURNING id, email, name, role, email_verified, created_at, updated_at,
              version
), inbox AS (
    INSERT INTO task.projects (id, owner_id, name, inbox)
    SELECT $5::uuid, account.id, 'Inbox', true
    FROM account
    RETURNING id, owner_id
), membership AS (
    INSERT INTO task.members (project_id, user_id, role)
    SELECT inbox.id, inbox.owner_id, 'owner'
    FROM inbox
), session AS (
    INSERT INTO auth.sessions (id, user_id, refresh_hash, ip, user_agent,
                               expires_at)
    SELECT $6::uuid, account.id, $7::bytea, $8::text, $9::text,
           now() + make_interval(secs => $10::bigint)
    FROM account
)
SELECT id, email, name, role, email_verified, created_at, updated_at, version
FROM account;


-- name: user_by_email
-- lane: read

SELECT id, password_hash, disabled_at IS NOT NULL AS disabled
FROM auth.users
WHERE lower(email) = lower($1::text);


-- name: session_create
-- lane: write

-- $1 session, $2 user, $3 hash of the refresh token, $4 address,
-- $5 user agent, $6 the session's length in seconds, $7 the password hash that
-- was verified
--
-- No row: the account may not be used any more, or its password has changed.

WITH account AS (
    SELECT id, email, name, role, email_verified, created_at, updated_at,
           version
    FROM auth.users
    WHERE id = $2::uuid AND password_hash = $7::text AND disabled_at IS NULL
), session AS (
    INSERT INTO auth.sessions (id, user_id, refresh_hash, ip, user_agent,
                               expires_at)
    SELECT $1::uuid, account.id, $3::bytea, $4::text, $5::text,
           now() + make_interval(secs => $6::bigint)
    FROM account
)
SELECT id, email, name, role, email_verified, created_at, updated_at, version
FROM account;


-- name: user_get
-- lane: read

SELECT id, email, name, role, email_verified, created_at, updated_at, version
FROM auth.users
WHERE id = $1::uuid AND disabled_at IS NULL;
