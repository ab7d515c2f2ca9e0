-- Revert skep:roles from pg

BEGIN;

GRANT USAGE ON SCHEMA public TO PUBLIC;

DO $$
BEGIN
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM skep_nginx',
                   current_database());
    EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO PUBLIC',
                   current_database());

    BEGIN
        DROP ROLE skep_nginx;
    EXCEPTION WHEN dependent_objects_still_exist THEN
        RAISE NOTICE 'skep_nginx stays: another database uses it';
    END;
END
$$;

COMMIT;
