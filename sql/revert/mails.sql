-- Revert skep:mails from pg

BEGIN;

DROP FUNCTION notify.record_mails(uuid[], text[], double precision[], text[]);
DROP FUNCTION notify.claim_mails(integer, interval);

COMMIT;
