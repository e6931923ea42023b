-- find --
SELECT d.*, state_now(d), c.skew_s AS clock_skew_s FROM device d LEFT JOIN device_clock c ON c.device_key = d.key
WHERE d.id = ANY(%(ids)s) AND ((SELECT sees_all()) OR d.area IN (SELECT code FROM seen_area))
-- list --
SELECT d.*, state_now(d), c.skew_s AS clock_skew_s FROM device d LEFT JOIN device_clock c ON c.device_key = d.key
WHERE ((SELECT sees_all()) OR area IN (SELECT code FROM seen_area))
  AND (%(scene)s::text IS NULL OR scene = %(scene)s)
  AND (%(kind)s::text IS NULL OR kind = %(kind)s)
  AND (%(simulated)s::boolean IS NULL OR simulated = %(simulated)s)
  AND (%(state)s::text IS NULL OR state_now(d) = %(state)s)
  AND (%(label)s::text IS NULL OR labels @> ARRAY[%(label)s::text])
  AND (%(area)s::text IS NULL OR area IN (
        WITH RECURSIVE below AS (
            SELECT %(area)s::text AS code
            UNION SELECT child.code FROM area child JOIN below ON child.parent = below.code)
        SELECT code FROM below))
  AND (%(search)s::text IS NULL
       OR concat_ws(E'\n', id, name, model, source, array_to_string(labels, E'\n'))
          ILIKE '%%' || %(search)s || '%%')
  AND id > %(after)s
ORDER BY id
LIMIT %(limit)s
-- count --
SELECT count(*) FILTER (WHERE NOT simulated) AS real, count(*) FILTER (WHERE simulated) AS simulated FROM device
-- add --
INSERT INTO device (id, scene, kind, name, model, source, area, lon, lat, crs, stated_lon, stated_lat, channels,
                    labels, address, telephone, gateway, lift, cameras, playback_url, state, state_until,
                    state_by, simulated)
VALUES (%(id)s, %(scene)s, %(kind)s, %(name)s, %(model)s, %(source)s, %(area)s, %(lon)s, %(lat)s, %(crs)s,
        %(stated_lon)s, %(stated_lat)s, %(channels)s, %(labels)s, %(address)s, %(telephone)s, %(gateway)s,
        %(lift)s, %(cameras)s, %(playback_url)s, %(state)s, %(state_until)s, %(state_by)s, %(simulated)s)
-- replace --
UPDATE device
SET scene = %(scene)s, kind = %(kind)s, name = %(name)s, model = %(model)s, source = %(source)s, area = %(area)s,
    lon = %(lon)s, lat = %(lat)s, crs = %(crs)s, stated_lon = %(stated_lon)s, stated_lat = %(stated_lat)s,
    channels = %(channels)s, labels = %(labels)s, address = %(address)s, telephone = %(telephone)s,
    gateway = %(gateway)s, lift = %(lift)s, cameras = %(cameras)s, playback_url = %(playback_url)s,
    state = %(state)s, state_until = %(state_until)s, state_by = %(state_by)s
WHERE id = %(id)s
-- defer links --
SET CONSTRAINTS device_gateway, device_lift, device_source DEFERRED
-- check links --
SET CONSTRAINTS device_gateway, device_lift, device_source IMMEDIATE
-- lock --
SELECT d.*, state_now(d), NULL::float8 AS clock_skew_s FROM device d WHERE id = ANY(%(ids)s) ORDER BY id FOR UPDATE
-- all --
SELECT id, kind, source FROM device
-- area codes --
SELECT code FROM area
-- kinds --
SELECT id, kind FROM device WHERE id = ANY(%(ids)s)
-- unlink cameras --
UPDATE device d
SET cameras = (SELECT coalesce(array_agg(c ORDER BY n), '{}') FROM unnest(d.cameras) WITH ORDINALITY AS t (c, n)
               WHERE c <> ALL(%(ids)s))
