-- Deploy skep:terse_errors to pg
-- requires: events

-- PostgreSQL's log has the detail of an error: "Key (email)=(...) already
-- exists", "Failing row contains (...)".  For these two roles it has not.  To
-- set that takes a superuser, or who was granted it: without, it is left as it
-- is, and said.

BEGIN;

DO $$
DECLARE
    r text;
BEGIN
    FOREACH r IN ARRAY ARRAY['skep_nginx', 'skep_worker'] LOOP
        EXECUTE format('ALTER ROLE %I IN DATABASE %I'
                       ' SET log_error_verbosity = terse',
                       r, current_database());
    END LOOP;
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE NOTICE 'log_error_verbosity is not set for skep_nginx and'
                     ' skep_worker: the log of PostgreSQL may have values of'
                     ' users';
END
$$;

COMMIT;
