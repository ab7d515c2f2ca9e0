-- Revert skep:notify from pg

BEGIN;

DROP TABLE notify.outbox;
DROP SCHEMA notify;

COMMIT;
