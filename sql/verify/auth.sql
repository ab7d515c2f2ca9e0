-- Verify skep:auth on pg

-- What of it later changes keep.

BEGIN;

SELECT id, email, name, password_hash, role, email_verified, disabled_at,
       created_at, updated_at, version
  FROM auth.users WHERE false;

SELECT id, user_id, ip, user_agent, created_at, last_used_at, expires_at,
       revoked_at
  FROM auth.sessions WHERE false;

-- each raises an error when the index is missing
SELECT 'auth.users_email_key'::regclass,
       'auth.sessions_user_id_idx'::regclass;

-- what is not so is a division by zero
SELECT 1 / (count(*) = 4)::int
  FROM pg_constraint
 WHERE contype = 'c'
   AND (conrelid, conname) IN (
       ('auth.users'::regclass, 'users_email_check'),
       ('auth.users'::regclass, 'users_name_check'),
       ('auth.users'::regclass, 'users_password_hash_check'),
       ('auth.users'::regclass, 'users_role_check'));

ROLLBACK;
