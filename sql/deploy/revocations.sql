-- Deploy skep:revocations to pg
-- requires: auth
-- requires: grants

BEGIN;

-- nginx asks again and again for the sessions that were revoked of late

CREATE INDEX sessions_revoked_at_id_idx ON auth.sessions (revoked_at, id)
    WHERE revoked_at IS NOT NULL;

GRANT SELECT (id, revoked_at) ON auth.sessions TO skep_nginx;

COMMIT;
