-- Verify skep:traces on pg

BEGIN;

SELECT o.trace, e.trace, b.trace, d.trace, m.trace
  FROM notify.outbox o, notify.events e, notify.dead_events b,
       notify.deliveries d, notify.mails m
 WHERE false;

-- what is not so is a division by zero
SELECT 1 / (bool_and(p.prosrc ~ 't\.trace|p\.trace'))::int
  FROM pg_proc p
 WHERE p.pronamespace = 'notify'::regnamespace
   AND p.proname IN ('fan_out', 'bury');

SELECT 1 / (bool_and(has_column_privilege('skep_nginx', t, 'trace', 'INSERT')))::int
  FROM string_to_table('notify.outbox notify.deliveries', ' ') t;

SELECT 1 / (bool_and(has_column_privilege('skep_worker', t, 'trace', 'SELECT')))::int
  FROM string_to_table('notify.outbox notify.events notify.deliveries notify.mails',
                       ' ') t;

ROLLBACK;
