-- Deploy skep:auth to pg
-- requires: roles

BEGIN;

CREATE SCHEMA auth;


CREATE TABLE auth.users (
    id              uuid         PRIMARY KEY,
    email           text         NOT NULL
                    CHECK (octet_length(email) BETWEEN 3 AND 254),
    name            text         NOT NULL
                    CHECK (char_length(name) BETWEEN 1 AND 200),
    -- crypt(5); never "*0" or "*1", by which it tells of a failure
    password_hash   text         NOT NULL
                    CHECK (password_hash LIKE '$%'),
    role            text         NOT NULL DEFAULT 'user'
                    CHECK (role IN ('user', 'admin')),
    email_verified  boolean      NOT NULL DEFAULT false,
    disabled_at     timestamptz,
    created_at      timestamptz  NOT NULL DEFAULT now(),
    updated_at      timestamptz  NOT NULL DEFAULT now(),
    version         bigint       NOT NULL DEFAULT 1 CHECK (version > 0)
);

CREATE UNIQUE INDEX users_email_key ON auth.users (lower(email));


CREATE TABLE auth.sessions (
    id              uuid         PRIMARY KEY,
    user_id         uuid         NOT NULL
                    REFERENCES auth.users ON DELETE CASCADE,
    -- SHA-256 of the refresh token, which is kept nowhere
    refresh_hash    bytea        NOT NULL UNIQUE
                    CHECK (octet_length(refresh_hash) = 32),
    ip              text,
    user_agent      text,
    created_at      timestamptz  NOT NULL DEFAULT now(),
    last_used_at    timestamptz  NOT NULL DEFAULT now(),
    expires_at      timestamptz  NOT NULL,
    revoked_at      timestamptz
);

CREATE INDEX sessions_user_id_idx ON auth.sessions (user_id);

COMMIT;
