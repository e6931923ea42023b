-- has continuous aggregate --
SELECT to_regclass('gridwatch.reading_by_hour') IS NOT NULL AS there
-- refresh from and until --
SELECT (SELECT at FROM horizon WHERE name = 'kept') AS kept,
       date_bin('1 hour', now() - interval '1 hour', timestamptz '2000-01-01 00:00:00+00') AS until
-- refresh --
CALL refresh_continuous_aggregate('gridwatch.reading_by_hour', %(kept)s::timestamptz, %(until)s::timestamptz)
-- one at a time --
SELECT FROM horizon WHERE name = 'aggregated' FOR UPDATE
-- settled --
-- Every reading before this hour is either committed or will be noted as late. A reading is noted when it is
-- written two hours after its time or later. Who writes now began after its transaction did; who does not yet
-- hold the lock writes later than now. The third hour is for a server's clock that is set back.
SELECT date_bin('1 hour', least(now(), (
           SELECT min(coalesce(a.xact_start, '0001-01-01 04:00:00+00'))
           FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid)
           WHERE l.relation IN ('gridwatch.reading'::regclass, 'gridwatch.message_readings'::regclass)
             AND l.mode = 'RowExclusiveLock'
             AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
       )) - interval '3 hours', timestamptz '2000-01-01 00:00:00+00') AS until
-- correct --
-- One snapshot: a note that it sees came with a reading that it sees; what commits meanwhile waits for the next.
WITH noted AS (
    DELETE FROM reading_touched RETURNING device_key, bucket_at
), hours AS (
    SELECT DISTINCT device_key, bucket_at FROM noted
    WHERE bucket_at >= (SELECT at FROM horizon WHERE name = 'kept')
      AND bucket_at < (SELECT at FROM horizon WHERE name = 'aggregated')
)
INSERT INTO reading_hourly_kept (device_key, quantity_key, bucket_at, sum, min, max, count)
SELECT h.device_key, r.quantity_key, h.bucket_at, r.sum, r.min, r.max, r.count
FROM hours h
JOIN device d ON d.key = h.device_key
CROSS JOIN LATERAL (
    SELECT quantity_key, sum(scaled / divisor), min(scaled / divisor), max(scaled / divisor), count(*)
    FROM readings
    WHERE device_key = h.device_key AND observed_at >= h.bucket_at
      AND observed_at < h.bucket_at + interval '1 hour'
    GROUP BY quantity_key) r
ON CONFLICT (device_key, bucket_at, quantity_key)
DO UPDATE SET sum = excluded.sum, min = excluded.min, max = excluded.max, count = excluded.count
-- go on --
INSERT INTO reading_hourly_kept (device_key, quantity_key, bucket_at, sum, min, max, count)
SELECT d.key, r.quantity_key, r.bucket_at, r.sum, r.min, r.max, r.count
FROM device d
CROSS JOIN LATERAL (
    SELECT quantity_key, date_bin('1 hour', observed_at, timestamptz '2000-01-01 00:00:00+00') AS bucket_at,
           sum(scaled / divisor), min(scaled / divisor), max(scaled / divisor), count(*)
    FROM readings
    WHERE device_key = d.key AND observed_at < %(until)s
      AND observed_at >= (SELECT max(at) FROM horizon)
    GROUP BY 1, 2) r
ON CONFLICT (device_key, bucket_at, quantity_key)
DO UPDATE SET sum = excluded.sum, min = excluded.min, max = excluded.max, count = excluded.count
-- went on --
UPDATE horizon SET at = greatest(at, %(until)s) WHERE name = 'aggregated'
