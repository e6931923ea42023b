-- list --
SELECT name, times, changed_by, changed_at FROM escalation_times ORDER BY name
-- one --
SELECT times FROM escalation_times WHERE name = %(name)s FOR UPDATE
-- put --
INSERT INTO escalation_times (name, times, changed_by) VALUES (%(name)s, %(times)s, %(by)s)
ON CONFLICT (name) DO UPDATE SET times = excluded.times, changed_by = excluded.changed_by, changed_at = now()
-- drop --
DELETE FROM escalation_times WHERE name = %(name)s RETURNING times
