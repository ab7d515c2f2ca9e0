-- Revert skep:readiness from pg

BEGIN;

DROP FUNCTION api.is_deployed(text);

COMMIT;
