-- Verify skep:roles on pg

DO $$
DECLARE
    role pg_roles;
BEGIN
    SELECT * INTO STRICT role FROM pg_roles WHERE rolname = 'skep_nginx';

    IF role.rolsuper OR role.rolcreatedb OR role.rolcreaterole
       OR role.rolreplication OR role.rolbypassrls OR NOT role.rolcanlogin
    THEN
        RAISE EXCEPTION 'skep_nginx has attributes that it must not have';
    END IF;

    IF EXISTS (SELECT FROM pg_auth_members WHERE member = role.oid) THEN
        RAISE EXCEPTION 'skep_nginx is a member of another role';
    END IF;

    IF NOT has_database_privilege('skep_nginx', current_database(), 'CONNECT')
    THEN
        RAISE EXCEPTION 'skep_nginx may not connect';
    END IF;

    IF has_database_privilege('skep_nginx', current_database(), 'CREATE')
       OR has_database_privilege('skep_nginx', current_database(), 'TEMPORARY')
       OR has_schema_privilege('skep_nginx', 'public', 'CREATE')
    THEN
        RAISE EXCEPTION 'skep_nginx may create things';
    END IF;
END
$$;
