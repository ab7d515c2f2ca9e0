-- Deploy skep:notify to pg
-- requires: roles

BEGIN;

CREATE SCHEMA notify;


-- Events that have yet to be published.  They outlive what they are about, so
-- they refer to nothing.  What is written once and read once is json: jsonb
-- would be taken apart only to be put together again.

CREATE TABLE notify.outbox (
    id          uuid         PRIMARY KEY,
    type        text         NOT NULL,
    actor_id    uuid         NOT NULL,
    project_id  uuid         NOT NULL,
    task_id     uuid,
    data        json         NOT NULL,
    created_at  timestamptz  NOT NULL DEFAULT now()
);

COMMIT;
