-- Deploy skep:claimed_traces to pg
-- requires: traces

BEGIN;

-- The trace of what was claimed in the same statement.  That began before the
-- claim, and does not see what was committed in between; a volatile function
-- does.

CREATE FUNCTION notify.trace_of_mail(uuid)
RETURNS text
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
    SELECT m.trace FROM notify.mails m WHERE m.id = $1
$$;

CREATE FUNCTION notify.trace_of_delivery(uuid)
RETURNS text
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
    SELECT d.trace FROM notify.deliveries d WHERE d.id = $1
$$;

REVOKE ALL ON FUNCTION notify.trace_of_mail(uuid),
                       notify.trace_of_delivery(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION notify.trace_of_mail(uuid),
                          notify.trace_of_delivery(uuid) TO skep_worker;

COMMIT;
