-- stations --
SELECT d.key, d.id, d.lat AS latitude, d.lon AS longitude, d.simulated
FROM device d
WHERE state_now(d) <> 'retired' AND d.channels <> '[]'
  AND NOT EXISTS (SELECT FROM unnest(%(needed)s::text[]) AS n (quantity)
                  WHERE NOT d.channels @> jsonb_build_array(jsonb_build_object('quantity', n.quantity)))
-- changed --
-- Days of which more or other readings are there than when they were measured, or other doubts.
WITH station AS (
    SELECT * FROM unnest(%(keys)s::integer[], %(firsts)s::timestamptz[], %(lasts)s::timestamptz[])
                  AS s (device_key, first_noon, last_noon)
), there AS (
    SELECT s.device_key, h.noon_at, h.readings, o.doubted
    FROM station s
    CROSS JOIN LATERAL (
        SELECT date_bin('1 day', bucket_at, s.first_noon) + interval '1 day' AS noon_at, sum(count)::bigint AS readings
        FROM reading_hourly
        WHERE device_key = s.device_key AND bucket_at >= s.first_noon - interval '1 day'
          AND bucket_at < s.last_noon
          AND quantity_key IN (SELECT key FROM quantity WHERE name = ANY(%(used)s))
        GROUP BY 1) h
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(1 + extract(epoch FROM least(until_at, h.noon_at)
                                                   - greatest(from_at, h.noon_at - interval '1 day'))), 0) AS doubted
        FROM doubt
        WHERE device_key = s.device_key AND until_at >= h.noon_at - interval '1 day' AND from_at < h.noon_at
          AND quantity_key IN (SELECT key FROM quantity WHERE name = ANY(%(used)s))) o
)
SELECT t.device_key, t.noon_at, t.readings, t.doubted::float8 AS doubted
FROM there t
LEFT JOIN fire_weather_measured m ON m.device_key = t.device_key AND m.noon_at = t.noon_at
WHERE (m.readings, m.doubted) IS DISTINCT FROM (t.readings, t.doubted::float8)
ORDER BY t.noon_at, t.device_key
-- measure --
-- From readings that can be: neither in doubt nor from a clock that ran ahead. At noon is the mean of the last
-- half hour before it, else the last reading of two hours. Two hours more are read for what a gauge that counts
-- on had counted before the day.
WITH asked AS (
    SELECT * FROM unnest(%(keys)s::integer[], %(days)s::date[], %(noons)s::timestamptz[], %(readings)s::bigint[],
                         %(doubted)s::float8[]) AS a (device_key, day, noon_at, readings, doubted)
), reading_there AS (
    SELECT a.device_key, a.day, q.name, r.observed_at, r.scaled / r.divisor AS value,
           r.observed_at >= a.noon_at - interval '1 day' AS in_day, a.noon_at - r.observed_at AS before_noon
    FROM asked a
    CROSS JOIN LATERAL (
        SELECT quantity_key, observed_at, scaled, divisor FROM readings
        WHERE device_key = a.device_key AND observed_at >= a.noon_at - interval '26 hours' AND observed_at < a.noon_at
          AND flags & 1 = 0
        OFFSET 0) r
    JOIN quantity q ON q.key = r.quantity_key AND q.name = ANY(%(used)s)
    WHERE NOT EXISTS (SELECT FROM doubt o
                      WHERE o.device_key = a.device_key AND o.quantity_key = r.quantity_key
                        AND o.until_at >= r.observed_at AND o.from_at <= r.observed_at)
      AND r.scaled / r.divisor BETWEEN (%(least)s::jsonb ->> q.name)::float8 AND (%(most)s::jsonb ->> q.name)::float8
), weather AS (
    SELECT device_key, day, name,
           coalesce(avg(value) FILTER (WHERE before_noon <= interval '30 minutes'),
                    (array_agg(value ORDER BY observed_at DESC)
                     FILTER (WHERE before_noon <= interval '2 hours'))[1]) AS at_noon,
           max(value) AS most, min(value) AS least
    FROM reading_there WHERE in_day
    GROUP BY device_key, day, name
), gauge AS (
    SELECT device_key, day, date_bin('1 hour', observed_at, timestamptz '2000-01-01 00:00:00+00') AS hour, value, in_day,
           value - lag(value) OVER (PARTITION BY device_key, day ORDER BY observed_at) AS more
    FROM reading_there WHERE name = 'rain_mm'
), rain_by_hour AS (
    SELECT device_key, day, hour,
           CASE %(rain)s::text WHEN 'last_hour' THEN avg(value) WHEN 'since_last' THEN sum(value)
           ELSE sum(CASE WHEN more < 0 THEN value ELSE coalesce(more, 0) END) END AS rain
    FROM gauge WHERE in_day
    GROUP BY device_key, day, hour
), rain AS (
    SELECT device_key, day, sum(rain) AS rain, count(*)::integer AS hours FROM rain_by_hour GROUP BY device_key, day
)
INSERT INTO fire_weather_measured AS m
       (device_key, day, noon_at, temperature_c, temperature_max_c, humidity_pct, humidity_min_pct, wind_ms,
        wind_max_ms, rain_mm, rain_hours, readings, doubted)
