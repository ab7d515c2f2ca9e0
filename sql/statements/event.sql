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

-- template: event_made
    RETURNING seq, id, type, created_at, actor_id, project_id, task_id

-- template: event_told
    , e.seq AS _event_seq, e.id AS _event_id, e.type AS _event_type,
    e.created_at AS _event_timestamp, e.actor_id AS _event_actor_id,
    e.project_id AS _event_project_id, e.task_id AS _event_task_id

-- of an event that has secrets in it: that there is one, and nothing else

-- template: event_hinted
    e.seq AS _event_seq, e.id AS _event_id, e.type AS _event_type
