-- put --
INSERT INTO area (code, parent, level, grid, name, boundary, simulated)
VALUES (%(code)s, %(parent)s, %(level)s, %(grid)s, %(name)s, %(boundary)s, %(simulated)s)
ON CONFLICT (code) DO UPDATE
SET parent = excluded.parent, level = excluded.level, grid = excluded.grid, name = excluded.name,
    boundary = excluded.boundary
-- list --
SELECT code, parent, level, grid, name, boundary, simulated FROM area ORDER BY code
-- delete simulated --
DELETE FROM area WHERE simulated
