-- A million tasks, the first step: users, projects, members and words.  See
-- load.sh.
--
-- All is drawn by hashes of numbers, so that it is the same each time but for
-- the day that it ends with.

BEGIN;

CREATE SCHEMA million;

-- 0 <= u < 1
CREATE FUNCTION million.u(n bigint, salt bigint) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (hashint8extended(n, salt) & 4294967295) / 4294967296::float8;

-- 1 .. k, uniformly
CREATE FUNCTION million.pick(k int, n bigint, salt bigint) RETURNS int
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 1 + ((hashint8extended(n, salt) & 2147483647) % k)::int;

-- 1 .. k, the frequency of each being in proportion to 1 / rank
CREATE FUNCTION million.zipf(k int, n bigint, salt bigint) RETURNS int
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN floor(power((k + 1)::float8, million.u(n, salt)))::int;

-- UUIDv7 (RFC 9562, 5.7) of a time in milliseconds
CREATE FUNCTION million.uuid(msec bigint, kind text, n bigint) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN overlay(overlay(md5(kind || n)
                       placing lpad(to_hex(msec), 12, '0') || '7' from 1)
               placing '8' from 17)::uuid;


-- the last midnight (UTC); the tasks are of the three years before

CREATE TABLE million.time AS
SELECT day AS at, (extract(epoch FROM day) * 1000)::bigint AS msec
  FROM date_trunc('day', now(), 'UTC') AS day;

CREATE TABLE million.users AS
SELECT n, million.uuid(t.msec - 100000000000 + n, 'user', n) AS id
  FROM million.time t, generate_series(1, 1000) n;

INSERT INTO auth.users (id, email, name, password_hash)
SELECT id, 'member' || n || '@example.org', 'Member ' || n, '$2b$10$none'
  FROM million.users;


-- Projects 1 .. 1000 are the users' Inboxes, the others are shared.  The
-- first eight of those have a hundred users and more, and 20,000 tasks each.

CREATE TABLE million.projects AS
SELECT p, million.uuid(t.msec - 100000000000 + 1000 + p, 'project', p) AS id,
       CASE WHEN p BETWEEN 1001 AND 1008 THEN 1370
            WHEN p <= 1000 THEN 3 + million.pick(9, p, 1)
            ELSE (4 * power(20, million.u(p, 1)))::int
       END AS weight,
       '{}'::uuid[] AS members
  FROM million.time t, generate_series(1, 3000) p;

-- User 1 is a member of 200 projects, one of the large ones among them; user 2
-- of 8, none of them large.  The others come as they come.

CREATE TABLE million.members AS
SELECT DISTINCT ON (p, u) p, u, place
  FROM (SELECT p, p AS u, 0 AS place
          FROM generate_series(1, 1000) p
        UNION ALL
        SELECT p, 2 + million.pick(998, p * 1000 + i, 2), i
          FROM generate_series(1001, 3000) p
         CROSS JOIN LATERAL generate_series(
             0, CASE WHEN p <= 1008 THEN 99
                     ELSE million.pick(4, p, 3) END) i
        UNION ALL
        SELECT p, 1, 1
          FROM generate_series(1001, 2981, 10) p
        UNION ALL
        SELECT 1100 + 10 * i, 2, i % 3
          FROM generate_series(0, 6) i) m
 ORDER BY p, u, place;

UPDATE million.projects p
   SET members = m.ids
  FROM (SELECT m.p, array_agg(u.id ORDER BY m.place, m.u) AS ids
          FROM million.members m JOIN million.users u ON u.n = m.u
         GROUP BY m.p) m
 WHERE p.p = m.p;

INSERT INTO task.projects (id, owner_id, name, inbox)
SELECT id, members[1], CASE WHEN p <= 1000 THEN 'Inbox' ELSE 'Project ' || p END,
       p <= 1000
  FROM million.projects;

