-- live --
-- The worst first, so that a limit leaves out what matters least.
SELECT id FROM alert
WHERE NOT ended AND ((SELECT sees_all()) OR area IN (SELECT code FROM seen_area))
ORDER BY array_position(ARRAY['critical', 'major', 'minor'], severity), id DESC
LIMIT %(limit)s
-- ended --
SELECT id FROM alert
WHERE ended AND ((SELECT sees_all()) OR area IN (SELECT code FROM seen_area))
ORDER BY id DESC
LIMIT %(limit)s
-- gone --
-- Those of devices that were deleted.
SELECT unnest(%(ids)s::bigint[]) AS id EXCEPT SELECT id FROM alert WHERE id = ANY(%(ids)s)
-- held lifts --
-- told_at: a hold that no collector tells of any more is none.
SELECT d.id, d.name, d.area,
       array(SELECT c.id FROM device c WHERE c.lift = d.id) AS cameras
FROM lift l JOIN device d ON d.key = l.device_key
WHERE l.mode <> 'observe' AND l.state IN ('hold', 'clearing')
  AND abs(extract(epoch FROM now() - l.told_at)) <= %(silent_s)s
  AND ((SELECT sees_all()) OR d.area IN (SELECT code FROM seen_area))
ORDER BY d.id
-- devices --
-- Those in trouble first, so that a limit leaves out devices that are well.
SELECT d.id, d.name, d.scene, d.kind, d.lon, d.lat, s.state
FROM device d
CROSS JOIN LATERAL (SELECT state_now(d) AS now) n
CROSS JOIN LATERAL (SELECT CASE
    WHEN n.now IN ('test', 'maintenance') THEN n.now
    WHEN d.online IS FALSE OR EXISTS (SELECT FROM silence q WHERE q.device_key = d.key) THEN 'silent'
    WHEN d.online OR EXISTS (SELECT FROM channel_watch w WHERE w.device_key = d.key AND w.heard_at IS NOT NULL)
    THEN 'well' ELSE 'unheard' END AS state) s
WHERE n.now <> 'retired' AND d.lon IS NOT NULL AND d.lat IS NOT NULL
  AND ((SELECT sees_all()) OR d.area IN (SELECT code FROM seen_area))
ORDER BY s.state = 'well', s.state = 'unheard', d.id
LIMIT %(limit)s
-- around --
-- Alerts of the same place at about the same time, the nearest first; distances on a plane.
SELECT id FROM (
    SELECT b.id, b.raised_at,
           111320 * sqrt(((b.lon - a.lon) * cos(radians(a.lat))) ^ 2 + (b.lat - a.lat) ^ 2) AS distance_m,
           b.device_key = a.device_key OR b.area = a.area AS same_place
    FROM alert a JOIN alert b ON b.id <> a.id
        AND b.raised_at BETWEEN a.raised_at - %(within)s::interval AND a.raised_at + %(within)s::interval
    WHERE a.id = %(id)s AND ((SELECT sees_all()) OR b.area IN (SELECT code FROM seen_area))) near
WHERE same_place OR distance_m <= %(within_m)s
ORDER BY same_place DESC, distance_m, id DESC
LIMIT %(limit)s
-- stills --
-- The newest masked picture that some cameras sent with a finding.
SELECT DISTINCT ON (d.id) d.id AS device, e.id AS event, v.position, e.observed_at
FROM device d JOIN event e ON e.device_key = d.key JOIN evidence v ON v.event_id = e.id
WHERE d.id = ANY(%(devices)s) AND v.masked AND v.sha256 IS NOT NULL AND v.media_type LIKE 'image/%%'
  AND e.observed_at > now() - %(within)s::interval
ORDER BY d.id, e.observed_at DESC, v.position
-- wind stations --
-- The nearest devices that measure the wind.
SELECT d.id, d.name,
       111320 * sqrt(((d.lon - %(lon)s) * cos(radians(%(lat)s))) ^ 2 + (d.lat - %(lat)s) ^ 2) AS distance_m
FROM device d
WHERE d.channels @> '[{"quantity": "wind_ms"}]' AND d.lon IS NOT NULL AND d.lat IS NOT NULL
  AND state_now(d) <> 'retired' AND ((SELECT sees_all()) OR d.area IN (SELECT code FROM seen_area))
ORDER BY distance_m
LIMIT %(limit)s
-- responsible --
SELECT p.code, p.name, p.phone, p.duties, r.area, r.rank
FROM responsibility r JOIN person p ON p.key = r.person_key
WHERE r.area = ANY(%(areas)s)
ORDER BY r.rank, p.code
-- find people --
SELECT p.code, p.name, p.duties, array(SELECT a.name FROM responsibility r JOIN area a ON a.code = r.area
                                        WHERE r.person_key = p.key ORDER BY r.rank, a.code LIMIT 2) AS areas
FROM person p
WHERE (p.code ILIKE %(like)s OR p.name ILIKE %(like)s)
  AND ((SELECT sees_all()) OR EXISTS (SELECT FROM responsibility r WHERE r.person_key = p.key
                                      AND r.area IN (SELECT code FROM seen_area)))
ORDER BY p.code
LIMIT %(limit)s
