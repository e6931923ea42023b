-- put --
-- In one statement: the version counts up once, and parents may stand behind their children.
INSERT INTO area (code, parent, level, grid, name, boundary, simulated)
SELECT * FROM unnest(%(code)s::text[], %(parent)s::text[], %(level)s::text[], %(grid)s::text[], %(name)s::text[],
                     %(boundary)s::jsonb[], %(simulated)s::boolean[])
ON CONFLICT (code) DO UPDATE
SET parent = excluded.parent, level = excluded.level, grid = excluded.grid, name = excluded.name,
    boundary = excluded.boundary
-- list --
WITH RECURSIVE below AS (
    SELECT code FROM area WHERE code = %(under)s
    UNION SELECT child.code FROM area child JOIN below ON child.parent = below.code)
SELECT code, parent, level, grid, name, boundary, simulated FROM area
WHERE (%(under)s::text IS NULL OR code IN (SELECT code FROM below))
  AND (%(level)s::text IS NULL OR level = %(level)s)
  AND (%(grid)s::text IS NULL OR grid = %(grid)s)
ORDER BY code
-- path --
WITH RECURSIVE above AS (
    SELECT area.*, 0 AS step FROM area WHERE code = %(code)s
    UNION ALL SELECT parent.*, step + 1 FROM area parent JOIN above ON parent.code = above.parent)
SELECT code, parent, level, grid, name, boundary, simulated FROM above ORDER BY step DESC
-- parents --
SELECT code, parent FROM area
-- version --
SELECT version FROM area_version
-- lock --
SELECT version FROM area_version FOR UPDATE
-- delete --
DELETE FROM area WHERE code = ANY(%(codes)s)
-- devices in --
SELECT id FROM device WHERE area = ANY(%(codes)s) ORDER BY id LIMIT 10
-- without area --
SELECT key, lon, lat FROM device WHERE area IS NULL AND lon IS NOT NULL AND lat IS NOT NULL FOR UPDATE
-- place --
UPDATE device d SET area = t.code
FROM unnest(%(keys)s::integer[], %(codes)s::text[]) AS t (key, code)
WHERE d.key = t.key
-- delete simulated --
DELETE FROM area WHERE simulated
