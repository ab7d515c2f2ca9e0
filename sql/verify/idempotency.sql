-- Verify skep:idempotency on pg

BEGIN;

SELECT user_id, key, fingerprint, ids, created_at, details, stored_at
  FROM api.idempotency_keys WHERE false;

-- raises an error when one is missing
SELECT 'api.idempotency_keys_stored_at_idx'::regclass,
       'api.forget_idempotency_keys()'::regprocedure;

-- Here and below, what is not so is a division by zero.

SELECT 1 / (SELECT count(*) FROM pg_index
             WHERE indrelid = 'api.idempotency_keys'::regclass
               AND indisprimary AND indnatts = 2);

SELECT 1 / (SELECT count(*) FROM pg_trigger
             WHERE tgrelid = 'auth.users'::regclass
               AND tgname = 'users_forget_idempotency_keys'
               AND tgenabled = 'O');

SELECT 1 / bool_and(has_column_privilege('skep_nginx', 'api.idempotency_keys',
                                         c, p))::int
  FROM string_to_table('fingerprint ids created_at details', ' ') c,
       string_to_table('SELECT INSERT UPDATE', ' ') p;

SELECT 1 / (has_schema_privilege('skep_nginx', 'api', 'USAGE')
            AND has_table_privilege('skep_nginx', 'api.idempotency_keys',
                                    'DELETE')
            AND NOT has_schema_privilege('skep_nginx', 'api', 'CREATE')
            AND NOT has_column_privilege('skep_nginx', 'api.idempotency_keys',
                                         'user_id', 'UPDATE')
            AND NOT has_function_privilege('skep_nginx',
                                           'api.forget_idempotency_keys()',
                                           'EXECUTE'))::int;

ROLLBACK;
