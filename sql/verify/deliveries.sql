-- Verify skep:deliveries on pg

BEGIN;

-- what is not so is a division by zero: the worker may call both, nobody else
SELECT 1 / (bool_and(has_function_privilege('skep_worker', f, 'EXECUTE')
                     AND NOT has_function_privilege('skep_nginx', f, 'EXECUTE')
                     AND NOT has_function_privilege('pg_monitor', f,
                                                    'EXECUTE')))::int
  FROM (VALUES
        ('notify.claim_deliveries(integer, integer, integer, uuid[], interval)'),
        ('notify.record_deliveries(json, interval)'))
       AS v (f);

ROLLBACK;
