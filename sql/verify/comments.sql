-- Verify skep:comments on pg

BEGIN;

SELECT id, task_id, author_id, body, created_at, updated_at, version,
       deleted_at
  FROM task.comments WHERE false;

SELECT 'task.comments_task_id_id_idx'::regclass;

-- what is not so is a division by zero
SELECT 1 / (bool_and(has_column_privilege('skep_nginx', 'task.comments', c,
                                          v.privilege)))::int
  FROM (VALUES
        ('SELECT',
         'id task_id author_id body created_at updated_at version deleted_at'),
        ('INSERT', 'id task_id author_id body created_at updated_at'),
        ('UPDATE', 'body updated_at version deleted_at'))
       AS v (privilege, columns),
       string_to_table(v.columns, ' ') c;

-- who wrote it, and where, is for ever
SELECT 1 / (bool_and(NOT has_column_privilege('skep_nginx', 'task.comments', c,
                                              'UPDATE'))
            AND NOT has_table_privilege('skep_nginx', 'task.comments',
                                        'DELETE'))::int
  FROM string_to_table('id task_id author_id created_at', ' ') c;

ROLLBACK;
