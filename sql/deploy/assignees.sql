-- Deploy skep:assignees to pg
-- requires: task
-- requires: grants

BEGIN;

-- Whether a task of that project may be assigned to that user: whether they are
-- a member, who stays one until the caller's transaction ends.  Whoever removes
-- a member waits for it at the member's row, and then sees what was assigned to
-- them.  A member whose row is being deleted counts as gone: to wait for the end
-- of that, with the task locked, could be to wait for each other.
--
-- A function, since a lock wants the right to update, which nginx has not.

CREATE FUNCTION task.hold_member(project uuid, who uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM FROM task.members m
    WHERE m.user_id = who AND m.project_id = project
    FOR KEY SHARE SKIP LOCKED;

    RETURN FOUND;
END
$$;

REVOKE ALL ON FUNCTION task.hold_member(uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION task.hold_member(uuid, uuid) TO skep_nginx;

COMMIT;
