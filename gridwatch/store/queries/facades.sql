-- set --
UPDATE device SET view = %(view)s WHERE id = %(id)s AND kind = 'camera' RETURNING key
-- note --
INSERT INTO view_change (device_key, actor, view) VALUES (%(device_key)s, %(actor)s, %(view)s)
-- changes --
SELECT c.actor, c.changed_at, c.view FROM view_change c JOIN device d ON d.key = c.device_key
WHERE d.id = %(id)s
ORDER BY c.id DESC
LIMIT %(limit)s
-- last picture --
SELECT e.id AS event, v.position, v.media_type, v.sha256, v.masked
FROM event e JOIN evidence v ON v.event_id = e.id JOIN device d ON d.key = e.device_key
WHERE d.id = %(id)s AND e.scene <> 'photo' AND v.media_type LIKE 'image/%%' AND v.sha256 IS NOT NULL AND (NOT v.masked OR d.view IS NOT NULL)
ORDER BY e.observed_at DESC, v.masked, v.position
LIMIT 1
