-- Verify skep:events on pg

BEGIN;

SELECT seq FROM notify.outbox WHERE false;
SELECT one, n FROM notify.position WHERE false;
SELECT n, id, type, actor_id, project_id, task_id, data, created_at
  FROM notify.events WHERE false;
SELECT user_id, n, read_at, deleted_at FROM notify.inbox WHERE false;
SELECT user_id, own_actions, in_app_off, email_on, updated_at, version
  FROM notify.settings WHERE false;
SELECT id, user_id, project_id, url, events, enabled, disabled_reason, secret,
       old_secret, old_secret_until, failing_since, created_at, updated_at,
       version
  FROM notify.webhooks WHERE false;
SELECT id, webhook_id, n, event_id, type, data, status, attempts,
       next_attempt_at, last_attempt_at, response_status, response_body,
       duration_ms, error, created_at
  FROM notify.deliveries WHERE false;
SELECT id, user_id, type, n, data, status, attempts, next_attempt_at, error,
       created_at
  FROM notify.mails WHERE false;
SELECT seq, id, type, actor_id, project_id, task_id, data, created_at, reason,
       died_at
  FROM notify.dead_events WHERE false;

-- raises an error when one is missing
SELECT 'notify.inbox_user_id_idx'::regclass,
       'notify.inbox_unread_idx'::regclass,
       'notify.webhooks_user_id_id_idx'::regclass,
       'notify.webhooks_project_id_idx'::regclass,
       'notify.deliveries_pending_idx'::regclass,
       'notify.mails_pending_idx'::regclass,
       'notify.mails_user_id_idx'::regclass;

-- Here and below, what is not so is a division by zero.

SELECT 1 / (count(*) = 1)::int FROM notify.position;

SELECT 1 / (SELECT count(*) FROM pg_trigger
             WHERE tgrelid = 'auth.users'::regclass
               AND tgname = 'users_forget_notifications'
               AND tgenabled = 'O');

SELECT 1 / (rolcanlogin AND NOT (rolsuper OR rolcreatedb OR rolcreaterole
                                 OR rolreplication OR rolbypassrls))::int
  FROM (SELECT 1) one LEFT JOIN pg_roles ON rolname = 'skep_worker';

SELECT 1 / (NOT EXISTS (SELECT FROM pg_auth_members
                         WHERE member = 'skep_worker'::regrole))::int;

SELECT 1 / (has_database_privilege('skep_worker', current_database(), 'CONNECT')
            AND NOT has_database_privilege('skep_worker', current_database(),
                                           'CREATE, TEMPORARY'))::int;

SELECT 1 / (NOT bool_or(has_schema_privilege('skep_worker', oid, 'CREATE')))::int
  FROM pg_namespace
 WHERE nspname IN ('api', 'auth', 'task', 'notify', 'public');

-- who may call what; nobody else anything
SELECT 1 / bool_and(has_function_privilege('skep_worker', f.name, 'EXECUTE')
                    = f.worker
                    AND has_function_privilege('skep_nginx', f.name, 'EXECUTE')
                        = f.nginx
                    AND NOT has_function_privilege('pg_monitor', f.name,
                                                   'EXECUTE'))::int
  FROM (VALUES ('notify.fan_out(bigint, integer)', true, false),
               ('notify.bury(bigint, text)', true, false),
               ('notify.time(timestamptz)', true, true),
               ('notify.forget_user()', false, false))
       AS f (name, worker, nginx);

SELECT 1 / bool_and(has_column_privilege(v.role, v.relation, c, v.privilege))::int
  FROM (VALUES
        ('skep_nginx', 'notify.outbox', 'SELECT', 'seq id type created_at'),
        ('skep_nginx', 'notify.events', 'SELECT',
         'n id type actor_id project_id task_id data created_at'),
        ('skep_nginx', 'notify.inbox', 'SELECT',
         'user_id n read_at deleted_at'),
        ('skep_nginx', 'notify.inbox', 'UPDATE', 'read_at deleted_at'),
        ('skep_nginx', 'notify.settings', 'SELECT',
         'user_id own_actions in_app_off email_on updated_at version'),
        ('skep_nginx', 'notify.settings', 'INSERT',
         'user_id own_actions in_app_off email_on version'),
        ('skep_nginx', 'notify.settings', 'UPDATE',
         'own_actions in_app_off email_on updated_at version'),
        ('skep_nginx', 'notify.position', 'SELECT', 'n'),
        ('skep_worker', 'notify.outbox', 'SELECT', 'seq id type created_at'),
        ('skep_worker', 'notify.events', 'SELECT',
         'n id type actor_id project_id task_id data created_at'))
       AS v (role, relation, privilege, columns),
       string_to_table(v.columns, ' ') c;

-- secrets are read by neither, whom a thing is for is for ever
SELECT 1 / (NOT bool_or(
        has_column_privilege(r, 'notify.webhooks', 'secret', 'SELECT')
        OR has_column_privilege(r, 'notify.webhooks', 'old_secret', 'SELECT')
        OR has_column_privilege(r, 'notify.outbox', 'data', 'SELECT, UPDATE')
        OR has_column_privilege(r, 'auth.users', 'password_hash', 'SELECT')
           AND r = 'skep_worker'
        OR has_column_privilege(r, 'notify.webhooks', 'user_id', 'UPDATE')
        OR has_column_privilege(r, 'notify.inbox', 'user_id',
                                'INSERT, UPDATE')
        OR has_table_privilege(r, 'notify.outbox', 'DELETE')
        OR has_table_privilege(r, 'notify.inbox', 'DELETE')
        OR has_table_privilege(r, 'notify.events', 'INSERT, UPDATE, DELETE')
        OR has_table_privilege(r, 'notify.position', 'INSERT, UPDATE, DELETE')
    ))::int
  FROM (VALUES ('skep_nginx'), ('skep_worker')) v (r);

ROLLBACK;
