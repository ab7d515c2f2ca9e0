-- Deploy skep:notify to pg
-- requires: roles

BEGIN;

CREATE SCHEMA notify;


-- Events that have yet to be published.  They outlive what they are about, so
-- they refer to nothing.

CREATE TABLE notify.outbox (
    id          uuid         PRIMARY KEY,
    type        text         NOT NULL CHECK (type ~ '^[a-z_]+\.[a-z_]+$'),
    actor_id    uuid         NOT NULL,
    project_id  uuid         NOT NULL,
    task_id     uuid,
    data        jsonb        NOT NULL,
    created_at  timestamptz  NOT NULL DEFAULT now()
);

COMMIT;
