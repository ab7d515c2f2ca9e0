-- Revert skep:claimed_traces from pg

BEGIN;

DROP FUNCTION notify.trace_of_mail(uuid);
DROP FUNCTION notify.trace_of_delivery(uuid);

COMMIT;
