-- Verify skep:webhooks on pg

BEGIN;

SELECT 'notify.deliveries_failed_idx'::regclass;

SELECT 1 / (has_function_privilege('skep_nginx',
                'notify.webhook_room(uuid, integer)', 'EXECUTE')
            AND has_function_privilege('skep_nginx',
                'notify.rotate_secret(uuid, uuid, bytea)', 'EXECUTE'))::int;

SELECT 1 / (has_column_privilege('skep_nginx', 'notify.webhooks', 'secret',
                                 'INSERT')
            AND NOT has_column_privilege('skep_nginx', 'notify.webhooks',
                                         'secret', 'SELECT')
            AND NOT has_column_privilege('skep_nginx', 'notify.webhooks',
                                         'old_secret', 'SELECT'))::int;

ROLLBACK;
