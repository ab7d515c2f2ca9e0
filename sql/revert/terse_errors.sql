-- Revert skep:terse_errors from pg

BEGIN;

DO $$
DECLARE
    r text;
BEGIN
    FOREACH r IN ARRAY ARRAY['skep_nginx', 'skep_worker'] LOOP
        EXECUTE format('ALTER ROLE %I IN DATABASE %I'
                       ' RESET log_error_verbosity',
                       r, current_database());
    END LOOP;
EXCEPTION
    WHEN insufficient_privilege THEN NULL;
END
$$;

COMMIT;
