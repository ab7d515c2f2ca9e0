-- Verify skep:notify on pg

BEGIN;

SELECT id, type, actor_id, project_id, task_id, data, created_at
  FROM notify.outbox WHERE false;

ROLLBACK;