SELECT a.device_key, a.day, a.noon_at, t.at_noon, t.most,
       -- Where there is no reading, least() alone would make it 100.
       CASE WHEN h.at_noon IS NOT NULL THEN least(h.at_noon, 100) END,
       CASE WHEN h.least IS NOT NULL THEN least(h.least, 100) END, w.at_noon, w.most,
       CASE WHEN r.rain <= %(most_rain)s THEN r.rain END, coalesce(r.hours, 0), a.readings, a.doubted
FROM asked a
LEFT JOIN weather t ON t.device_key = a.device_key AND t.day = a.day AND t.name = 'temperature_c'
LEFT JOIN weather h ON h.device_key = a.device_key AND h.day = a.day AND h.name = 'humidity_pct'
LEFT JOIN weather w ON w.device_key = a.device_key AND w.day = a.day AND w.name = 'wind_ms'
LEFT JOIN rain r ON r.device_key = a.device_key AND r.day = a.day
ON CONFLICT (device_key, day) DO UPDATE
SET noon_at = excluded.noon_at, temperature_c = excluded.temperature_c, temperature_max_c = excluded.temperature_max_c,
    humidity_pct = excluded.humidity_pct, humidity_min_pct = excluded.humidity_min_pct, wind_ms = excluded.wind_ms,
    wind_max_ms = excluded.wind_max_ms, rain_mm = excluded.rain_mm, rain_hours = excluded.rain_hours,
    readings = excluded.readings, doubted = excluded.doubted
-- lock --
SELECT pg_advisory_xact_lock(7403061)
-- measured --
SELECT device_key, day, temperature_c, temperature_max_c, humidity_pct, humidity_min_pct, wind_ms, wind_max_ms,
       rain_mm, rain_hours
FROM fire_weather_measured
WHERE device_key = ANY(%(keys)s) AND day >= %(first)s
-- day before --
SELECT * FROM fire_weather WHERE device_key = ANY(%(keys)s) AND day = %(before)s
-- write --
INSERT INTO fire_weather AS f
SELECT n.* FROM jsonb_populate_recordset(NULL::fire_weather, %(rows)s) AS n
ON CONFLICT (device_key, day) DO UPDATE
SET noon_at = excluded.noon_at, temperature_c = excluded.temperature_c, temperature_max_c = excluded.temperature_max_c,
    humidity_pct = excluded.humidity_pct, humidity_min_pct = excluded.humidity_min_pct, wind_ms = excluded.wind_ms,
    wind_max_ms = excluded.wind_max_ms, rain_mm = excluded.rain_mm, filled = excluded.filled,
    dry_days = excluded.dry_days, ffmc = excluded.ffmc, dmc = excluded.dmc, dc = excluded.dc, isi = excluded.isi,
    bui = excluded.bui, fwi = excluded.fwi, dsr = excluded.dsr, danger = excluded.danger, level = excluded.level
WHERE f IS DISTINCT FROM excluded
-- forget --
DELETE FROM fire_weather f
WHERE f.device_key = ANY(%(keys)s) AND f.day >= %(first)s
  AND NOT EXISTS (SELECT FROM jsonb_to_recordset(%(rows)s) AS n (device_key integer, day date)
                  WHERE n.device_key = f.device_key AND n.day = f.day)
-- days --
SELECT d.id AS station, d.name AS station_name, d.area, d.simulated, f.*
FROM fire_weather f JOIN device d ON d.key = f.device_key
WHERE ((SELECT sees_all()) OR d.area IN (SELECT code FROM seen_area))
  AND (%(station)s::text IS NULL OR d.id = %(station)s)
  AND (%(area)s::text IS NULL OR d.area IN (
        WITH RECURSIVE below AS (
            SELECT %(area)s::text AS code
            UNION SELECT child.code FROM area child JOIN below ON child.parent = below.code)
        SELECT code FROM below))
  AND f.day >= %(since)s AND f.day <= %(until)s
ORDER BY f.day DESC, d.id
LIMIT %(limit)s
-- now --
-- The last day of each station that has one not long ago.
SELECT DISTINCT ON (d.id) d.id AS station, d.name AS station_name, d.area, d.simulated, f.*
FROM fire_weather f JOIN device d ON d.key = f.device_key
WHERE f.noon_at > %(since)s AND ((SELECT sees_all()) OR d.area IN (SELECT code FROM seen_area)) AND state_now(d) <> 'retired'
  AND (%(area)s::text IS NULL OR d.area IN (
        WITH RECURSIVE below AS (
            SELECT %(area)s::text AS code
            UNION SELECT child.code FROM area child JOIN below ON child.parent = below.code)
        SELECT code FROM below))
ORDER BY d.id, f.day DESC
