-- Revert skep:grants from pg

BEGIN;

REVOKE ALL ON ALL TABLES IN SCHEMA auth, task, notify FROM skep_nginx;
REVOKE USAGE ON SCHEMA auth, task, notify FROM skep_nginx;

COMMIT;
