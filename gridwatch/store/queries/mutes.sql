-- add --
-- Who sees a part of the tree mutes nothing beyond it.
INSERT INTO mute (kind, area, device, scene, reason, starts_at, ends_at, created_by)
SELECT %(kind)s, %(area)s, %(device)s, %(scene)s, %(reason)s, %(starts_at)s, %(ends_at)s, %(by)s
WHERE (%(area)s::text IS NULL OR EXISTS (
        SELECT FROM area WHERE code = %(area)s AND ((SELECT sees_all()) OR code IN (SELECT code FROM seen_area))))
  AND (%(device)s::text IS NULL OR EXISTS (
        SELECT FROM device WHERE id = %(device)s AND ((SELECT sees_all()) OR area IN (SELECT code FROM seen_area))))
  AND (coalesce(%(area)s::text, %(device)s::text) IS NOT NULL OR (SELECT sees_all()))
RETURNING id, kind, area, device, scene, reason, starts_at, ends_at, created_by, created_at, lifted_by, lifted_at
-- list --
SELECT m.id, m.kind, m.area, m.device, m.scene, m.reason, m.starts_at, m.ends_at, m.created_by, m.created_at,
       m.lifted_by, m.lifted_at
FROM mute m LEFT JOIN device d ON d.id = m.device
WHERE ((SELECT sees_all()) OR coalesce(d.area, m.area) IN (SELECT code FROM seen_area))
  AND (%(past)s OR (m.lifted_at IS NULL AND m.ends_at > now()))
ORDER BY m.id DESC LIMIT 1000
-- find --
SELECT m.ends_at, m.lifted_at IS NOT NULL OR m.ends_at <= now() AS is_over
FROM mute m LEFT JOIN device d ON d.id = m.device
WHERE m.id = %(id)s AND ((SELECT sees_all()) OR coalesce(d.area, m.area) IN (SELECT code FROM seen_area))
FOR UPDATE OF m
-- lift --
UPDATE mute SET lifted_at = now(), lifted_by = %(by)s WHERE id = %(id)s
-- let go --
-- What waits for its end is looked at now; what another one holds back waits on.
UPDATE alert SET due_at = now() WHERE due_at = %(ends_at)s AND NOT ended
