-- Verify skep:accounts on pg

BEGIN;

SELECT deleted_at FROM auth.users WHERE false;

SELECT hash, session_id, created_at, spent_at
  FROM auth.refresh_tokens WHERE false;

SELECT hash, user_id, purpose, email, created_at, expires_at
  FROM auth.mail_tokens WHERE false;

SELECT 'auth.refresh_tokens_session_id_created_at_idx'::regclass,
       'auth.mail_tokens_user_id_idx'::regclass,
       'auth.revoke_sessions(uuid, uuid)'::regprocedure,
       'auth.delete_user(uuid, text, bigint[])'::regprocedure;

-- what is not so is a division by zero
SELECT 1 / (count(*) = 0)::int
  FROM pg_attribute
 WHERE (attrelid, attname) IN (
       ('notify.outbox'::regclass, 'project_id'),
       ('auth.users'::regclass, 'email'),
       ('auth.users'::regclass, 'password_hash'))
   AND attnotnull;

SELECT 1 / (count(*) = 4)::int
  FROM pg_constraint
 WHERE contype = 'c'
   AND (conrelid, conname) IN (
       ('auth.users'::regclass, 'users_deleted_check'),
       ('auth.refresh_tokens'::regclass, 'refresh_tokens_hash_check'),
       ('auth.mail_tokens'::regclass, 'mail_tokens_hash_check'),
       ('auth.mail_tokens'::regclass, 'mail_tokens_purpose_check'));

-- nginx may call the functions, others may not
SELECT 1 / (count(*) FILTER (WHERE has_function_privilege('skep_nginx', oid,
                                                          'EXECUTE')) = 2
            AND count(*) FILTER (WHERE has_function_privilege('pg_monitor', oid,
                                                              'EXECUTE')) = 0
           )::int
  FROM pg_proc
 WHERE oid IN ('auth.revoke_sessions(uuid, uuid)'::regprocedure,
               'auth.delete_user(uuid, text, bigint[])'::regprocedure);

SELECT 1 / (bool_and(has_column_privilege('skep_nginx', v.relation, c,
                                          v.privilege)))::int
  FROM (VALUES
        ('auth.users', 'SELECT', 'deleted_at'),
        ('auth.users', 'UPDATE',
         'email name password_hash role email_verified disabled_at updated_at '
         'version'),
        ('auth.sessions', 'SELECT',
         'id user_id ip user_agent created_at last_used_at expires_at '
         'revoked_at'),
        ('auth.sessions', 'UPDATE',
         'ip user_agent last_used_at expires_at revoked_at'),
        ('auth.refresh_tokens', 'SELECT',
         'hash session_id created_at spent_at'),
        ('auth.refresh_tokens', 'INSERT', 'hash session_id'),
        ('auth.refresh_tokens', 'UPDATE', 'spent_at'),
        ('auth.mail_tokens', 'SELECT',
         'hash user_id purpose email expires_at'),
        ('auth.mail_tokens', 'INSERT',
         'hash user_id purpose email expires_at'))
       AS v (relation, privilege, columns),
       string_to_table(v.columns, ' ') c;

SELECT 1 / (bool_and(has_table_privilege('skep_nginx', v.relation, 'DELETE')
                     AND NOT has_table_privilege('skep_nginx', v.relation,
                         'TRUNCATE, REFERENCES, TRIGGER')))::int
  FROM (VALUES ('auth.sessions'), ('auth.refresh_tokens'),
               ('auth.mail_tokens')) AS v (relation);

-- when a user came, and that one has left, nginx can't say by itself
SELECT 1 / (NOT has_column_privilege('skep_nginx', 'auth.users', 'created_at',
                                     'UPDATE')
            AND NOT has_column_privilege('skep_nginx', 'auth.users',
                                         'deleted_at', 'UPDATE')
            AND NOT has_table_privilege('skep_nginx', 'auth.users', 'DELETE')
            AND NOT has_table_privilege('skep_nginx', 'task.members',
                                        'DELETE'))::int;

ROLLBACK;
