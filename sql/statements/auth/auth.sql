-- Statements of ngx_auth_module.  The columns that make a user are the same,
-- in the same order, wherever a user is returned: they become JSON.  An account
-- that was deleted is a disabled one, too.


-- template: user_columns
    u.id, u.email, u.name, u.role, u.email_verified, u.created_at,
    u.updated_at, u.version

-- The same for admins.

-- template: admin_columns
    u.id, u.email, u.name, u.role, u.email_verified,
    u.disabled_at IS NOT NULL AS disabled, u.created_at, u.updated_at,
    u.version

-- A token that goes out by e-mail, to a row (id, email) of "whom", and the event
-- that asks for the mail: the only place where the token itself stands.

-- template: mail
, mail AS (
    INSERT INTO auth.mail_tokens (hash, user_id, purpose, email, expires_at)
    SELECT {hash}::bytea, w.id, {purpose}, w.email,
           now() + make_interval(secs => {ttl}::bigint)
    FROM {whom} w
    RETURNING user_id, email, expires_at
), event AS (
    INSERT INTO notify.outbox (id, type, actor_id, data, trace)
    SELECT {event_id}::uuid, {event_type}, m.user_id,
           json_build_object('user_id', m.user_id, 'email', m.email,
                             'token', {token}::text,
                             'expires_at', notify.time(m.expires_at)),
           $trace::text
    FROM mail m
    RETURNING seq, id, type
)

-- Nobody's mailbox is to be filled by others.

-- template: mail_allowed
    (SELECT count(*) FROM auth.mail_tokens t
     WHERE t.user_id = u.id AND t.purpose = {purpose}
       AND t.expires_at > now()) < 10

-- template: mail_pruned
, pruned AS (
    DELETE FROM auth.mail_tokens t
    USING {whom} w
    WHERE t.user_id = w.id AND t.expires_at <= now()
)


-- name: user_register
-- lane: write
-- with whom: account
-- with purpose: 'email_verification'
-- with event_type: 'auth.email_verification_requested'
-- with event_id: $11
-- with hash: $12
-- with token: $13
-- with ttl: $14

-- $1 user, $2 e-mail, $3 name, $4 password hash, $5 the Inbox's id,
-- $6 session, $7 hash of the refresh token, $8 address, $9 user agent,
-- $10 the session's length in seconds, $11 id of the event, $12 hash of the
-- e-mail's token, $13 the token, $14 its length in seconds
--
-- All of it or nothing.  No row: the e-mail is taken.

WITH account AS (
    INSERT INTO auth.users AS u (id, email, name, password_hash)
    VALUES ($1::uuid, $2::text, $3::text, $4::text)
    ON CONFLICT (lower(email)) DO NOTHING
    RETURNING
    -- use: user_columns
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
    INSERT INTO auth.sessions (id, user_id, ip, user_agent, expires_at)
    SELECT $6::uuid, account.id, $8::text, $9::text,
           now() + make_interval(secs => $10::bigint)
    FROM account
    RETURNING id
), token AS (
    INSERT INTO auth.refresh_tokens (hash, session_id)
    SELECT $7::bytea, session.id
    FROM session
)
-- use: mail
SELECT
-- use: user_columns
    ,
-- use: event_hinted
FROM account u
LEFT JOIN event e ON true


-- name: user_by_email
-- lane: read

SELECT id, password_hash, disabled_at IS NOT NULL AS disabled
FROM auth.users
WHERE lower(email) = lower($1::text);


-- For those who have to give their password again.

-- name: user_password
-- lane: read

SELECT password_hash
FROM auth.users
WHERE id = $1::uuid AND disabled_at IS NULL;


-- name: session_create
-- lane: write

-- $1 session, $2 user, $3 hash of the refresh token, $4 address,
-- $5 user agent, $6 the session's length in seconds, $7 the password hash that
-- was verified, $8 a new one of the same password or null, $9 for how many
-- seconds sessions that are over are kept
--
-- No row: the account may not be used any more, or its password has changed.
-- The lock on it lets whoever revokes all its sessions find this one, or this
-- find out.