WHERE cameras && %(ids)s::text[]
-- find by source --
-- Who has a credential of its own connects as itself, and no foreign system speaks for it unless it is told to.
SELECT asked.source AS asked, d.*, state_now(d), c.skew_s AS clock_skew_s
FROM unnest(%(sources)s::text[]) AS asked (source)
LEFT JOIN device own ON own.source = asked.source
LEFT JOIN device plain ON plain.id = substr(asked.source, strpos(asked.source, ':') + 1) AND plain.source IS NULL
     AND (plain.id = asked.source OR NOT EXISTS (SELECT FROM credential k WHERE k.device_key = plain.key))
JOIN device d ON d.key = coalesce(own.key, plain.key)
LEFT JOIN device_clock c ON c.device_key = d.key
-- link to gateways --
-- The first gateway in the list of each device that is registered as one. Who is being changed is left for later.
WITH heard AS (
    SELECT DISTINCT ON (said.device) said.device, g.id AS gateway
    FROM unnest(%(devices)s::text[], %(sources)s::text[]) WITH ORDINALITY AS said (device, source, place)
    LEFT JOIN device own ON own.source = said.source
    LEFT JOIN device plain ON plain.id = substr(said.source, strpos(said.source, ':') + 1) AND plain.source IS NULL
    JOIN device g ON g.key = coalesce(own.key, plain.key)
    WHERE g.kind = 'gateway' AND g.id <> said.device AND state_now(g) <> 'retired'
    ORDER BY said.device, said.place
), unlinked AS (
    SELECT d.key, h.gateway FROM device d JOIN heard h ON h.device = d.id
    WHERE d.gateway IS NULL FOR UPDATE OF d SKIP LOCKED
)
UPDATE device d SET gateway = u.gateway FROM unlinked u WHERE d.key = u.key
RETURNING d.id, d.gateway
-- link to the gateway it is named after --
-- A device behind a gateway of ThingsBoard has the gateway's id before its own name.
UPDATE device SET gateway = (
    SELECT g.id FROM device g WHERE g.kind = 'gateway' AND starts_with(%(id)s, g.id || ':')
    ORDER BY length(g.id) DESC LIMIT 1)
WHERE id = %(id)s AND gateway IS NULL AND kind <> 'gateway'
-- behind --
SELECT id, source FROM device WHERE gateway = %(gateway)s AND state_now(device) <> 'retired'
-- nearest cameras --
-- Distances on a plane: nobody looks further than some hundred metres.
SELECT id, name, named, distance_m, playback_url FROM (
    SELECT c.id, c.name, c.id = ANY(d.cameras) AS named, c.playback_url, array_position(d.cameras, c.id) AS place,
           111320 * sqrt(((c.lon - d.lon) * cos(radians(d.lat))) ^ 2 + (c.lat - d.lat) ^ 2) AS distance_m
    FROM device d JOIN device c ON c.kind = 'camera' AND c.id <> d.id AND state_now(c) <> 'retired'
    WHERE d.id = %(id)s AND ((SELECT sees_all()) OR c.area IN (SELECT code FROM seen_area))) AS near
WHERE named OR distance_m <= %(within_m)s
ORDER BY place NULLS LAST, distance_m, id
LIMIT %(most)s
-- set state --
UPDATE device SET state = %(state)s, state_until = %(state_until)s, state_by = %(state_by)s
WHERE id = ANY(%(ids)s)
RETURNING id
-- delete --
DELETE FROM device WHERE id = ANY(%(ids)s) RETURNING key
-- forget readings --
DELETE FROM reading WHERE device_key = ANY(%(keys)s)
-- forget message readings --
DELETE FROM message_readings WHERE device_key = ANY(%(keys)s)
-- forget sequences --
DELETE FROM sequence WHERE device_key = ANY(%(keys)s)
-- forget gaps --
DELETE FROM gap WHERE device_key = ANY(%(keys)s)
-- forget media --
DELETE FROM medium WHERE device_key = ANY(%(keys)s)
-- forget books --
DELETE FROM book_page WHERE device_key = ANY(%(keys)s)
-- forget quarantine --
DELETE FROM quarantine WHERE coalesce(named, split_part(topic, '/', 3)) = ANY(%(ids)s)
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
