-- Events, of which a statement tells what nginx publishes once it is committed,
-- see ngx_notify_module/ngx_notify_publish.c:
--
--     , event AS (
--         INSERT INTO notify.outbox (...)
--         SELECT ...
--         -- use: event_made
--     )
--     SELECT ...
--     -- use: event_told
--            , 'task' AS _event_noun, v.changes AS _event_changes
--     FROM ... LEFT JOIN event e ON ...
--
-- The data of an event are {noun: the row of the answer}, and the changes where
-- there are some: what the answer is made of needs not come twice.  Where there
-- is no event all these are null.

-- The trace of the request, $trace::text, goes into the row; nginx knows it, and
-- needs not be told.

-- template: event_made
    RETURNING seq, id, type, created_at, actor_id, project_id, task_id

-- template: event_told
    , e.seq AS _event_seq, e.id AS _event_id, e.type AS _event_type,
    e.created_at AS _event_timestamp, e.actor_id AS _event_actor_id,
    e.project_id AS _event_project_id, e.task_id AS _event_task_id

-- of an event that has secrets in it: that there is one, and nothing else

-- template: event_hinted
    e.seq AS _event_seq, e.id AS _event_id, e.type AS _event_type


-- The caller, for a function that writes events by itself: those get their trace
-- from the setting, which is made before the function is called.

-- template: traced
    (SELECT $1::uuid FROM set_config('skep.trace', $trace::text, true))