WITH account AS (
    SELECT
    -- use: user_columns
    FROM auth.users u
    WHERE u.id = $2::uuid AND u.password_hash = $7::text
      AND u.disabled_at IS NULL
    FOR NO KEY UPDATE
), rehashed AS (
    UPDATE auth.users u
    SET password_hash = $8::text
    FROM account a
    WHERE u.id = a.id AND $8::text IS NOT NULL
), session AS (
    INSERT INTO auth.sessions (id, user_id, ip, user_agent, expires_at)
    SELECT $1::uuid, account.id, $4::text, $5::text,
           now() + make_interval(secs => $6::bigint)
    FROM account
    RETURNING id
), token AS (
    INSERT INTO auth.refresh_tokens (hash, session_id)
    SELECT $3::bytea, session.id
    FROM session
), pruned AS (
    DELETE FROM auth.sessions s
    USING account a
    WHERE s.user_id = a.id
      AND least(s.expires_at, s.revoked_at)
          < now() - make_interval(secs => $9::bigint)
)
SELECT
-- use: user_columns
FROM account u


-- name: user_get
-- lane: read

SELECT
-- use: user_columns
FROM auth.users u
WHERE u.id = $1::uuid AND u.disabled_at IS NULL


-- name: user_patch
-- lane: write
-- with whom: moved
-- with purpose: 'email_verification'
-- with event_type: 'auth.email_verification_requested'
-- with event_id: $6
-- with hash: $7
-- with token: $8
-- with ttl: $9

-- $1 user, $2 versions that may be changed or null, $3 name or null, $4 e-mail
-- or null, $5 the password hash that was verified (for a new e-mail), $6 id of
-- the event, $7 hash of the e-mail's token, $8 the token, $9 its length in
-- seconds
--
-- Tokens that went to the old address are void.  What changes nothing makes no
-- new version.

WITH seen AS (
    SELECT u.id, u.email, u.name, u.role, u.password_hash, u.email_verified,
           u.created_at, u.updated_at, u.version
    FROM auth.users u
    WHERE u.id = $1::uuid AND u.disabled_at IS NULL
    FOR NO KEY UPDATE
), verdict AS (
    SELECT CASE WHEN s.version <> ALL ($2::bigint[]) THEN 'version_mismatch'
                WHEN $4::text IS NOT NULL
                     AND s.password_hash IS DISTINCT FROM $5::text
                     THEN 'invalid_credentials'
                WHEN EXISTS (SELECT FROM auth.users o
                             WHERE lower(o.email) = lower($4::text)
                               AND o.id <> s.id)
                     THEN 'email_taken'
                ELSE 'ok'
           END AS outcome,
           (coalesce($3::text, s.name), coalesce($4::text, s.email))
           IS DISTINCT FROM (s.name, s.email) AS changed,
           lower(coalesce($4::text, s.email)) <> lower(s.email) AS moves
    FROM seen s
), written AS (
    UPDATE auth.users u
    SET name = coalesce($3::text, s.name),
        email = coalesce($4::text, s.email),
        email_verified = s.email_verified AND NOT v.moves,
        updated_at = greatest(now(), s.updated_at),
        version = s.version + 1
    FROM seen s, verdict v
    WHERE u.id = s.id AND v.outcome = 'ok' AND v.changed
    RETURNING
    -- use: user_columns
), moved AS (
    SELECT w.id, w.email
    FROM written w, verdict v
    WHERE v.moves
), void AS (
    DELETE FROM auth.mail_tokens t
    USING moved m
    WHERE t.user_id = m.id AND t.hash <> $7::bytea
)
-- use: mail
SELECT v.outcome AS _outcome,
-- use: user_columns
    ,
-- use: event_hinted
FROM verdict v
LEFT JOIN LATERAL (
    SELECT
    -- use: user_columns
    FROM written u
    UNION ALL
    SELECT
    -- use: user_columns
    FROM seen u
    WHERE NOT v.changed
) u ON v.outcome = 'ok'
LEFT JOIN event e ON true


-- name: user_delete
-- lane: write

-- $1 user, $2 the password hash that was verified, $3 versions that may be
-- deleted or null

SELECT d.outcome AS _outcome, d.session_id AS _session
FROM auth.delete_user(
-- use: traced
    , $2::text, $3::bigint[]) d


-- name: password_change
-- lane: write

-- $1 user, $2 the password hash that was verified, $3 the new one, $4 the
-- session that stays or null
--
-- No row: the account may not be used any more, or its password has changed.

WITH account AS (
    UPDATE auth.users u
    SET password_hash = $3::text
    WHERE u.id = $1::uuid AND u.password_hash = $2::text
      AND u.disabled_at IS NULL
    RETURNING u.id
), void AS (
    DELETE FROM auth.mail_tokens t
    USING account a
    WHERE t.user_id = a.id AND t.purpose = 'password_reset'
)
SELECT 'ok' AS _outcome, s.id AS _session
FROM account a
LEFT JOIN LATERAL auth.revoke_sessions(a.id, $4::uuid) s (id) ON true


