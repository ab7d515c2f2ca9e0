-- Verify skep:assignees on pg

BEGIN;

-- what is not so is a division by zero
SELECT 1 / (p.prosecdef AND p.provolatile = 'v'
            AND has_function_privilege('skep_nginx', p.oid, 'EXECUTE')
            AND NOT has_function_privilege('public', p.oid, 'EXECUTE'))::int
  FROM pg_proc p
 WHERE p.oid = 'task.hold_member(uuid, uuid)'::regprocedure;

ROLLBACK;
