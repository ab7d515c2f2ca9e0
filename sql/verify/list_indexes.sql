-- Verify skep:list_indexes on pg

BEGIN;

SELECT ('task.tasks_' || name || '_idx')::regclass
  FROM unnest('{project_id_id,project_id_updated_at_id,project_id_priority_id,
                project_id_due_at_id,project_id_due_at_id_open,
                project_id_changed_id,assignee_id,search,label_keys}'::text[]) name;

SELECT 'task.departures_task_id_idx'::regclass;

-- what is not so is a division by zero
SELECT 1 / (count(*) >= 9)::int
  FROM pg_index
 WHERE indrelid = 'task.tasks'::regclass AND indisvalid AND NOT indisprimary;

SELECT 1 / (indnatts = 6 AND indnkeyatts = 2)::int
  FROM pg_index WHERE indexrelid = 'task.tasks_project_id_id_idx'::regclass;

ROLLBACK;
