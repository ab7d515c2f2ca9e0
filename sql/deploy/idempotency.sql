-- Deploy skep:idempotency to pg
-- requires: auth
-- requires: accounts
-- requires: grants

BEGIN;

-- What belongs to no resource in particular.
CREATE SCHEMA api;


-- The first answers to requests with an Idempotency-Key, for 24 hours.  Only
-- what the request itself does not tell: a repeated request is the same, byte
-- for byte, and the answer is computed from both.  See sql/statements/.
--
-- It has no reference to auth.users, for the reason that task.tasks has none.

CREATE TABLE api.idempotency_keys (
    user_id      uuid              NOT NULL,
    key          text COLLATE "C"  NOT NULL,
    fingerprint  bytea             NOT NULL,  -- of method, path and body
    ids          uuid[]            NOT NULL,  -- made for it, in their order
    created_at   timestamptz       NOT NULL,  -- of what was made
    details      jsonb,                       -- others' data in the answer
    stored_at    timestamptz       NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, key)
);

-- those that are too old are deleted by and by
CREATE INDEX idempotency_keys_stored_at_idx ON api.idempotency_keys (stored_at);


-- Who deletes an account leaves none.

CREATE FUNCTION api.forget_idempotency_keys() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM api.idempotency_keys k WHERE k.user_id = NEW.id;
    RETURN NULL;
END
$$;

REVOKE ALL ON FUNCTION api.forget_idempotency_keys() FROM PUBLIC;

CREATE TRIGGER users_forget_idempotency_keys
    AFTER UPDATE OF deleted_at ON auth.users
    FOR EACH ROW WHEN (OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL)
    EXECUTE FUNCTION api.forget_idempotency_keys();


GRANT USAGE ON SCHEMA api TO skep_nginx;

GRANT SELECT (user_id, key, fingerprint, ids, created_at, details, stored_at),
      INSERT (user_id, key, fingerprint, ids, created_at, details),
      UPDATE (fingerprint, ids, created_at, details, stored_at),
      DELETE
    ON api.idempotency_keys TO skep_nginx;

COMMIT;