-- name: refresh_find
-- lane: read

SELECT session_id
FROM auth.refresh_tokens
WHERE hash = $1::bytea


-- name: refresh
-- lane: write

-- $1 hash of the refresh token, $2 hash of the next one, $3 the length of both
-- in seconds, $4 address, $5 user agent, $6 for how long a session may be
-- refreshed, in seconds
--
-- "seen" locks the token and its session: of requests at the same time each
-- sees what the one before it did.  A token that was spent up to 10 s ago is
-- one whose answer was lost, and is good.  One that was spent before is in two
-- hands: the session ends.

WITH seen AS (
    SELECT t.hash, t.spent_at, s.id AS session_id, s.user_id,
           s.revoked_at IS NULL AND s.expires_at > now()
           AND t.created_at > now() - make_interval(secs => $3::bigint)
           AND s.created_at > now() - make_interval(secs => $6::bigint)
               AS good,
           least($3::bigint, $6::bigint - floor(extract(epoch FROM
                                 now() - s.created_at))::bigint) AS ttl
    FROM auth.refresh_tokens t
    JOIN auth.sessions s ON s.id = t.session_id
    WHERE t.hash = $1::bytea
    FOR UPDATE
), verdict AS (
    SELECT s.hash, s.session_id, s.user_id, s.ttl,
           CASE WHEN s.spent_at < now() - interval '10 s'
                THEN 'refresh_token_reused'
                WHEN s.good AND EXISTS (SELECT FROM auth.users u
                                        WHERE u.id = s.user_id
                                          AND u.disabled_at IS NULL)
                THEN 'ok'
                ELSE 'refresh_token_invalid'
           END AS outcome
    FROM seen s
), spent AS (
    UPDATE auth.refresh_tokens t
    SET spent_at = now()
    FROM verdict v
    WHERE t.hash = v.hash AND t.spent_at IS NULL AND v.outcome = 'ok'
), next AS (
    INSERT INTO auth.refresh_tokens (hash, session_id)
    SELECT $2::bytea, v.session_id
    FROM verdict v
    WHERE v.outcome = 'ok'
), pruned AS (
    DELETE FROM auth.refresh_tokens t
    USING verdict v
    WHERE t.session_id = v.session_id AND v.outcome = 'ok'
      AND t.created_at < now() - make_interval(secs => $3::bigint)
), used AS (
    UPDATE auth.sessions s
    SET last_used_at = now(),
        expires_at = now() + make_interval(secs => v.ttl),
        ip = $4::text,
        user_agent = $5::text
    FROM verdict v
    WHERE s.id = v.session_id AND v.outcome = 'ok'
), revoked AS (
    UPDATE auth.sessions s
    SET revoked_at = now()
    FROM verdict v
    WHERE s.id = v.session_id AND v.outcome = 'refresh_token_reused'
      AND s.revoked_at IS NULL
)
SELECT v.outcome AS _outcome, v.session_id AS _session, v.ttl AS _ttl,
-- use: user_columns
FROM verdict v
LEFT JOIN auth.users u ON u.id = v.user_id AND v.outcome = 'ok'


-- name: session_revoke
-- lane: write

-- $1 user, $2 session

UPDATE auth.sessions s
SET revoked_at = now()
WHERE s.id = $2::uuid AND s.user_id = $1::uuid AND s.revoked_at IS NULL
  AND s.expires_at > now()
RETURNING s.id AS _session


-- name: session_revoke_all
-- lane: write

SELECT s.id AS _session
FROM auth.revoke_sessions($1::uuid, NULL) s (id)


-- name: session_list
-- lane: read

-- $1 user, $2 one more than the page holds, $3 the id that the page begins
-- after, $4 the session that asks, or null

SELECT s.id, s.created_at, s.last_used_at, s.expires_at, s.ip, s.user_agent,
       s.id IS NOT DISTINCT FROM $4::uuid AS current
FROM auth.sessions s
WHERE s.user_id = $1::uuid AND s.id < $3::uuid
  AND s.revoked_at IS NULL AND s.expires_at > now()
ORDER BY s.id DESC
LIMIT $2::bigint


-- name: reset_request
-- lane: write
-- with whom: account
-- with purpose: 'password_reset'
-- with event_type: 'auth.password_reset_requested'
-- with event_id: $2
-- with hash: $3
-- with token: $4
-- with ttl: $5

