-- Deploy skep:list_indexes to pg
-- requires: lists

BEGIN;

-- One index for each order of a list.  What filters look at is in it too, so
-- that a filter skips entries, not rows; a filter then needs no index of its
-- own.  Every update writes all of them anyway, by "updated_at".

DROP INDEX task.tasks_project_id_id_idx;

CREATE INDEX tasks_project_id_id_idx
    ON task.tasks (project_id, id)
    INCLUDE (status, priority, due_at, assignee_id)
    WHERE deleted_at IS NULL;

-- of incremental sync as well, which tells what was deleted
CREATE INDEX tasks_project_id_updated_at_id_idx
    ON task.tasks (project_id, updated_at, id)
    INCLUDE (status, priority, due_at, assignee_id, deleted_at);

CREATE INDEX tasks_project_id_priority_id_idx
    ON task.tasks (project_id, priority, id)
    INCLUDE (status, due_at, assignee_id)
    WHERE deleted_at IS NULL;

CREATE INDEX tasks_project_id_due_at_id_idx
    ON task.tasks (project_id, due_at, id)
    INCLUDE (status, priority, assignee_id)
    WHERE deleted_at IS NULL AND due_at IS NOT NULL;

-- what is due next: in the index above it stands behind all that is done
CREATE INDEX tasks_project_id_due_at_id_open_idx
    ON task.tasks (project_id, due_at, id)
    INCLUDE (status, priority, assignee_id)
    WHERE deleted_at IS NULL AND due_at IS NOT NULL
          AND status IN ('todo', 'in_progress');

-- of those who have few tasks among many
CREATE INDEX tasks_assignee_id_idx ON task.tasks (assignee_id)
    WHERE deleted_at IS NULL AND assignee_id IS NOT NULL;

CREATE INDEX tasks_project_id_changed_id_idx
    ON task.tasks (project_id, changed, id);

CREATE INDEX departures_task_id_idx ON task.departures (task_id);

CREATE INDEX tasks_search_idx ON task.tasks USING gin (search)
    WHERE deleted_at IS NULL;

CREATE INDEX tasks_label_keys_idx
    ON task.tasks USING gin (task.label_keys(project_id, labels))
    WHERE deleted_at IS NULL AND labels <> '{}';

COMMIT;
