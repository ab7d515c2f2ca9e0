-- Deploy skep:mails to pg
-- requires: events
-- requires: accounts
-- requires: projects

BEGIN;

-- Takes mails that are due, "most" of them at most, and lends them for the time
-- of "lease": who does not say by then what became of one has lost it, and it is
-- due again.
--
-- A row for each: with "why" it is dropped, for that reason; else there is all
-- that a mail of its type can say, under the names that templates have for it.
-- What may be said, and to whom, is looked up now, not when the event happened:
--
--   - the account must not be disabled;
--   - mails of accounts go to the address that they prove, if it is the
--     account's still and the token is good;
--   - others go to an address that is verified, of somebody who is a member
--     still and wants such mails still.
--
-- It runs with the rights of its owner, so the worker needs none on accounts,
-- tokens and tasks.

CREATE FUNCTION notify.claim_mails(most integer, lease interval)
RETURNS TABLE (id uuid, type text, attempts integer, created_at bigint,
               why text, address text, task_id uuid, project_id uuid,
               name text, actor text, project text, task text, assignee text,
               changes text, comment text, member text, role text, url text,
               reason text, "time" text, token text, expires_at text)
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
AS $$
    WITH due AS MATERIALIZED (
        SELECT m.* FROM notify.mails m
        WHERE m.status = 'pending' AND m.next_attempt_at <= now()
        ORDER BY m.next_attempt_at
        LIMIT most
        FOR UPDATE SKIP LOCKED
    ), seen AS MATERIALIZED (
        SELECT m.id, m.type, m.created_at, m.data AS own, u.email, u.name,
               e.actor_id, e.project_id, e.task_id, e.data,
               e.created_at AS happened_at,
               CASE
                   WHEN u.id IS NULL THEN 'the account is disabled'
                   WHEN m.n IS NULL THEN
                       CASE
                           WHEN u.email IS DISTINCT FROM m.data ->> 'email'
                               THEN 'the address has changed'
                           WHEN NOT EXISTS (
                               SELECT FROM auth.mail_tokens t
                               WHERE t.hash = sha256(convert_to(
                                                 m.data ->> 'token', 'UTF8'))
                                 AND t.user_id = m.user_id
                                 AND t.expires_at > now())
                               THEN 'the token is void'
                       END
                   WHEN e.n IS NULL THEN 'the event is forgotten'
                   WHEN NOT u.email_verified THEN 'the address is not verified'
                   WHEN (m.type = ANY (s.email_on)) IS NOT TRUE
                       THEN 'such mails are switched off'
                   WHEN e.project_id IS NOT NULL
                        AND NOT EXISTS (SELECT FROM task.members o
                                        WHERE o.project_id = e.project_id
                                          AND o.user_id = m.user_id)
                       THEN 'no member any more'
               END AS why
        FROM due m
        LEFT JOIN auth.users u ON u.id = m.user_id AND u.disabled_at IS NULL
        LEFT JOIN notify.settings s ON s.user_id = m.user_id
        LEFT JOIN notify.events e ON e.n = m.n
    ), claimed AS (
        UPDATE notify.mails m
        SET status = CASE WHEN s.why IS NULL THEN m.status ELSE 'dropped' END,
            attempts = m.attempts + CASE WHEN s.why IS NULL THEN 1 ELSE 0 END,
            next_attempt_at = now() + lease,
            error = coalesce(s.why, m.error),
            data = CASE WHEN s.why IS NULL THEN m.data END
        FROM seen s
        WHERE m.id = s.id
        RETURNING m.id, m.attempts
    )
    SELECT s.id, s.type, c.attempts,
           floor(extract(epoch FROM s.created_at))::bigint, s.why, s.email, s.task_id, s.project_id,
           s.name, a.name, p.name,
           coalesce(s.data #>> '{task,title}', t.title), g.name,
           -- tasks of somebody who left: the one change that tells no fields
           coalesce((SELECT string_agg(k, ', ')
                     FROM json_object_keys(s.data -> 'changes') k),
                    'assignee_id'),
           s.data #>> '{comment,body}',
           s.data #>> '{member,name}', s.data #>> '{member,role}',
           s.data #>> '{webhook,url}', s.data #>> '{webhook,disabled_reason}',
           to_char(s.happened_at AT TIME ZONE 'UTC',
                   'YYYY-MM-DD HH24:MI "UTC"'),
           s.own ->> 'token',
           to_char((s.own ->> 'expires_at')::timestamptz AT TIME ZONE 'UTC',
                   'YYYY-MM-DD HH24:MI "UTC"')
    FROM seen s
    JOIN claimed c ON c.id = s.id
    LEFT JOIN auth.users a ON a.id = s.actor_id
    LEFT JOIN task.projects p ON p.id = s.project_id
    LEFT JOIN task.tasks t ON t.id = s.task_id
    LEFT JOIN auth.users g
        ON g.id = (s.data #>> '{task,assignee_id}')::uuid
$$;


-- Writes down what became of mails that were claimed: "sent" and "failed" are
-- for good, and end what secrets the row has; "pending" is to be tried again
-- after so many seconds.

CREATE FUNCTION notify.record_mails(ids uuid[], outcomes text[],
                                    pauses double precision[], errors text[])
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
AS $$
    UPDATE notify.mails m
    SET status = r.outcome, error = r.error,
        next_attempt_at = now() + make_interval(secs => r.pause),
        data = CASE WHEN r.outcome = 'pending' THEN m.data END
    FROM unnest(ids, outcomes, pauses, errors) r (id, outcome, pause, error)
    WHERE m.id = r.id AND m.status = 'pending'
$$;


REVOKE ALL ON FUNCTION notify.claim_mails(integer, interval),
    notify.record_mails(uuid[], text[], double precision[], text[])
    FROM PUBLIC;

GRANT EXECUTE ON FUNCTION notify.claim_mails(integer, interval),
    notify.record_mails(uuid[], text[], double precision[], text[])
    TO skep_worker;

COMMIT;