-- $1 e-mail, $2 id of the event, $3 hash of the e-mail's token, $4 the token,
-- $5 its length in seconds

WITH account AS (
    SELECT u.id, u.email
    FROM auth.users u
    WHERE lower(u.email) = lower($1::text) AND u.disabled_at IS NULL AND
    -- use: mail_allowed
)
-- use: mail_pruned
-- use: mail
SELECT
-- use: event_hinted
FROM event e


-- name: reset_find
-- lane: read

SELECT u.id
FROM auth.mail_tokens t
JOIN auth.users u ON u.id = t.user_id AND lower(u.email) = lower(t.email)
WHERE t.hash = $1::bytea AND t.purpose = 'password_reset'
  AND t.expires_at > now() AND u.disabled_at IS NULL


-- name: reset_confirm
-- lane: write

-- $1 hash of the token, $2 password hash
--
-- Whoever has the token reads the mail of that address.  If nobody had shown to
-- do so before, the account may have been made by somebody else, who knew that
-- its owner would come: webhooks of before are disabled.  No row: the token is
-- not good any more.

WITH token AS (
    DELETE FROM auth.mail_tokens t
    WHERE t.hash = $1::bytea AND t.purpose = 'password_reset'
      AND t.expires_at > now()
    RETURNING t.user_id, t.email
), account AS (
    UPDATE auth.users u
    SET password_hash = $2::text,
        email_verified = true,
        updated_at = CASE WHEN u.email_verified THEN u.updated_at
                          ELSE greatest(now(), u.updated_at) END,
        version = u.version + (NOT u.email_verified)::int
    FROM token t
    WHERE u.id = t.user_id AND lower(u.email) = lower(t.email)
      AND u.disabled_at IS NULL
    RETURNING u.id
), void AS (
    DELETE FROM auth.mail_tokens t
    USING account a
    WHERE t.user_id = a.id AND t.hash <> $1::bytea
), hooks AS (
    UPDATE notify.webhooks w
    SET enabled = false, disabled_reason = 'reset',
        updated_at = greatest(now(), w.updated_at), version = w.version + 1
    FROM account a
    JOIN auth.users u ON u.id = a.id
    WHERE w.user_id = a.id AND w.enabled AND NOT u.email_verified
)
SELECT 'ok' AS _outcome, s.id AS _session
FROM account a
LEFT JOIN LATERAL auth.revoke_sessions(a.id, NULL) s (id) ON true


-- name: verify_email
-- lane: write

-- $1 hash of the token.  No row: the token is not good.

WITH token AS (
    DELETE FROM auth.mail_tokens t
    WHERE t.hash = $1::bytea AND t.purpose = 'email_verification'
      AND t.expires_at > now()
    RETURNING t.user_id, t.email
), account AS (
    UPDATE auth.users u
    SET email_verified = true,
        updated_at = CASE WHEN u.email_verified THEN u.updated_at
                          ELSE greatest(now(), u.updated_at) END,
        version = u.version + (NOT u.email_verified)::int
    FROM token t
    WHERE u.id = t.user_id AND lower(u.email) = lower(t.email)
      AND u.disabled_at IS NULL
    RETURNING u.id
)
SELECT 'ok' AS _outcome FROM account


-- name: verify_request
-- lane: write
-- with whom: account
-- with purpose: 'email_verification'
-- with event_type: 'auth.email_verification_requested'
-- with event_id: $2
-- with hash: $3
-- with token: $4
-- with ttl: $5

-- $1 user, $2 id of the event, $3 hash of the e-mail's token, $4 the token,
-- $5 its length in seconds

WITH account AS (
    SELECT u.id, u.email
    FROM auth.users u
    WHERE u.id = $1::uuid AND u.disabled_at IS NULL AND NOT u.email_verified AND
    -- use: mail_allowed
)
-- use: mail_pruned
-- use: mail
SELECT
-- use: event_hinted
FROM event e


-- The calls of admins.  $1 is the caller; whether they are an admin is looked up
-- here, since the role in a token is as old as the token.

-- template: admin
    SELECT EXISTS (SELECT FROM auth.users a
                   WHERE a.id = $1::uuid AND a.role = 'admin'
                     AND a.disabled_at IS NULL) AS yes


-- name: admin_user_list
-- lane: read

-- $2 one more than the page holds, $3 the id that the page begins after

WITH admin AS (
    -- use: admin
)
SELECT CASE WHEN NOT admin.yes THEN 'forbidden'
            WHEN u.id IS NULL THEN 'empty'
            ELSE 'ok' END AS _outcome, u.*
