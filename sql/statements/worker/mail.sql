-- Statements of the worker's mails.


-- name: mail_claim

-- $1 how many at most, $2 for how many seconds

SELECT c.*, notify.trace_of_mail(c.id) AS trace
FROM notify.claim_mails($1::integer, make_interval(secs => $2::integer)) c


-- name: mail_record

-- $1 ids, $2 outcomes, $3 seconds until the next attempt, $4 errors

SELECT notify.record_mails($1::uuid[], $2::text[], $3::double precision[],
                           $4::text[])
