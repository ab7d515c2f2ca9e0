-- Revert skep:idempotency from pg

BEGIN;

DROP TRIGGER users_forget_idempotency_keys ON auth.users;
DROP FUNCTION api.forget_idempotency_keys();
DROP TABLE api.idempotency_keys;
DROP SCHEMA api;

COMMIT;