INSERT INTO task.members (project_id, user_id, role)
SELECT p.id, u.id,
       (CASE WHEN u.id = p.members[1] THEN 'owner'
             WHEN m.place % 3 = 2 THEN 'viewer'
             ELSE 'editor' END)::task.role
  FROM million.members m
  JOIN million.users u ON u.n = m.u
  JOIN million.projects p USING (p);

-- a project for each draw, as often as it weighs

CREATE TABLE million.slots AS
SELECT row_number() OVER (ORDER BY p, i)::int AS slot, p.p, p.id, p.members
  FROM million.projects p CROSS JOIN LATERAL generate_series(1, p.weight) i;


-- 5,000 words of a made-up language; no two begin with the same four letters

CREATE FUNCTION million.syllable(n int) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN n < 100
            THEN substr('bcdfghjklmnprstvwxyz', 1 + n % 20, 1)
                 || substr('aeiou', 1 + n / 20, 1)
            ELSE '' END;

CREATE TABLE million.words AS
SELECT rank, million.syllable(j / 100) || million.syllable(j % 100)
             || million.syllable(million.pick(250, rank, 4)) AS word
  FROM generate_series(1, 5000) rank, LATERAL (SELECT rank * 7919 % 10000 AS j) x;

-- phrases of 3 to 8 words: the titles; descriptions are some phrases, a few
-- are many

CREATE TABLE million.phrases AS
SELECT i, initcap(left(text, 1)) || substr(text, 2) AS text
  FROM (SELECT i, string_agg(w.word, ' ' ORDER BY k) AS text
          FROM generate_series(1, 30000) i
         CROSS JOIN LATERAL generate_series(0, 2 + million.pick(6, i, 5)) k
          JOIN million.words w ON w.rank = million.zipf(5000, i * 10 + k, 6)
         GROUP BY i) x;

CREATE TABLE million.descriptions AS
SELECT d.i, string_agg(p.text, '. ' ORDER BY k) || '.' AS text
  FROM generate_series(1, 30000) d (i)
 CROSS JOIN LATERAL generate_series(
     1, CASE WHEN d.i % 200 = 0 THEN 60
             ELSE million.pick(6, d.i, 7) END) k
  JOIN million.phrases p ON p.i = million.pick(30000, d.i * 100 + k, 8)
 GROUP BY d.i;


-- Whom one may be, and what one may look for.

CREATE TABLE million.callers AS
SELECT name, u.id AS user_id, email
  FROM (VALUES ('heavy', 1), ('typical', 2)) c (name, n)
  JOIN million.users u USING (n)
 CROSS JOIN LATERAL (SELECT 'member' || n || '@example.org' AS email) e;

CREATE TABLE million.terms AS
SELECT c.kind, w.word
  FROM (VALUES ('frequent', 5), ('medium', 300), ('rare', 4000)) c (kind, rank)
  JOIN million.words w USING (rank)
UNION ALL
SELECT 'unique', 'x1234'
UNION ALL
SELECT 'prefix', left(word, 2) FROM million.words WHERE rank = 60;


-- the indexes of tasks are made when the rows are there

CREATE TABLE million.indexes AS
SELECT row_number() OVER (ORDER BY am.amname DESC, c.relname) AS n,
       CASE WHEN k.conname IS NULL THEN pg_get_indexdef(i.indexrelid)
            ELSE format('ALTER TABLE %s ADD CONSTRAINT %I %s',
                        i.indrelid::regclass, k.conname,
                        pg_get_constraintdef(k.oid))
       END AS make,
       CASE WHEN k.conname IS NULL
            THEN format('DROP INDEX %s', i.indexrelid::regclass)
            ELSE format('ALTER TABLE %s DROP CONSTRAINT %I',
                        i.indrelid::regclass, k.conname)
       END AS drop
  FROM pg_index i
  JOIN pg_class c ON c.oid = i.indexrelid
  JOIN pg_am am ON am.oid = c.relam
  LEFT JOIN pg_constraint k ON k.conindid = c.oid AND k.contype IN ('p', 'u')
 WHERE i.indrelid = 'task.tasks'::regclass;

SELECT drop FROM million.indexes \gexec

COMMIT;

ANALYZE;
