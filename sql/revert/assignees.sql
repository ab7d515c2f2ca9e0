-- Revert skep:assignees from pg

BEGIN;

DROP FUNCTION task.hold_member(uuid, uuid);

COMMIT;
