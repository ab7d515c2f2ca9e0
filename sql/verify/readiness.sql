-- Verify skep:readiness on pg

BEGIN;

SELECT 1 / (api.is_deployed('grants') AND NOT api.is_deployed('none'))::int;

SELECT 1 / (has_function_privilege('skep_nginx', 'api.is_deployed(text)',
                                   'EXECUTE')
            AND has_function_privilege('skep_worker', 'api.is_deployed(text)',
                                       'EXECUTE')
            AND NOT has_function_privilege('public', 'api.is_deployed(text)',
                                           'EXECUTE'))::int;

ROLLBACK;
