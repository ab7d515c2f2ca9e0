-- Revert skep:task from pg

BEGIN;

DROP TABLE task.tasks;
DROP TABLE task.members;
DROP TABLE task.projects;
DROP TYPE task.role;
DROP TYPE task.priority;
DROP TYPE task.status;
DROP SCHEMA task;

COMMIT;
