-- Revert skep:label_keys from pg

BEGIN;

CREATE OR REPLACE FUNCTION task.label_keys(project uuid, labels text[])
RETURNS bigint[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (SELECT array_agg(task.label_key(project, l)) FROM unnest(labels) l);

COMMIT;
