-- Revert skep:webhooks from pg

BEGIN;

REVOKE ALL ON notify.webhooks, notify.deliveries FROM skep_nginx;
REVOKE SELECT (id, user_id, project_id, url, events, enabled, disabled_reason,
               failing_since, created_at, updated_at, version),
       INSERT (id, user_id, project_id, url, events, enabled, secret,
               created_at, updated_at),
       UPDATE (project_id, url, events, enabled, disabled_reason,
               failing_since, updated_at, version)
    ON notify.webhooks FROM skep_nginx;
REVOKE SELECT (id, webhook_id, n, event_id, type, status, attempts,
               next_attempt_at, last_attempt_at, response_status,
               response_body, duration_ms, error, created_at),
       INSERT (id, webhook_id, event_id, type, data, next_attempt_at,
               created_at),
       UPDATE (status, next_attempt_at)
    ON notify.deliveries FROM skep_nginx;

DROP FUNCTION notify.rotate_secret(uuid, uuid, bytea);
DROP FUNCTION notify.webhook_room(uuid, integer);
DROP INDEX notify.deliveries_failed_idx;

COMMIT;
