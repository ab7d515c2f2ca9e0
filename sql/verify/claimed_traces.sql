-- Verify skep:claimed_traces on pg

BEGIN;

SELECT 1 / has_function_privilege('skep_worker', 'notify.trace_of_mail(uuid)',
                                  'EXECUTE')::int,
       1 / has_function_privilege('skep_worker',
                                  'notify.trace_of_delivery(uuid)',
                                  'EXECUTE')::int;

ROLLBACK;
