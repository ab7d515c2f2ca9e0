-- A million tasks, the second step: the tasks themselves, each :parts-th of
-- :tasks from :part on.  See load.sh.

BEGIN;

SET LOCAL session_replication_role = replica;   -- no look-up of each project
SET LOCAL work_mem = '64MB';

INSERT INTO task.tasks (id, project_id, title, description, status, priority,
                        labels, due_at, assignee_id, created_by, completed_at,
                        created_at, updated_at, version, deleted_at)
SELECT million.uuid(x.msec, 'task', x.n),
       s.id,
       CASE WHEN x.n % 50 = 0 THEN p.text || ' x' || million.pick(5000, x.n, 20)
            ELSE p.text END,
       coalesce(d.text, ''),
       x.status,
       (CASE WHEN x.priority < 0.55 THEN 'none'
             WHEN x.priority < 0.70 THEN 'low'
             WHEN x.priority < 0.88 THEN 'medium'
             WHEN x.priority < 0.97 THEN 'high'
             ELSE 'urgent' END)::task.priority,
       CASE WHEN x.n % 20011 = 0 THEN ARRAY['audit']
            WHEN x.labels < 0.45 THEN '{}'
            WHEN x.labels < 0.60 THEN ARRAY[c.label]
            WHEN x.labels < 0.75 THEN ARRAY[o.label]
            ELSE ARRAY[c.label, o.label]
       END,
       CASE WHEN x.n % 3 = 0 THEN NULL
            WHEN x.status IN ('done', 'cancelled')
            THEN date_trunc('hour', x.at + x.due * interval '60 days')
            ELSE t.at + (x.due * 150 - 30)::int * interval '1 day'
       END,
       CASE WHEN x.assignee < 0.6
            THEN s.members[million.pick(cardinality(s.members), x.n, 21)] END,
       s.members[million.pick(cardinality(s.members), x.n, 22)],
       CASE WHEN x.status = 'done' THEN x.changed END,
       x.at,
       x.changed,
       1 + million.pick(4, x.n, 23),
       CASE WHEN x.n % 50 = 7 THEN x.changed END
  FROM million.time t
 CROSS JOIN LATERAL (
     SELECT n, msec, at,
            (CASE WHEN status < 0.04 + 0.5 * age ^ 20 THEN 'todo'
                  WHEN status < 0.06 + 0.6 * age ^ 20 THEN 'in_progress'
                  WHEN status < 0.93 THEN 'done'
                  ELSE 'cancelled' END)::task.status AS status,
            least(at + million.u(n, 10) ^ 4 * interval '200 days', t.at)
                AS changed,
            million.u(n, 11) AS priority, million.u(n, 12) AS labels,
            million.u(n, 13) AS due, million.u(n, 14) AS assignee
       FROM (SELECT n, msec, to_timestamp(msec / 1000.0) AS at,
                    n / :tasks::float8 AS age, million.u(n, 15) AS status
               FROM generate_series(:part::bigint, :tasks, :parts) n
              CROSS JOIN LATERAL (
                  SELECT t.msec - (:tasks - n) * (94000000000 / :tasks)
                         - million.pick(90000, n, 16) AS msec) m) y) x
  JOIN million.slots s
       ON s.slot = million.pick((SELECT max(slot) FROM million.slots), x.n, 17)
  JOIN million.phrases p ON p.i = million.pick(30000, x.n, 18)
  LEFT JOIN million.descriptions d ON d.i = million.pick(50000, x.n, 19)
 CROSS JOIN LATERAL (
     SELECT (ARRAY['bug', 'later', 'waiting', 'home', 'office', 'idea',
                   'question', 'review', 'customer', 'quick', 'travel',
                   'money', 'phone', 'paper', 'weekly', 'blocked', 'design',
                   'legal', 'garden', 'gift'])[million.zipf(20, x.n, 24)]
                AS label) c
 CROSS JOIN LATERAL (
     SELECT 'p' || s.p || '-' || million.zipf(15, x.n, 25) AS label) o;

COMMIT;
