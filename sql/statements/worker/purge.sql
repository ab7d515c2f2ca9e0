-- What is old goes, a slice at a time: sql/deploy/purges.sql has the functions.
-- $1 is an age in ms, the last parameter how many rows at most; how many are
-- gone.


-- template: purge

SELECT api.purge_{table}($1::bigint * interval '1 ms', $2::integer)

-- name: purge_sessions
-- with table: sessions
-- use: purge

-- name: purge_mail_tokens
-- with table: mail_tokens
-- use: purge

-- name: purge_idempotency_keys
-- with table: idempotency_keys
-- use: purge

-- name: purge_comments
-- with table: comments
-- use: purge

-- name: purge_tasks
-- with table: tasks
-- use: purge

-- name: purge_projects
-- with table: projects
-- use: purge

-- name: purge_departures
-- with table: departures
-- use: purge

-- name: purge_deliveries
-- with table: deliveries
-- use: purge

-- name: purge_mails
-- with table: mails
-- use: purge

-- name: purge_dead_events
-- with table: dead_events
-- use: purge


-- name: purge_inbox

-- $1 the age of all, $2 since they were read, $3 since they were deleted, any may
-- be null; $5 and $6 the key of the row to begin after

SELECT p.gone, p.n, p.user_id
FROM api.purge_inbox($5::bigint, $6::uuid, $1::bigint * interval '1 ms',
                     $2::bigint * interval '1 ms',
                     $3::bigint * interval '1 ms', $4::integer) p


-- name: purge_events

-- $2 the event to begin after

SELECT p.gone, p.n
FROM api.purge_events($2::bigint, $1::integer) p
