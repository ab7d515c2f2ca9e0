-- Verify skep:lists on pg

BEGIN;

SELECT changed, search FROM task.tasks WHERE false;
SELECT joined FROM task.members WHERE false;
SELECT project_id, task_id, moved_at, changed
  FROM task.departures WHERE false;

SELECT 'task.departures_project_id_moved_at_task_id_idx'::regclass,
       'task.departures_project_id_changed_task_id_idx'::regclass;

-- what is not so is a division by zero
SELECT 1 / (NOT EXISTS (SELECT FROM pg_constraint
                         WHERE conrelid = 'task.tasks'::regclass
                           AND contype = 'f'))::int;

SELECT 1 / (task.search_query('It''s \ a <-> well-known ''te')::text
            = '''it'' & ''s'' & ''a'' & ''known'' & ''well'' & ''well-known'''
              ' & ''te'':*')::int;
SELECT 1 / (task.search_query('one tw -')::text = '''one'' & ''tw'':*')::int;
SELECT 1 / (task.search_query(' & | ! -- ''') IS NULL)::int;

SELECT 1 / (task.label_keys(p.id, '{a,b}')
            = ARRAY[task.label_key(p.id, 'a'), task.label_key(p.id, 'b')])::int
  FROM (SELECT gen_random_uuid()) AS p (id);

SELECT 1 / (has_column_privilege('skep_nginx', 'task.tasks', 'changed',
                                 'UPDATE')
            AND NOT has_column_privilege('skep_nginx', 'task.tasks', 'changed',
                                         'INSERT')
            AND has_column_privilege('skep_nginx', 'task.members', 'joined',
                                     'SELECT')
            AND NOT has_column_privilege('skep_nginx', 'task.members',
                                         'joined', 'INSERT, UPDATE')
            AND has_table_privilege('skep_nginx', 'task.departures', 'SELECT')
            AND NOT has_table_privilege('skep_nginx', 'task.departures',
                                        'DELETE'))::int;

ROLLBACK;
