-- Statements of what users want to be told.
--
-- $1 is the caller.  Who has set nothing has the defaults, in version 1, and no
-- row: all types in the inbox, none by e-mail.


-- {types} text[]: all of them, in their order; of letters, "_" and "."

-- template: settings_columns
    s.own_actions,
    (SELECT ('{' || string_agg('"' || t.type || '":' ||
                               (t.type <> ALL (s.in_app_off)), ',' ORDER BY t.n)
             || '}')::json
     FROM unnest({types}::text[]) WITH ORDINALITY t (type, n)) AS in_app,
    (SELECT ('{' || string_agg('"' || t.type || '":' ||
                               (t.type = ANY (s.email_on)), ',' ORDER BY t.n)
             || '}')::json
     FROM unnest({types}::text[]) WITH ORDINALITY t (type, n)) AS email,
    s.version AS _version

-- template: settings_default
    true AS own_actions, '{}'::text[] AS in_app_off, '{}'::text[] AS email_on,
    1::bigint AS version


-- name: settings_get
-- lane: read
-- with types: $2
SELECT
-- use: settings_columns
FROM (
    SELECT s.own_actions, s.in_app_off, s.email_on, s.version
    FROM notify.settings s
    WHERE s.user_id = $1
    UNION ALL
    SELECT
    -- use: settings_default
    LIMIT 1
) s


-- The settings of a row "s" with what is given, and whether that changes them.
-- $4 own_actions or null; types: $5 in the inbox, $6 not there, $7 by e-mail,
-- $8 not so.

-- template: settings_merged
    (SELECT m.*, ROW(m.own_actions, m.in_app_off, m.email_on)
                 IS DISTINCT FROM
                 ROW(s.own_actions, s.in_app_off, s.email_on) AS changed
     FROM (SELECT coalesce($4::boolean, s.own_actions) AS own_actions,
                  ARRAY(SELECT t FROM unnest(s.in_app_off || $6::text[]) t
                        WHERE t <> ALL ($5::text[])
                        GROUP BY t ORDER BY t) AS in_app_off,
                  ARRAY(SELECT t FROM unnest(s.email_on || $7::text[]) t
                        WHERE t <> ALL ($8::text[])
                        GROUP BY t ORDER BY t) AS email_on) m)


-- $2 versions that may be changed or null, $3 the types.  Of two who change
-- them at once the second finds what the first left, whether there was a row
-- before or not.

-- name: settings_update
-- lane: write
-- with types: $3
WITH written AS (
    INSERT INTO notify.settings AS s
           (user_id, own_actions, in_app_off, email_on, version)
    SELECT $1::uuid, m.own_actions, m.in_app_off, m.email_on,
           1 + m.changed::int
    FROM (SELECT
    -- use: settings_default
         ) s
    CROSS JOIN LATERAL
    -- use: settings_merged
         m
    WHERE (s.version <> ALL ($2::bigint[])) IS NOT TRUE
       OR EXISTS (SELECT FROM notify.settings o WHERE o.user_id = $1)
    ON CONFLICT (user_id) DO UPDATE
    SET (own_actions, in_app_off, email_on, version, updated_at) = (
        SELECT m.own_actions, m.in_app_off, m.email_on,
               s.version + m.changed::int,
               CASE WHEN m.changed THEN greatest(now(), s.updated_at)
                    ELSE s.updated_at
               END
        FROM
        -- use: settings_merged
             m
    )
    WHERE (s.version <> ALL ($2::bigint[])) IS NOT TRUE
    RETURNING s.own_actions, s.in_app_off, s.email_on, s.version
)
SELECT CASE WHEN s.version IS NULL THEN 'version_mismatch' ELSE 'ok'
       END AS _outcome,
-- use: settings_columns
FROM (SELECT) one LEFT JOIN written s ON true
