-- Verify skep:task on pg

BEGIN;

SELECT 'todo'::task.status, 'in_progress'::task.status, 'done'::task.status,
       'cancelled'::task.status;

SELECT 'owner'::task.role, 'editor'::task.role, 'viewer'::task.role;

-- Here and below, what is not so is a division by zero.

-- an order is part of the contract
SELECT 1 / (enum_range(NULL::task.priority)::text
            = '{none,low,medium,high,urgent}')::int;

SELECT id, owner_id, name, description, inbox, archived, created_at,
       updated_at, version, deleted_at
  FROM task.projects WHERE false;

SELECT project_id, user_id, role, added_at
  FROM task.members WHERE false;

SELECT id, project_id, title, description, status, priority, labels, due_at,
       assignee_id, created_by, completed_at, created_at, updated_at, version,
       deleted_at
  FROM task.tasks WHERE false;

SELECT 'task.projects_inbox_key'::regclass,
       'task.tasks_project_id_id_idx'::regclass;

SELECT 1 / (SELECT count(*) FROM pg_class
             WHERE oid = 'task.tasks'::regclass
               AND 'fillfactor=80' = ANY (reloptions));

SELECT 1 / (count(*) = 3)::int
  FROM pg_constraint
 WHERE contype = 'c'
   AND (conrelid, conname) IN (
       ('task.projects'::regclass, 'projects_name_check'),
       ('task.projects'::regclass, 'projects_description_check'),
       ('task.projects'::regclass, 'projects_inbox_stays'));

ROLLBACK;
