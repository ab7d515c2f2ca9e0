-- Revert skep:revocations from pg

BEGIN;

DROP INDEX auth.sessions_revoked_at_id_idx;

COMMIT;
