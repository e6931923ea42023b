-- alert --
SELECT a.device_key FROM alert a
WHERE a.id = %(alert)s AND ((SELECT sees_all()) OR a.area IN (SELECT code FROM seen_area))
FOR UPDATE
-- there --
SELECT count(*) AS count, bool_or(id = %(event)s) AS same FROM event WHERE alert_id = %(alert)s AND scene = 'photo'
-- add event --
INSERT INTO event (id, device_key, scene, label, confidence, observed_at, received_at, criteria, alert_id)
VALUES (%(event)s, %(device)s, 'photo', 'photo', 1, %(taken_at)s, now(), jsonb_build_object('by', %(by)s::text), %(alert)s)
-- add evidence --
INSERT INTO evidence (event_id, position, media_type, sha256, size, masked)
VALUES (%(event)s, 0, %(media_type)s, %(sha256)s, %(size)s, true)
