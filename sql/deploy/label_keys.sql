-- Deploy skep:label_keys to pg
-- requires: lists

BEGIN;

-- The same keys as before.  A function in SQL would be parsed and planned by
-- every statement that writes a label, at half the cost of the task.

CREATE OR REPLACE FUNCTION task.label_keys(project uuid, labels text[])
RETURNS bigint[] LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    label  text;
    keys   bigint[] := '{}';
BEGIN
    FOREACH label IN ARRAY labels LOOP
        keys := keys || task.label_key(project, label);
    END LOOP;

    RETURN keys;
END;
$$;

COMMIT;
