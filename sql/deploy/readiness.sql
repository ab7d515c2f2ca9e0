-- Deploy skep:readiness to pg
-- requires: idempotency
-- requires: purges

BEGIN;

-- Whether a change of sqitch.plan is deployed.  nginx and the worker ask for the
-- last one that they were built with; what else sqitch notes is not theirs to
-- read.  In plpgsql: sqitch's own tables are looked up when it is called.

CREATE FUNCTION api.is_deployed(name text) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN EXISTS (SELECT FROM sqitch.changes c
                   WHERE c.project = 'skep' AND c.change = name);
END
$$;

REVOKE ALL ON FUNCTION api.is_deployed(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION api.is_deployed(text) TO skep_nginx, skep_worker;

COMMIT;
