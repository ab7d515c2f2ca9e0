-- Verify skep:revocations on pg

BEGIN;

-- raises an error when the index is missing
SELECT 'auth.sessions_revoked_at_id_idx'::regclass;

-- what is not so is a division by zero
SELECT 1 / (has_column_privilege('skep_nginx', 'auth.sessions', 'id', 'SELECT')
            AND has_column_privilege('skep_nginx', 'auth.sessions',
                                     'revoked_at', 'SELECT'))::int;

ROLLBACK;
