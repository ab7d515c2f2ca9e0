-- Deploy skep:grants to pg
-- requires: auth
-- requires: task
-- requires: notify

-- What the statements of sql/statements/ need, by column, and nothing else.

BEGIN;

GRANT USAGE ON SCHEMA auth, task, notify TO skep_nginx;

GRANT SELECT (id, email, name, password_hash, role, email_verified,
              disabled_at, created_at, updated_at, version),
      INSERT (id, email, name, password_hash)
    ON auth.users TO skep_nginx;

GRANT INSERT (id, user_id, refresh_hash, ip, user_agent, expires_at)
    ON auth.sessions TO skep_nginx;

GRANT SELECT (id, owner_id, inbox),
      INSERT (id, owner_id, name, inbox)
    ON task.projects TO skep_nginx;

GRANT SELECT (project_id, user_id, role),
      INSERT (project_id, user_id, role)
    ON task.members TO skep_nginx;

GRANT SELECT,
      INSERT (id, project_id, title, description, status, priority, labels,
              due_at, assignee_id, created_by, completed_at, created_at,
              updated_at),
      UPDATE (project_id, title, description, status, priority, labels, due_at,
              assignee_id, completed_at, updated_at, version, deleted_at)
    ON task.tasks TO skep_nginx;

GRANT INSERT (id, type, actor_id, project_id, task_id, data)
    ON notify.outbox TO skep_nginx;

COMMIT;
