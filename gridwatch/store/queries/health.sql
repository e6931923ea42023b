-- areas --
-- The areas right below one, each with all devices below it; without one the widest that are seen.
WITH RECURSIVE below AS (
    SELECT code AS top, code FROM area
    WHERE CASE WHEN %(under)s::text IS NOT NULL
               THEN parent = %(under)s AND ((SELECT sees_all()) OR code IN (SELECT code FROM seen_area))
               WHEN (SELECT sees_all()) THEN parent IS NULL
               ELSE code = current_setting('gridwatch.area', true) END
    UNION ALL SELECT b.top, a.code FROM area a JOIN below b ON a.parent = b.code),
counted AS (
    SELECT b.top, h.health, count(*) AS count
    FROM below b JOIN device d ON d.area = b.code
    CROSS JOIN LATERAL (SELECT device_health(d) AS health) h
    GROUP BY b.top, h.health)
SELECT a.code, a.name, a.level, EXISTS (SELECT FROM area c WHERE c.parent = a.code) AS has_parts,
       coalesce(sum(c.count), 0)::bigint AS devices,
       coalesce(jsonb_object_agg(c.health, c.count) FILTER (WHERE c.health IS NOT NULL), '{}') AS health
FROM area a LEFT JOIN counted c ON c.top = a.code
WHERE a.code IN (SELECT top FROM below)
GROUP BY a.code
ORDER BY a.code
-- devices --
-- Those in trouble first. Heard by readings, pictures, clips, findings, and of a lift by its states.
WITH RECURSIVE below AS (
    SELECT %(area)s::text AS code
    UNION SELECT child.code FROM area child JOIN below ON child.parent = below.code),
found AS (
    SELECT d.key, d.id, d.name, d.kind, d.scene, d.area, d.lift, d.simulated, device_health(d) AS health
    FROM device d
    WHERE ((SELECT sees_all()) OR d.area IN (SELECT code FROM seen_area))
      AND (%(area)s::text IS NULL OR d.area IN (SELECT code FROM below))
      AND (%(search)s::text IS NULL
           OR concat_ws(E'\n', d.id, d.name, d.model, array_to_string(d.labels, E'\n')) ILIKE '%%' || %(search)s || '%%')
      AND (%(health)s::text IS NULL OR device_health(d) = %(health)s)
    ORDER BY array_position(ARRAY['silent', 'offline', 'maintenance', 'test', 'unheard', 'well'], device_health(d))
                 NULLS LAST, d.id
    LIMIT %(limit)s)
SELECT f.id, f.name, f.kind, f.scene, f.area, coalesce(a.name, '') AS area_name, f.lift, f.simulated, f.health,
       greatest((SELECT max(observed_at) FROM newest_readings(f.key, now() - interval '30 days', 1)),
                (SELECT max(m.received_at) FROM (VALUES ('frame'), ('clip')) k(kind) CROSS JOIN LATERAL (
                     SELECT received_at FROM medium WHERE device_key = f.key AND kind = k.kind
                     ORDER BY observed_at DESC LIMIT 1) m),
                (SELECT e.recorded_at FROM event e WHERE e.device_key = f.key ORDER BY e.observed_at DESC LIMIT 1),
                (SELECT heard_at FROM lift_word WHERE device_key = f.key)) AS seen_at
FROM found f LEFT JOIN area a ON a.code = f.area
ORDER BY array_position(ARRAY['silent', 'offline', 'maintenance', 'test', 'unheard', 'well'], f.health) NULLS LAST, f.id
-- channels --
-- What the registry names and what came in the last 30 days; in more than so many last messages nobody looks.
WITH one AS (SELECT * FROM device WHERE id = %(device)s),
came AS (
    SELECT DISTINCT ON (r.quantity_key) q.name AS quantity, r.observed_at, r.scaled / r.divisor AS value
    FROM one CROSS JOIN LATERAL newest_readings(one.key, now() - interval '30 days', 64) r
    JOIN quantity q ON q.key = r.quantity_key
    ORDER BY r.quantity_key, r.observed_at DESC),
named AS (SELECT c ->> 'quantity' AS quantity FROM one, jsonb_array_elements(one.channels) AS c)
SELECT quantity, came.observed_at AS seen_at, came.value, w.interval_s, w.silent_since
FROM (SELECT quantity FROM came UNION SELECT quantity FROM named) AS all_of_them
LEFT JOIN came USING (quantity)
LEFT JOIN (SELECT quantity, interval_s, silent_since FROM channel_watch
           WHERE device_key = (SELECT key FROM one)) w USING (quantity)
ORDER BY quantity
-- picture --
-- The newest picture of an event of a device; the route of evidence masks it.
SELECT e.id AS event, e.observed_at, e.label,
       (SELECT bool_or(NOT o.masked) FROM evidence o WHERE o.event_id = e.id AND o.media_type LIKE 'image/%%') AS has_original,
       v.position
FROM event e JOIN evidence v ON v.event_id = e.id JOIN device d ON d.key = e.device_key
WHERE d.id = %(device)s AND v.media_type LIKE 'image/%%' AND v.sha256 IS NOT NULL AND v.masked
ORDER BY e.observed_at DESC, v.position LIMIT 1
