-- Verify skep:purges on pg

BEGIN;

-- raises an error when one is missing
SELECT i::regclass
  FROM string_to_table('auth.sessions_expires_at_idx '
                       'auth.mail_tokens_expires_at_idx '
                       'task.tasks_deleted_at_idx '
                       'task.comments_deleted_at_idx '
                       'task.projects_deleted_at_idx '
                       'task.departures_moved_at_idx '
                       'notify.deliveries_n_idx notify.mails_n_idx '
                       'notify.mails_created_at_idx', ' ') i;

-- Here and below, what is not so is a division by zero.

SELECT 1 / (bool_and(p.prosecdef AND p.proconfig IS NOT NULL
                     AND has_function_privilege('skep_worker', p.oid,
                                                'EXECUTE')
                     AND NOT has_function_privilege('skep_nginx', p.oid,
                                                    'EXECUTE'))
            AND count(*) = 13)::int
  FROM pg_proc p
 WHERE p.pronamespace = 'api'::regnamespace
   AND starts_with(p.proname, 'purge_')
    OR p.oid = 'notify.queues()'::regprocedure;

SELECT 1 / has_schema_privilege('skep_worker', 'api', 'USAGE')::int;

ROLLBACK;
