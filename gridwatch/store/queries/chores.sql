-- claim --
INSERT INTO chore AS c (name) VALUES (%(name)s)
ON CONFLICT (name) DO UPDATE SET begun_at = now() WHERE c.begun_at <= now() - %(every)s::interval
RETURNING name
-- finish --
UPDATE chore SET finished_at = now(), error = %(error)s WHERE name = %(name)s
