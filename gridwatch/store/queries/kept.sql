-- list --
SELECT name, value, changed_by, changed_at FROM kept ORDER BY name
-- one --
SELECT value FROM kept WHERE name = %(name)s FOR UPDATE
-- put --
INSERT INTO kept (name, value, changed_by) VALUES (%(name)s, %(value)s, %(by)s)
ON CONFLICT (name) DO UPDATE SET value = excluded.value, changed_by = excluded.changed_by, changed_at = now()
-- drop --
DELETE FROM kept WHERE name = %(name)s RETURNING value
