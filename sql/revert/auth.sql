-- Revert skep:auth from pg

BEGIN;

DROP TABLE auth.sessions;
DROP TABLE auth.users;
DROP SCHEMA auth;

COMMIT;
