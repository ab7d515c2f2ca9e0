-- What the metrics tell of the outbox: its rows, of 10,001 at most, and the age
-- of the first in nanoseconds.  Clocks may be set: no age is below 0.
--
-- name: outbox
-- lane: read
SELECT (SELECT count(*)
        FROM (SELECT FROM notify.outbox AS o ORDER BY o.seq LIMIT 10001) AS o),
       coalesce((SELECT greatest(extract(epoch FROM now() - o.created_at)
                                 * 1000000000, 0)::bigint
                 FROM notify.outbox AS o ORDER BY o.seq LIMIT 1), 0)
