-- Revert skep:event_times from pg

BEGIN;

REVOKE SELECT (actor_id, project_id, task_id) ON notify.outbox FROM skep_nginx;

CREATE OR REPLACE FUNCTION task.member_left(actor uuid, project uuid, who uuid)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    WITH theirs AS MATERIALIZED (
        SELECT t.id FROM task.tasks t
        WHERE t.project_id = project AND t.assignee_id = who
          AND t.deleted_at IS NULL
        ORDER BY t.id
        FOR UPDATE
    ), freed AS (
        UPDATE task.tasks t
        SET assignee_id = NULL, updated_at = greatest(now(), t.updated_at),
            version = t.version + 1, changed = pg_current_xact_id()
        FROM theirs
        WHERE t.id = theirs.id
        RETURNING t.*
    )
    INSERT INTO notify.outbox (id, type, actor_id, project_id, task_id, data)
    SELECT notify.event_id(), 'task.updated', actor, f.project_id, f.id,
           json_build_object(
               'task', to_jsonb(f) - '{deleted_at,changed,search}'::text[],
               'changes', json_build_object('assignee_id',
                                            json_build_array(who, NULL)))
    FROM freed f;

    PERFORM task.members_changed(project);
END
$$;

DROP FUNCTION task.event_row(task.tasks);

COMMIT;
