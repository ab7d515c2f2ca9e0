-- The data of the bench.  20 users are there already, with their inboxes; they
-- get two more projects each, one of them shared with the next user, one with
-- the user after, and 500 tasks each.  Beside them live 1,000 users with two
-- projects and 10 tasks each, of whom nobody asks: tables of a few rows would
-- be scanned rather than searched.

BEGIN;

CREATE SCHEMA bench;

GRANT USAGE ON SCHEMA bench TO skep_nginx;


-- UUIDv7 (RFC 9562, 5.7) of a time

CREATE FUNCTION bench.uuid7(at timestamptz) RETURNS uuid
LANGUAGE sql VOLATILE PARALLEL SAFE
RETURN encode(
    set_byte(
        overlay(uuid_send(gen_random_uuid())
                placing substr(int8send((extract(epoch FROM at) * 1000)::bigint),
                               3)
                from 1 for 6),
        6, 112 + (random() * 15)::int),
    'hex')::uuid;


CREATE TABLE bench.users AS
SELECT id, row_number() OVER (ORDER BY email) AS n
  FROM auth.users;


-- the others

CREATE TABLE bench.others AS
SELECT bench.uuid7(now()) AS id, n
  FROM generate_series(1, 1000) AS n;

INSERT INTO auth.users (id, email, name, password_hash)
SELECT id, 'other' || n || '@example.org', 'Other ' || n, '$2b$10$none'
  FROM bench.others;

INSERT INTO task.projects (id, owner_id, name, inbox)
SELECT bench.uuid7(now()), o.id, p.name, p.name = 'Inbox'
  FROM bench.others o, (VALUES ('Inbox'), ('Work')) AS p (name);

INSERT INTO task.members (project_id, user_id, role)
SELECT p.id, p.owner_id, 'owner'
  FROM task.projects p
  JOIN bench.others o ON o.id = p.owner_id;

INSERT INTO task.tasks (id, project_id, title, created_by, created_at,
                        updated_at)
SELECT bench.uuid7(at), project_id, 'Task ' || n, owner_id, at, at
  FROM (SELECT p.id AS project_id, p.owner_id, t.n,
               date_trunc('milliseconds',
                          now() - random() * interval '90 days') AS at
          FROM task.projects p
          JOIN bench.others o ON o.id = p.owner_id
         CROSS JOIN generate_series(1, 5) AS t (n)) AS t;


-- the 20

INSERT INTO task.projects (id, owner_id, name, created_at, updated_at)
SELECT bench.uuid7(now()), u.id, p.name, now(), now()
  FROM bench.users u, (VALUES ('Work'), ('House')) AS p (name);

INSERT INTO task.members (project_id, user_id, role)
SELECT p.id, p.owner_id, 'owner'
  FROM task.projects p
  JOIN bench.users u ON u.id = p.owner_id
 WHERE NOT p.inbox;

INSERT INTO task.members (project_id, user_id, role)
SELECT p.id, guest.id,
       (CASE p.name WHEN 'Work' THEN 'editor' ELSE 'viewer' END)::task.role
  FROM task.projects p
  JOIN bench.users owner ON owner.id = p.owner_id
  JOIN bench.users guest
    ON guest.n = 1 + (owner.n + CASE p.name WHEN 'Work' THEN 0 ELSE 1 END)
                     % (SELECT count(*) FROM bench.users)
 WHERE NOT p.inbox;


-- 10,000 tasks over the last 90 days, a description of some 200 bytes each

INSERT INTO task.tasks (id, project_id, title, description, status, priority,
                        labels, due_at, assignee_id, created_by, completed_at,
                        created_at, updated_at)
SELECT bench.uuid7(t.at),
       p.id,
       (ARRAY['Review', 'Write', 'Call about', 'Fix', 'Plan', 'Order', 'Send'])
           [1 + t.n % 7] || ' '
       || (ARRAY['the quarterly report', 'the garden fence', 'the café menu',
                 'the release notes', 'new tyres', 'the tax return',
                 'the backup of the office server', 'a birthday present',
                 'the insurance', 'the slides for Thursday', 'two shelves'])
           [1 + t.n % 11],
       'Number ' || t.n || '. '
       || repeat('What was agreed: read it through, ask those who know, and '
                 'note what is still open. ', 1 + t.n % 3)
       || 'Then tell the others, and file it.',
       s.status,
       (ARRAY['none', 'low', 'medium', 'high', 'urgent'])[1 + t.n % 5]
           ::task.priority,
       (ARRAY['{}', '{}', '{office}', '{home,errand}', '{waiting}'])[1 + t.n % 5]
           ::text[],
       CASE WHEN t.n % 3 = 0 THEN t.at + interval '30 days' END,
       CASE WHEN t.n % 4 = 0 THEN u.id END,
       u.id,
       CASE WHEN s.status = 'done' THEN t.at + interval '1 day' END,
       t.at,
       t.at
  FROM (SELECT n, date_trunc('milliseconds',
                             now() - (10001 - n) * interval '13 minutes') AS at
          FROM generate_series(1, 10000) AS n) AS t
  JOIN bench.users u ON u.n = 1 + t.n % (SELECT count(*) FROM bench.users)
  JOIN LATERAL (SELECT id, row_number() OVER (ORDER BY inbox DESC, name) AS n
                  FROM task.projects
                 WHERE owner_id = u.id) AS p ON p.n = 1 + (t.n / 20) % 3
 CROSS JOIN LATERAL (SELECT (ARRAY['todo', 'todo', 'in_progress', 'done'])
                                [1 + t.n % 4]::task.status AS status) AS s
 ORDER BY t.at;


-- what is asked for: tasks, each by the user who made it

CREATE TABLE bench.samples AS
SELECT row_number() OVER (ORDER BY random()) AS n,
       u.id AS user_id, t.id AS task_id, t.title, t.description
  FROM task.tasks t
  JOIN bench.users u ON u.id = t.created_by
 ORDER BY n
 LIMIT 1000;

ALTER TABLE bench.samples ADD PRIMARY KEY (n);

GRANT SELECT ON bench.samples TO skep_nginx;


-- what restore() goes back to

CREATE TABLE bench.tasks AS TABLE task.tasks;

SELECT format($format$
    CREATE FUNCTION bench.restore() RETURNS void LANGUAGE sql AS $$
        TRUNCATE task.tasks, notify.outbox;
        INSERT INTO task.tasks (%1$s) SELECT %1$s FROM bench.tasks ORDER BY id;
    $$
    $format$, string_agg(quote_ident(attname), ', '))
  FROM pg_attribute
 WHERE attrelid = 'task.tasks'::regclass AND attnum > 0 AND NOT attisdropped
   AND attgenerated = ''
\gexec

COMMIT;

SELECT bench.restore();

VACUUM ANALYZE;
