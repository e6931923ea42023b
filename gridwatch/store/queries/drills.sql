-- place of device --
SELECT d.key, d.id, d.scene, d.area, d.simulated FROM device d
WHERE d.id = %(device)s AND ((SELECT sees_all()) OR d.area IN (SELECT code FROM seen_area))
FOR NO KEY UPDATE OF d
-- place of area --
-- The device that stands for it: a real one, and one that watches for such a thing, if there is any.
SELECT d.key, d.id, d.scene, %(area)s AS area, d.simulated FROM device d
WHERE state_now(d) <> 'retired' AND d.area IN (
        WITH RECURSIVE below AS (
            SELECT code FROM area WHERE code = %(area)s
            UNION SELECT child.code FROM area child JOIN below ON child.parent = below.code)
        SELECT code FROM below)
ORDER BY d.simulated, d.scene <> %(scene)s, d.id LIMIT 1
FOR NO KEY UPDATE OF d
-- going on --
SELECT id FROM alert WHERE group_key = %(group_key)s AND NOT ended
-- stand alone --
-- No event ever joins it: what is real, or a test of a device, is an alert of its own.
UPDATE alert SET grouping = false, events = 0, area = %(area)s WHERE id = %(id)s
