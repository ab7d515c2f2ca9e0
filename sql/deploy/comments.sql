-- Deploy skep:comments to pg
-- requires: task
-- requires: grants

BEGIN;

-- As task.tasks, without checks and without references: who may see a comment
-- is decided by its task.

CREATE TABLE task.comments (
    id          uuid         PRIMARY KEY,
    task_id     uuid         NOT NULL,
    author_id   uuid         NOT NULL,
    body        text         NOT NULL,
    created_at  timestamptz  NOT NULL,
    updated_at  timestamptz  NOT NULL,
    version     bigint       NOT NULL DEFAULT 1,
    deleted_at  timestamptz
);

-- ids are in the order of creation
CREATE INDEX comments_task_id_id_idx ON task.comments (task_id, id)
    WHERE deleted_at IS NULL;

GRANT SELECT,
      INSERT (id, task_id, author_id, body, created_at, updated_at),
      UPDATE (body, updated_at, version, deleted_at)
    ON task.comments TO skep_nginx;

COMMIT;
