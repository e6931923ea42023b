-- collectors --
SELECT count(*) AS known,
       count(*) FILTER (WHERE subscribed AND heartbeat_at < now() - %(silent_for)s) AS silent,
       count(*) FILTER (WHERE subscribed AND heartbeat_at >= now() - %(silent_for)s) AS live
FROM collector WHERE adopted_by IS NULL
-- untaken --
-- Of live alerts: what the channels of the installation were asked to tell so long ago, and some did not take.
SELECT count(*) AS untaken FROM call c JOIN alert a ON a.id = c.alert_id
WHERE c.person_key IS NULL AND c.reached_at IS NULL AND c.ended_at IS NULL AND NOT a.ended
  AND c.asked_at < now() - %(failing_for)s
-- armed --
SELECT count(*) AS armed FROM armed_console WHERE heard_of_at > now() - %(heard_within)s
-- arm --
INSERT INTO armed_console (id, username) VALUES (%(id)s, %(username)s)
ON CONFLICT (id) DO UPDATE SET heard_of_at = now()
-- disarm --
DELETE FROM armed_console WHERE id = %(id)s OR heard_of_at < now() - interval '1 day'
-- begin --
INSERT INTO fault (name, detail) VALUES (%(name)s, %(detail)s)
ON CONFLICT (name) DO UPDATE SET detail = excluded.detail, over_at = NULL
-- over --
UPDATE fault SET over_at = coalesce(over_at, now()) WHERE name <> ALL(%(names)s)
-- to tell --
SELECT name, since, detail, over_at FROM fault
WHERE (told_at IS NULL AND over_at IS NULL) OR (told_at IS NOT NULL AND over_at IS NOT NULL)
ORDER BY since, name
-- told --
UPDATE fault SET told_at = now() WHERE name = %(name)s AND over_at IS NULL
-- forget --
DELETE FROM fault WHERE over_at IS NOT NULL AND (name = %(name)s OR told_at IS NULL)
