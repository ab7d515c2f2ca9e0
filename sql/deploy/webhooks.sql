-- Deploy skep:webhooks to pg
-- requires: events

BEGIN;

-- Lists of deliveries are by event, which the unique index does.  Those that
-- failed are few and looked for; those that are due have an index already.

CREATE INDEX deliveries_failed_idx
    ON notify.deliveries (webhook_id, event_id DESC)
    WHERE status = 'failed';


-- Whether a user may have one webhook more: ok, too_many_webhooks, or null if
-- there is no such account.  The lock makes those who ask for the same user wait
-- for each other, so that none is counted before it is there.

CREATE FUNCTION notify.webhook_room(who uuid, most integer) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM FROM auth.users u
    WHERE u.id = who AND u.disabled_at IS NULL
    FOR NO KEY UPDATE;

    IF NOT FOUND THEN
        RETURN NULL;
    END IF;

    RETURN CASE WHEN (SELECT count(*) FROM notify.webhooks w
                      WHERE w.user_id = who) < most
                THEN 'ok' ELSE 'too_many_webhooks' END;
END
$$;


-- Gives a webhook a new secret; the one it had signs, too, for a day.  Until
-- when, or null if the caller has no such webhook.  nginx may not read secrets,
-- not even to copy one.

CREATE FUNCTION notify.rotate_secret(caller uuid, webhook uuid, fresh bytea)
RETURNS timestamptz
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    UPDATE notify.webhooks w
    SET old_secret = w.secret, old_secret_until = now() + interval '24 hours',
        secret = fresh
    WHERE w.id = webhook AND w.user_id = caller
    RETURNING w.old_secret_until
$$;


REVOKE ALL ON FUNCTION notify.webhook_room(uuid, integer),
    notify.rotate_secret(uuid, uuid, bytea) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION notify.webhook_room(uuid, integer),
    notify.rotate_secret(uuid, uuid, bytea) TO skep_nginx;


-- what the statements need

GRANT SELECT (id, user_id, project_id, url, events, enabled, disabled_reason,
              failing_since, created_at, updated_at, version),
      INSERT (id, user_id, project_id, url, events, enabled, secret, created_at,
              updated_at),
      UPDATE (project_id, url, events, enabled, disabled_reason, failing_since,
              updated_at, version),
      DELETE
    ON notify.webhooks TO skep_nginx;

GRANT SELECT (id, webhook_id, n, event_id, type, status, attempts,
              next_attempt_at, last_attempt_at, response_status, response_body,
              duration_ms, error, created_at),
      INSERT (id, webhook_id, event_id, type, data, next_attempt_at,
              created_at),
      UPDATE (status, next_attempt_at)
    ON notify.deliveries TO skep_nginx;

COMMIT;
