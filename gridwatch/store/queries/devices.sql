-- find --
SELECT d.*, c.skew_s AS clock_skew_s FROM device d LEFT JOIN device_clock c ON c.device_key = d.key
WHERE d.id = ANY(%(ids)s)
-- list --
SELECT d.*, c.skew_s AS clock_skew_s FROM device d LEFT JOIN device_clock c ON c.device_key = d.key
WHERE (%(scene)s::text IS NULL OR scene = %(scene)s)
  AND (%(simulated)s::boolean IS NULL OR simulated = %(simulated)s)
  AND id > %(after)s
ORDER BY id
LIMIT %(limit)s
-- count --
SELECT count(*) FILTER (WHERE NOT simulated) AS real, count(*) FILTER (WHERE simulated) AS simulated FROM device
-- add --
INSERT INTO device (id, scene, kind, name, area, lon, lat, channels, simulated)
VALUES (%(id)s, %(scene)s, %(kind)s, %(name)s, %(area)s, %(lon)s, %(lat)s, %(channels)s, %(simulated)s)
-- replace --
UPDATE device
SET scene = %(scene)s, kind = %(kind)s, name = %(name)s, area = %(area)s, lon = %(lon)s, lat = %(lat)s,
    channels = %(channels)s
WHERE id = %(id)s
RETURNING *, (SELECT skew_s FROM device_clock WHERE device_key = device.key) AS clock_skew_s
-- delete --
DELETE FROM device WHERE id = ANY(%(ids)s) RETURNING key
-- forget readings --
DELETE FROM reading WHERE device_key = ANY(%(keys)s)
-- forget sequences --
DELETE FROM sequence WHERE device_key = ANY(%(keys)s)
-- forget gaps --
DELETE FROM gap WHERE device_key = ANY(%(keys)s)
-- forget media --
DELETE FROM medium WHERE device_key = ANY(%(keys)s)
-- forget books --
DELETE FROM book_page WHERE device_key = ANY(%(keys)s)
-- forget quarantine --
DELETE FROM quarantine WHERE split_part(topic, '/', 3) = ANY(%(ids)s)
-- held --
SELECT DISTINCT d.id
FROM evidence_kept k JOIN event e ON e.id = k.event_id JOIN device d ON d.key = e.device_key
WHERE d.id = ANY(%(ids)s) AND k.held
ORDER BY d.id
-- log evidence --
INSERT INTO evidence_deletion (event_id, position, media_type, sha256, bytes, masked, class, why, recorded_at)
SELECT k.event_id, k.position, k.media_type, k.sha256, coalesce(k.size, 0), k.masked, k.class, 'device deleted',
       k.created_at
FROM evidence_kept k JOIN event e ON e.id = k.event_id JOIN device d ON d.key = e.device_key
WHERE d.id = ANY(%(ids)s)
-- files of --
SELECT DISTINCT v.sha256, v.media_type
FROM evidence v JOIN event e ON e.id = v.event_id JOIN device d ON d.key = e.device_key
WHERE d.id = ANY(%(ids)s) AND v.sha256 IS NOT NULL
-- files shown --
SELECT DISTINCT sha256 FROM evidence WHERE sha256 = ANY(%(files)s)
