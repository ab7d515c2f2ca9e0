-- Revert skep:comments from pg

BEGIN;

DROP TABLE task.comments;

COMMIT;
