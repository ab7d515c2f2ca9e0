-- Revert skep:purges from pg

BEGIN;

DROP FUNCTION notify.queues();

DO $$
DECLARE
    f regprocedure;
BEGIN
    FOR f IN SELECT p.oid::regprocedure FROM pg_proc p
             WHERE p.pronamespace = 'api'::regnamespace
               AND starts_with(p.proname, 'purge_')
    LOOP
        EXECUTE format('DROP FUNCTION %s', f);
    END LOOP;
END
$$;

DROP INDEX notify.mails_created_at_idx, notify.mails_n_idx,
    notify.deliveries_n_idx, task.departures_moved_at_idx,
    task.projects_deleted_at_idx, task.comments_deleted_at_idx,
    task.tasks_deleted_at_idx, auth.mail_tokens_expires_at_idx,
    auth.sessions_expires_at_idx;

REVOKE USAGE ON SCHEMA api FROM skep_worker;

COMMIT;
