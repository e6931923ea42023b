-- tables --
SELECT c.oid::bigint AS oid, c.relname AS name,
       array_agg(a.attname::text ORDER BY a.attnum) AS columns,
       array_agg(format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum) AS types
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
WHERE c.relnamespace = 'gridwatch'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND c.relname NOT IN ('_yoyo_log', '_yoyo_migration', '_yoyo_version', 'yoyo_lock')
GROUP BY c.oid, c.relname
ORDER BY c.relname
-- references --
SELECT conrelid::bigint AS table, confrelid::bigint AS refers_to
FROM pg_constraint
WHERE contype = 'f' AND connamespace = 'gridwatch'::regnamespace AND conrelid <> confrelid
-- aggregates --
SELECT c.oid::bigint AS oid, c.relname AS name,
       array_agg(a.attname::text ORDER BY a.attnum) AS columns,
       array_agg(format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum) AS types
FROM timescaledb_information.continuous_aggregates v
JOIN pg_class c ON c.relname = v.view_name AND c.relnamespace = 'gridwatch'::regnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
WHERE v.view_schema = 'gridwatch'
GROUP BY c.oid, c.relname
ORDER BY c.relname
-- aggregate --
SELECT v.materialization_hypertable_schema AS schema, v.materialization_hypertable_name AS name,
       d.column_name AS time
FROM timescaledb_information.continuous_aggregates v
JOIN timescaledb_information.dimensions d
  ON d.hypertable_schema = v.materialization_hypertable_schema
 AND d.hypertable_name = v.materialization_hypertable_name AND d.dimension_number = 1
WHERE v.view_schema = 'gridwatch' AND v.view_name = %(name)s
-- sequences --
SELECT sequencename AS name, last_value AS value FROM pg_sequences
WHERE schemaname = 'gridwatch' AND last_value IS NOT NULL
-- migrations --
SELECT migration_id AS id FROM gridwatch._yoyo_migration ORDER BY migration_id
-- has timescaledb --
SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') AS there
-- is migrated --
SELECT to_regclass('gridwatch._yoyo_migration') IS NOT NULL AND to_regclass('gridwatch.device') IS NOT NULL
    AS there
-- evidence --
SELECT DISTINCT sha256, media_type FROM gridwatch.evidence WHERE sha256 IS NOT NULL
-- is used --
SELECT EXISTS (SELECT FROM gridwatch.account) OR EXISTS (SELECT FROM gridwatch.device)
    OR EXISTS (SELECT FROM gridwatch.book) AS used
-- live collectors --
SELECT count(*) AS live FROM gridwatch.collector WHERE heartbeat_at > now() - interval '5 seconds'
-- triggers --
SELECT c.relname AS table, t.tgname AS name
FROM pg_trigger t
JOIN pg_class c ON c.oid = t.tgrelid
JOIN pg_proc p ON p.oid = t.tgfoid
WHERE c.relnamespace = 'gridwatch'::regnamespace AND NOT c.relispartition AND NOT t.tgisinternal
  AND p.pronamespace = 'gridwatch'::regnamespace AND t.tgenabled = 'O'
-- kind --
SELECT relkind IN ('r', 'p') AS is_table FROM pg_class
WHERE relnamespace = 'gridwatch'::regnamespace AND relname = %(name)s
-- type --
SELECT to_regtype(%(name)s)::text AS type
-- kept --
SELECT at AS kept FROM gridwatch.horizon WHERE name = 'kept'
-- refresh --
CALL refresh_continuous_aggregate(%(name)s::regclass, %(kept)s::timestamptz, NULL)
-- keep hours --
-- Of these hours the readings are gone; the others are added up anew.
WITH horizon AS (
    UPDATE gridwatch.horizon AS a SET at = greatest(a.at, k.at) FROM gridwatch.horizon AS k
    WHERE a.name = 'aggregated' AND k.name = 'kept' RETURNING k.at
)
INSERT INTO gridwatch.reading_hourly_kept (device_key, quantity_key, bucket_at, sum, min, max, count)
SELECT w.device_key, w.quantity_key, w.bucket_at, w.sum, w.min, w.max, w.count
FROM pg_temp.restored_reading_by_hour AS w
JOIN gridwatch.device AS d ON d.key = w.device_key
JOIN horizon AS h ON w.bucket_at < h.at
