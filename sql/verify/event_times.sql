-- Verify skep:event_times on pg

BEGIN;

-- what is not so is a division by zero
SELECT 1 / (t ->> 'due_at' = '2030-01-02T03:04:05.6Z'
            AND t ->> 'title' = '2030-01-02T03:04:05.6+00:00'
            AND t ? 'completed_at' AND t ->> 'completed_at' IS NULL
            AND NOT t ?| '{deleted_at,changed,search}')::int
  FROM task.event_row(jsonb_populate_record(NULL::task.tasks,
           '{"due_at": "2030-01-02T05:04:05.6+02:00",
             "title": "2030-01-02T03:04:05.6+00:00"}')) t;

SELECT 1 / (NOT has_function_privilege('skep_nginx',
                                       'task.event_row(task.tasks)', 'EXECUTE')
            AND NOT has_function_privilege('pg_monitor',
                                           'task.event_row(task.tasks)',
                                           'EXECUTE'))::int;

SELECT 1 / (bool_and(has_column_privilege('skep_nginx', 'notify.outbox', c,
                                          'SELECT')))::int
  FROM string_to_table('seq id type actor_id project_id task_id created_at',
                       ' ') c;

SELECT 1 / (NOT has_column_privilege('skep_nginx', 'notify.outbox', 'data',
                                     'SELECT'))::int;

ROLLBACK;
