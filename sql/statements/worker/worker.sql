-- Statements of the worker's consumer and sweeper; those of other parts stand in
-- files beside this.


-- name: outbox_head

-- $1 up to which row.  The oldest row there, and its type.

SELECT o.seq, o.type
FROM notify.outbox o
WHERE o.seq <= $1::bigint
ORDER BY o.seq
LIMIT 1
