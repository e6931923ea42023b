-- collectors --
SELECT count(*) AS live FROM collector
WHERE subscribed AND adopted_by IS NULL AND heartbeat_at >= now() - make_interval(secs => %(within_s)s)
-- books --
SELECT coalesce(sum(received), 0)::bigint AS received, coalesce(sum(stored), 0)::bigint AS stored,
       coalesce(sum(duplicate), 0)::bigint AS duplicate,
       coalesce(sum(quarantined), 0)::bigint AS quarantined, coalesce(sum(skipped), 0)::bigint AS skipped
FROM book
-- alerts --
SELECT scene, state, simulated, drill, count(*) AS count FROM alert GROUP BY scene, state, simulated, drill
-- unbalanced --
SELECT count(*) AS devices FROM book WHERE received <> stored + duplicate + quarantined + skipped
-- clocks --
SELECT count(*) FILTER (WHERE abs(skew_s) > %(off_s)s) AS off,
       count(*) FILTER (WHERE jumped_at > now() - %(lately)s::interval) AS jumped
FROM device_clock
-- failed chores --
SELECT name, error FROM chore WHERE error IS NOT NULL ORDER BY name
-- figures --
SELECT client_id, figures FROM collector
WHERE heartbeat_at >= now() - make_interval(secs => %(within_s)s) AND figures <> '{}' ORDER BY client_id
-- server --
SELECT current_setting('server_version_num')::int / 10000 AS version,
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
           - (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')::int AS free_connections,
       current_setting('fsync') = 'on' AND current_setting('full_page_writes') = 'on' AS safe_writes,
       current_setting('synchronous_commit') AS synchronous_commit,
       clock_timestamp() AS now,
       EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb') AS timescale_there,
       EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') AS timescale_used
