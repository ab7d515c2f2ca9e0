-- Revert skep:list_indexes from pg

BEGIN;

DROP INDEX task.tasks_label_keys_idx;
DROP INDEX task.tasks_search_idx;
DROP INDEX task.departures_task_id_idx;
DROP INDEX task.tasks_project_id_changed_id_idx;
DROP INDEX task.tasks_assignee_id_idx;
DROP INDEX task.tasks_project_id_due_at_id_open_idx;
DROP INDEX task.tasks_project_id_due_at_id_idx;
DROP INDEX task.tasks_project_id_priority_id_idx;
DROP INDEX task.tasks_project_id_updated_at_id_idx;
DROP INDEX task.tasks_project_id_id_idx;

CREATE INDEX tasks_project_id_id_idx ON task.tasks (project_id, id)
    WHERE deleted_at IS NULL;

COMMIT;
