-- Verify skep:label_keys on pg

BEGIN;

-- what is not so is a division by zero
SELECT 1 / (task.label_keys(p.id, '{a,b}')
            = ARRAY[task.label_key(p.id, 'a'), task.label_key(p.id, 'b')])::int
  FROM (SELECT gen_random_uuid()) AS p (id);

SELECT 1 / (l.lanname = 'plpgsql')::int
  FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
 WHERE p.oid = 'task.label_keys(uuid, text[])'::regprocedure;

ROLLBACK;
