-- readings --
-- A join with the device would go through all messages of that time: only a key that stands alone reaches the
-- index within the view.
SELECT q.name AS quantity, r.observed_at, r.observed_at + r.delay_ms * interval '1 ms' AS received_at,
       r.scaled / r.divisor AS value,
       r.flags | coalesce((SELECT bit_or(o.flag) FROM doubt o
                           WHERE o.device_key = r.device_key AND o.quantity_key = r.quantity_key
                             AND o.until_at >= r.observed_at AND o.from_at <= r.observed_at), 0::smallint) AS flags
FROM readings r
JOIN quantity q ON q.key = r.quantity_key
WHERE r.device_key = (SELECT key FROM device WHERE id = %(device)s)
  AND (%(quantity)s::text IS NULL OR q.name = %(quantity)s)
  AND r.observed_at >= %(since)s AND r.observed_at < %(until)s
ORDER BY r.observed_at DESC
FETCH FIRST %(limit)s ROWS WITH TIES
-- buckets --
SELECT q.name AS quantity,
       date_bin(%(bucket)s, r.observed_at, timestamptz '2000-01-01 00:00:00+00') AS bucket_at,
       avg(r.scaled / r.divisor) AS avg, min(r.scaled / r.divisor) AS min, max(r.scaled / r.divisor) AS max,
       count(*) AS count
FROM readings r
JOIN quantity q ON q.key = r.quantity_key
WHERE r.device_key = (SELECT key FROM device WHERE id = %(device)s)
  AND (%(quantity)s::text IS NULL OR q.name = %(quantity)s)
  AND r.observed_at >= %(since)s AND r.observed_at < %(until)s
GROUP BY 1, 2
ORDER BY 2 DESC, 1
FETCH FIRST %(limit)s ROWS WITH TIES
-- buckets of hours --
-- Whole hours from the hourly sums; what since and until cut off at the ends from the readings.
WITH summed AS (
    SELECT quantity_key, bucket_at AS at, sum, min, max, count
    FROM reading_hourly
    WHERE device_key = (SELECT key FROM device WHERE id = %(device)s)
      AND bucket_at >= %(first_hour)s AND bucket_at < %(last_hour)s
    UNION ALL
    SELECT quantity_key, observed_at, scaled / divisor, scaled / divisor, scaled / divisor, 1
    FROM readings
    WHERE device_key = (SELECT key FROM device WHERE id = %(device)s)
      AND observed_at >= %(since)s AND observed_at < %(first_hour)s
    UNION ALL
    SELECT quantity_key, observed_at, scaled / divisor, scaled / divisor, scaled / divisor, 1
    FROM readings
    WHERE device_key = (SELECT key FROM device WHERE id = %(device)s)
      AND observed_at >= %(last_hour)s AND observed_at < %(until)s
)
SELECT q.name AS quantity, date_bin(%(bucket)s, s.at, timestamptz '2000-01-01 00:00:00+00') AS bucket_at,
       sum(s.sum) / sum(s.count)::double precision AS avg, min(s.min) AS min, max(s.max) AS max,
       sum(s.count)::bigint AS count
FROM summed s
JOIN quantity q ON q.key = s.quantity_key
WHERE %(quantity)s::text IS NULL OR q.name = %(quantity)s
GROUP BY 1, 2
ORDER BY 2 DESC, 1
FETCH FIRST %(limit)s ROWS WITH TIES
-- latest --
SELECT d.id AS device, q.name AS quantity, r.observed_at,
       r.observed_at + r.delay_ms * interval '1 ms' AS received_at, r.scaled / r.divisor AS value
FROM device d
CROSS JOIN LATERAL (
    SELECT DISTINCT ON (quantity_key) quantity_key, observed_at, delay_ms, scaled, divisor
    FROM newest_readings(d.key, %(since)s, %(among)s)
    ORDER BY quantity_key, observed_at DESC) r
JOIN quantity q ON q.key = r.quantity_key
WHERE (%(area)s::text IS NULL OR d.area = %(area)s) AND ((SELECT sees_all()) OR d.area IN (SELECT code FROM seen_area))
ORDER BY d.id, q.name
-- events --
SELECT e.id, d.id AS device, e.scene, e.label, e.confidence, e.observed_at, e.started_at, e.ended_at,
       e.box_xyxy, e.track, e.origins, e.criteria, e.detector, e.received_at, e.recorded_at, e.alert_id,
       coalesce((SELECT jsonb_agg(jsonb_build_object('position', v.position, 'media_type', v.media_type,
                                                     'masked', v.masked, 'link', v.url)
                                  ORDER BY v.position)
                 FROM evidence v WHERE v.event_id = e.id), '[]') AS evidence
FROM event e
JOIN device d ON d.key = e.device_key
WHERE ((SELECT sees_all()) OR d.area IN (SELECT code FROM seen_area))
  AND (%(id)s::uuid IS NULL OR e.id = %(id)s)
  AND (%(device)s::text IS NULL OR d.id = %(device)s)
  AND (%(scene)s::text IS NULL OR e.scene = %(scene)s)
  AND (%(label)s::text IS NULL OR e.label = %(label)s)
  AND (%(alert)s::bigint IS NULL OR e.alert_id = %(alert)s)
  AND (%(since)s::timestamptz IS NULL OR e.observed_at >= %(since)s)
  AND (%(until)s::timestamptz IS NULL OR e.observed_at < %(until)s)
  AND (%(before)s::uuid IS NULL OR (e.recorded_at, e.id) <
       (SELECT b.recorded_at, b.id FROM event b WHERE b.id = %(before)s))
ORDER BY e.recorded_at DESC, e.id DESC
LIMIT %(limit)s
-- evidence --
SELECT position, media_type, sha256, url, masked FROM evidence WHERE event_id = %(event)s ORDER BY position
-- note view --
INSERT INTO evidence_view (event_id, position, username) VALUES (%(event)s, %(position)s, %(username)s)
