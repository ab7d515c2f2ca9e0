-- Verify skep:projects on pg

BEGIN;

SELECT 'task.members_project_id_added_at_user_id_idx'::regclass;

-- what is not so is a division by zero: nginx may call three functions and not
-- their parts, others none
SELECT 1 / (bool_and(has_function_privilege('skep_nginx', f.name, 'EXECUTE')
                     = f.call)
            AND NOT bool_or(has_function_privilege('pg_monitor', f.name,
                                                   'EXECUTE')))::int
  FROM (VALUES ('task.delete_project(uuid, uuid, bigint[])', true),
               ('task.change_member(uuid, uuid, uuid, task.role)', true),
               ('task.remove_member(uuid, uuid, uuid)', true),
               ('auth.delete_user(uuid, text, bigint[])', true),
               ('task.erase_project(uuid)', false),
               ('task.member_left(uuid, uuid, uuid)', false),
               ('task.members_changed(uuid)', false),
               ('task.other_owner(uuid, uuid)', false),
               ('task.lock_project(uuid, uuid)', false),
               ('notify.event_id()', false))
       AS f (name, call);

SELECT 1 / (bool_and(has_column_privilege('skep_nginx', v.relation, c,
                                          v.privilege)))::int
  FROM (VALUES
        ('task.projects', 'SELECT',
         'id owner_id name description inbox archived created_at updated_at '
         'version deleted_at'),
        ('task.projects', 'INSERT',
         'id owner_id name description archived created_at updated_at'),
        ('task.projects', 'UPDATE',
         'name description archived updated_at version'),
        ('task.members', 'SELECT', 'project_id user_id role added_at'))
       AS v (relation, privilege, columns),
       string_to_table(v.columns, ' ') c;

-- whose a project is, and that it is gone, nginx can't say by itself
SELECT 1 / (bool_and(NOT has_column_privilege('skep_nginx', 'task.projects', c,
                                              'UPDATE')))::int
  FROM string_to_table('id owner_id inbox created_at deleted_at', ' ') c;

SELECT 1 / (NOT has_table_privilege('skep_nginx', 'task.projects', 'DELETE')
            AND NOT has_table_privilege('skep_nginx', 'task.members', 'DELETE')
            AND NOT has_column_privilege('skep_nginx', 'task.members', 'role',
                                         'UPDATE'))::int;

ROLLBACK;
