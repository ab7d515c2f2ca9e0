-- Deploy skep:roles to pg

-- The role that nginx connects as.  Roles belong to the cluster, so it may be
-- there already.  Its password is the operator's: ALTER ROLE ... PASSWORD.

BEGIN;

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'skep_nginx') THEN
        CREATE ROLE skep_nginx LOGIN
            NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT NOREPLICATION;
    END IF;

    -- no temporary tables, and no way in for other roles of the cluster
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC',
                   current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO skep_nginx',
                   current_database());
END
$$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;

COMMIT;
