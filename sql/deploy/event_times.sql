-- Deploy skep:event_times to pg
-- requires: events
-- requires: projects

BEGIN;

-- A task as events have it: what the API shows of it, times as the API writes
-- them.  The statements say their columns one by one; here a column that is
-- added later is there by itself.

CREATE FUNCTION task.event_row(t task.tasks) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT jsonb_object_agg(f.key,
               CASE WHEN a.atttypid = 'timestamptz'::regtype
                         AND f.value <> 'null'
                    THEN to_jsonb(notify.time((f.value #>> '{}')::timestamptz))
                    ELSE f.value
               END)
    FROM jsonb_each(to_jsonb(t) - '{deleted_at,changed,search}'::text[]) f
    JOIN pg_attribute a ON a.attrelid = 'task.tasks'::regclass
                           AND a.attname = f.key
$$;


-- as it was, with such a row

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
        RETURNING t AS task
    )
    INSERT INTO notify.outbox (id, type, actor_id, project_id, task_id, data)
    SELECT notify.event_id(), 'task.updated', actor, (f.task).project_id,
           (f.task).id,
           json_build_object(
               'task', task.event_row(f.task),
               'changes', json_build_object('assignee_id',
                                            json_build_array(who, NULL)))
    FROM freed f;

    PERFORM task.members_changed(project);
END
$$;


REVOKE ALL ON FUNCTION task.event_row(task.tasks) FROM PUBLIC;


-- what is published of a row beside what is granted already; its data may hold
-- secrets, and nginx, having written them, need not read them

GRANT SELECT (actor_id, project_id, task_id) ON notify.outbox TO skep_nginx;

COMMIT;
