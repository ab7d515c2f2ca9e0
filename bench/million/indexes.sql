-- A million tasks, the third step: each :parts-th index from :part on.  See
-- load.sh.

SET maintenance_work_mem = '512MB';

SELECT make FROM million.indexes WHERE n % :parts = :part % :parts ORDER BY n
\gexec
