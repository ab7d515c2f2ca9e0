-- Deploy skep:task to pg
-- requires: auth

BEGIN;

CREATE SCHEMA task;

CREATE TYPE task.status AS ENUM ('todo', 'in_progress', 'done', 'cancelled');
-- in the order by which lists sort
CREATE TYPE task.priority AS ENUM ('none', 'low', 'medium', 'high', 'urgent');
CREATE TYPE task.role AS ENUM ('owner', 'editor', 'viewer');


CREATE TABLE task.projects (
    id           uuid         PRIMARY KEY,
    owner_id     uuid         NOT NULL REFERENCES auth.users,
    name         text         NOT NULL
                 CHECK (char_length(name) BETWEEN 1 AND 200),
    description  text         NOT NULL DEFAULT ''
                 CHECK (char_length(description) <= 4000),
    inbox        boolean      NOT NULL DEFAULT false,
    archived     boolean      NOT NULL DEFAULT false,
    created_at   timestamptz  NOT NULL DEFAULT now(),
    updated_at   timestamptz  NOT NULL DEFAULT now(),
    version      bigint       NOT NULL DEFAULT 1 CHECK (version > 0),
    deleted_at   timestamptz,
    CONSTRAINT projects_inbox_stays CHECK (NOT inbox OR deleted_at IS NULL)
);

-- one Inbox each
CREATE UNIQUE INDEX projects_inbox_key ON task.projects (owner_id) WHERE inbox;


CREATE TABLE task.members (
    project_id  uuid         NOT NULL REFERENCES task.projects ON DELETE CASCADE,
    user_id     uuid         NOT NULL REFERENCES auth.users ON DELETE CASCADE,
    role        task.role    NOT NULL,
    added_at    timestamptz  NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, project_id)
);

CREATE INDEX members_project_id_user_id_idx
    ON task.members (project_id, user_id);


-- The table that every write goes to.  It has no checks: PostgreSQL would parse
-- and compile each anew for every statement, a tenth of the whole cost of a
-- task; bounds are checked where their faults are told, in nginx.  Nor does it
-- refer to auth.users: each such key takes a lock on the user's row, so that
-- tasks of one user would wait in line.  The statements check membership, which
-- says more than that a user exists.

CREATE TABLE task.tasks (
    id            uuid           PRIMARY KEY,
    project_id    uuid           NOT NULL REFERENCES task.projects,
    title         text           NOT NULL,
    description   text           NOT NULL DEFAULT '',
    status        task.status    NOT NULL DEFAULT 'todo',
    priority      task.priority  NOT NULL DEFAULT 'none',
    labels        text[]         NOT NULL DEFAULT '{}',
    due_at        timestamptz,
    assignee_id   uuid,
    created_by    uuid           NOT NULL,
    completed_at  timestamptz,
    created_at    timestamptz    NOT NULL,
    updated_at    timestamptz    NOT NULL,
    version       bigint         NOT NULL DEFAULT 1,
    deleted_at    timestamptz
) WITH (fillfactor = 80);

-- Ids are in the order of creation.  No mutable column is in an index, save
-- by the predicate, so that updates stay within their page.
CREATE INDEX tasks_project_id_id_idx ON task.tasks (project_id, id)
    WHERE deleted_at IS NULL;

COMMIT;