FROM admin
LEFT JOIN LATERAL (
    SELECT
    -- use: admin_columns
    FROM auth.users u
    WHERE admin.yes AND u.id < $3::uuid AND u.deleted_at IS NULL
    ORDER BY u.id DESC
    LIMIT $2::bigint
) u ON true
ORDER BY u.id DESC


-- name: admin_user_get
-- lane: read

-- $2 user

WITH admin AS (
    -- use: admin
)
SELECT CASE WHEN NOT admin.yes THEN 'forbidden'
            WHEN u.id IS NULL THEN 'not_found'
            ELSE 'ok' END AS _outcome,
-- use: admin_columns
FROM admin
LEFT JOIN auth.users u
    ON admin.yes AND u.id = $2::uuid AND u.deleted_at IS NULL


-- name: admin_user_patch
-- lane: write

-- $2 user, $3 versions that may be changed or null, $4 role or null,
-- $5 disabled or null
--
-- Nobody changes their own: so the last admin stays one.  Sessions of a user who
-- is disabled, or is no admin any more, are revoked.

WITH admin AS (
    -- use: admin
), seen AS (
    SELECT u.id, u.email, u.name, u.role, u.email_verified, u.disabled_at,
           u.created_at, u.updated_at, u.version
    FROM admin, auth.users u
    WHERE admin.yes AND u.id = $2::uuid AND u.deleted_at IS NULL
    FOR NO KEY UPDATE OF u
), wanted AS (
    SELECT coalesce($4::text, s.role) AS role,
           CASE WHEN $5::boolean THEN coalesce(s.disabled_at, now())
                WHEN NOT $5::boolean THEN NULL
                ELSE s.disabled_at END AS disabled_at
    FROM seen s
), verdict AS (
    SELECT CASE WHEN NOT admin.yes THEN 'forbidden'
                WHEN s.id IS NULL THEN 'not_found'
                WHEN s.version <> ALL ($3::bigint[]) THEN 'version_mismatch'
                WHEN s.id = $1::uuid
                     AND (w.role, w.disabled_at)
                         IS DISTINCT FROM (s.role, s.disabled_at)
                     THEN 'own_account'
                ELSE 'ok'
           END AS outcome,
           (w.role, w.disabled_at)
           IS DISTINCT FROM (s.role, s.disabled_at) AS changed,
           (w.disabled_at IS NOT NULL AND s.disabled_at IS NULL)
           OR (w.role = 'user' AND s.role = 'admin') AS ends
    FROM admin
    LEFT JOIN seen s ON true
    LEFT JOIN wanted w ON true
), written AS (
    UPDATE auth.users u
    SET role = w.role,
        disabled_at = w.disabled_at,
        updated_at = greatest(now(), s.updated_at),
        version = s.version + 1
    FROM seen s, wanted w, verdict v
    WHERE u.id = s.id AND v.outcome = 'ok' AND v.changed
    RETURNING u.id, u.email, u.name, u.role, u.email_verified, u.disabled_at,
              u.created_at, u.updated_at, u.version
), revoked AS (
    SELECT r.id
    FROM written w
    CROSS JOIN verdict v
    CROSS JOIN LATERAL auth.revoke_sessions(w.id, NULL) r (id)
    WHERE v.ends
)
SELECT v.outcome AS _outcome, r.id AS _session,
-- use: admin_columns
FROM verdict v
LEFT JOIN LATERAL (
    SELECT * FROM written
    UNION ALL
    SELECT * FROM seen WHERE NOT v.changed
) u ON v.outcome = 'ok'
LEFT JOIN revoked r ON true


-- Sessions revoked in the last $1 seconds, and in as long before as a statement
-- may have taken to commit; a page of 1000 after the row of $2 (revoked_at) and
-- $3 (id), or from the beginning (nulls).

-- name: sessions_revoked
-- lane: read
SELECT s.id, extract(epoch FROM now() - s.revoked_at)::bigint AS age,
       s.revoked_at::text AS revoked_at
FROM auth.sessions s
WHERE s.revoked_at IS NOT NULL AND s.revoked_at < 'infinity'
  AND (s.revoked_at, s.id)
      > (coalesce($2::timestamptz,
                  now() - make_interval(secs => $1::bigint)
                  - current_setting('statement_timeout')::interval),
         coalesce($3::uuid, '00000000-0000-0000-0000-000000000000'))
ORDER BY s.revoked_at, s.id
LIMIT 1000;
