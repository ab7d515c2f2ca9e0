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


-- A list of labels is bounded here as a whole; each label's own length is
-- checked where the faults are reported, in nginx.

CREATE TABLE task.tasks (
    id            uuid           PRIMARY KEY,
    project_id    uuid           NOT NULL REFERENCES task.projects,
    title         text           NOT NULL
                  CHECK (char_length(title) BETWEEN 1 AND 500),
    description   text           NOT NULL DEFAULT ''
                  CHECK (char_length(description) <= 20000),
    status        task.status    NOT NULL DEFAULT 'todo',
    priority      task.priority  NOT NULL DEFAULT 'none',
    labels        text[]         NOT NULL DEFAULT '{}'
                  CHECK (cardinality(labels) <= 20
                         AND coalesce(array_ndims(labels), 1) = 1
                         AND array_position(labels, NULL) IS NULL
                         AND array_position(labels, '') IS NULL
                         AND char_length(array_to_string(labels, '')) <= 1000),
    due_at        timestamptz    CHECK (isfinite(due_at)),
    assignee_id   uuid           REFERENCES auth.users,
    created_by    uuid           NOT NULL REFERENCES auth.users,
    completed_at  timestamptz,
    created_at    timestamptz    NOT NULL,
    updated_at    timestamptz    NOT NULL,
    version       bigint         NOT NULL DEFAULT 1 CHECK (version > 0),
    deleted_at    timestamptz,
    CONSTRAINT tasks_completed_at_follows_status
        CHECK ((status = 'done') = (completed_at IS NOT NULL))
) WITH (fillfactor = 80);

-- Ids are in the order of creation.  No mutable column is in an index, save
-- by the predicate, so that updates stay within their page.
CREATE INDEX tasks_project_id_id_idx ON task.tasks (project_id, id)
    WHERE deleted_at IS NULL;

COMMIT;
