-- Verify skep:mails on pg

BEGIN;

SELECT 1 / has_function_privilege('skep_worker', f, 'EXECUTE')::int
FROM unnest(ARRAY[
    'notify.claim_mails(integer, interval)',
    'notify.record_mails(uuid[], text[], double precision[], text[])'
]) f;

ROLLBACK;
