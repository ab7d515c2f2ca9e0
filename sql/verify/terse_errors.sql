-- Verify skep:terse_errors on pg

BEGIN;

-- what is not so is a division by zero; who may not set it may not have done so
SELECT 1 / (count(*) = 2
            OR NOT (SELECT rolsuper FROM pg_roles
                    WHERE rolname = current_user))::int
  FROM pg_db_role_setting s
  JOIN pg_roles r ON r.oid = s.setrole
  JOIN pg_database d ON d.oid = s.setdatabase
 WHERE r.rolname IN ('skep_nginx', 'skep_worker')
   AND d.datname = current_database()
   AND 'log_error_verbosity=terse' = ANY (s.setconfig);

ROLLBACK;
