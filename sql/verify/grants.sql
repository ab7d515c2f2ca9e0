-- Verify skep:grants on pg

-- Each privilege that a statement needs is there.  Those that later changes
-- must not give either are not.

DO $$
DECLARE
    need record;
    class regclass;
BEGIN
    FOR need IN
        SELECT *
          FROM (VALUES
                ('auth.users', 'SELECT',
                 'id email name password_hash role email_verified disabled_at '
                 'created_at updated_at version'),
                ('auth.users', 'INSERT', 'id email name password_hash'),
                ('auth.sessions', 'INSERT',
                 'id user_id ip user_agent expires_at'),
                ('task.projects', 'SELECT', 'id owner_id inbox'),
                ('task.projects', 'INSERT', 'id owner_id name inbox'),
                ('task.members', 'SELECT', 'project_id user_id role'),
                ('task.members', 'INSERT', 'project_id user_id role'),
                ('task.tasks', 'SELECT',
                 'id project_id title description status priority labels '
                 'due_at assignee_id created_by completed_at created_at '
                 'updated_at version deleted_at'),
                ('task.tasks', 'INSERT',
                 'id project_id title description status priority labels '
                 'due_at assignee_id created_by completed_at created_at '
                 'updated_at'),
                ('task.tasks', 'UPDATE',
                 'project_id title description status priority labels due_at '
                 'assignee_id completed_at updated_at version deleted_at'),
                ('notify.outbox', 'INSERT',
                 'id type actor_id project_id task_id data'))
               AS v (relation, privilege, columns),
               string_to_table(v.columns, ' ') AS "column"
    LOOP
        IF NOT has_column_privilege('skep_nginx', need.relation, need."column",
                                    need.privilege)
        THEN
            RAISE EXCEPTION 'skep_nginx lacks % (%) on %',
                need.privilege, need."column", need.relation;
        END IF;
    END LOOP;

    FOREACH class IN ARRAY
        ARRAY['auth.users', 'auth.sessions', 'task.projects', 'task.members',
              'task.tasks', 'notify.outbox']::regclass[]
    LOOP
        IF has_table_privilege('skep_nginx', class,
                               'TRUNCATE, REFERENCES, TRIGGER')
           OR pg_get_userbyid((SELECT relowner FROM pg_class
                                WHERE oid = class)) = 'skep_nginx'
        THEN
            RAISE EXCEPTION 'skep_nginx may do more than rows on %', class;
        END IF;
    END LOOP;

    -- who a thing belongs to, and when it was made, is for ever
    IF has_column_privilege('skep_nginx', 'auth.users', 'id', 'UPDATE')
       OR has_column_privilege('skep_nginx', 'auth.users', 'role', 'INSERT')
       OR has_column_privilege('skep_nginx', 'task.tasks', 'id', 'UPDATE')
       OR has_column_privilege('skep_nginx', 'task.tasks', 'created_by',
                               'UPDATE')
       OR has_column_privilege('skep_nginx', 'task.tasks', 'created_at',
                               'UPDATE')
       OR has_table_privilege('skep_nginx', 'task.tasks', 'DELETE')
    THEN
        RAISE EXCEPTION 'skep_nginx may change what stays';
    END IF;

    IF EXISTS (SELECT FROM pg_namespace
                WHERE nspname IN ('auth', 'task', 'notify', 'public')
                  AND has_schema_privilege('skep_nginx', oid, 'CREATE'))
    THEN
        RAISE EXCEPTION 'skep_nginx may create things';
    END IF;

    IF NOT has_schema_privilege('skep_nginx', 'auth', 'USAGE')
       OR NOT has_schema_privilege('skep_nginx', 'task', 'USAGE')
       OR NOT has_schema_privilege('skep_nginx', 'notify', 'USAGE')
    THEN
        RAISE EXCEPTION 'skep_nginx lacks USAGE on a schema';
    END IF;
END
$$;
