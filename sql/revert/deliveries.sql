-- Revert skep:deliveries from pg

BEGIN;

DROP FUNCTION notify.record_deliveries(json, interval);
DROP FUNCTION notify.claim_deliveries(integer, integer, integer, uuid[],
                                      interval);

ALTER TABLE notify.deliveries RESET (autovacuum_vacuum_scale_factor,
                                     autovacuum_vacuum_cost_delay);

COMMIT;
