-- Revert skep:events from pg

BEGIN;

DROP TRIGGER users_forget_notifications ON auth.users;
DROP FUNCTION notify.forget_user();
DROP FUNCTION notify.bury(bigint, text);
DROP FUNCTION notify.fan_out(bigint, integer);
DROP FUNCTION notify.time(timestamptz);

DROP TABLE notify.dead_events;
DROP TABLE notify.mails;
DROP TABLE notify.deliveries;
DROP TABLE notify.webhooks;
DROP TABLE notify.settings;
DROP TABLE notify.inbox;
DROP TABLE notify.events;
DROP TABLE notify.position;

REVOKE SELECT (seq, id, type, created_at) ON notify.outbox
    FROM skep_nginx, skep_worker;

ALTER TABLE notify.outbox RESET (
    autovacuum_vacuum_scale_factor,
    autovacuum_vacuum_threshold,
    autovacuum_vacuum_insert_threshold,
    autovacuum_vacuum_cost_delay,
    toast.autovacuum_vacuum_scale_factor,
    toast.autovacuum_vacuum_threshold,
    toast.autovacuum_vacuum_insert_threshold,
    toast.autovacuum_vacuum_cost_delay
);

ALTER TABLE notify.outbox
    DROP COLUMN seq,
    ADD PRIMARY KEY (id);

REVOKE USAGE ON SCHEMA notify FROM skep_worker;

DO $$
BEGIN
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM skep_worker',
                   current_database());

    BEGIN
        DROP ROLE skep_worker;
    EXCEPTION WHEN dependent_objects_still_exist THEN
        RAISE NOTICE 'skep_worker stays: another database uses it';
    END;
END
$$;

COMMIT;
