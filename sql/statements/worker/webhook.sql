-- Statements of the worker that sends webhooks.


-- name: webhook_claim

-- $1 how many, $2 to each webhook with those under way, $3 to those that are
-- failing in all, $4 the webhooks of those under way, $5 for how long.

SELECT c.id, c.webhook_id, c.event_id, c.attempt, c.failing, c.leased_until,
       c.url, c.secret, c.old_secret, c.body,
       notify.trace_of_delivery(c.id) AS trace
FROM notify.claim_deliveries($1::integer, $2::integer, $3::integer,
                             $4::uuid[], $5::interval) c


-- name: webhook_record

-- $1 what became of them, $2 for how long a webhook may fail.

SELECT r.webhook_id, r.reason
FROM notify.record_deliveries($1::json, $2::interval) r
