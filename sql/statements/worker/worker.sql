-- Statements of the worker's consumer and sweeper; those of other parts stand in
-- files beside this.


-- name: fan_out

-- $1 up to which row, $2 how many at most

SELECT f.seq, f.n, f.id, f.type, f.actor_id, f.project_id, f.task_id, f.data,
       f.created_at, f.recipients, f.deliveries, f.mails
FROM notify.fan_out($1::bigint, $2::integer) f


-- name: bury

-- $1 which row, $2 why

SELECT b.seq, b.id, b.type, b.actor_id, b.project_id, b.task_id, b.created_at
FROM notify.bury($1::bigint, $2::text) b


-- name: outbox_head

-- $1 up to which row.  The oldest row there.

SELECT o.seq, o.trace
FROM notify.outbox o
WHERE o.seq <= $1::bigint
ORDER BY o.seq
LIMIT 1


-- name: outbox_old

-- $1 ms, $2 how many at most.  Of the oldest rows the last one that is as old as
-- that, and how many there are.

SELECT max(h.seq), count(*)
FROM (SELECT o.seq, o.created_at
      FROM notify.outbox o
      ORDER BY o.seq
      LIMIT $2::bigint) h
WHERE h.created_at <= now() - $1::bigint * interval '1 ms'


-- name: is_deployed

-- $1 a change of the schema

SELECT api.is_deployed($1::text)


-- How far the events are; the queues.

-- name: queues

SELECT q.n, q.outbox, q.outbox_age, q.deliveries, q.mails
FROM notify.queues() q
