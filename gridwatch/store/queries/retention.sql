-- keep readings from --
UPDATE horizon SET at = %(before)s WHERE name = 'kept' AND at < %(before)s
-- drop chunks --
SELECT drop_chunks(%(relation)s::regclass, older_than => %(before)s::timestamptz)
-- to compress --
-- Status 1 is compressed, 8 is compressed with rows beside it that came later.
SELECT format('%%I.%%I', c.schema_name, c.table_name) AS chunk, i.range_start AS begins_at
FROM _timescaledb_catalog.chunk c
JOIN timescaledb_information.chunks i ON i.chunk_schema = c.schema_name AND i.chunk_name = c.table_name
WHERE i.hypertable_schema = 'gridwatch' AND i.hypertable_name = 'reading' AND i.range_end < %(before)s
  AND (c.status & 1 = 0 OR c.status & 8 <> 0)
ORDER BY i.range_start
-- compress --
CALL convert_to_columnstore(%(chunk)s::regclass)
-- readings --
DELETE FROM reading WHERE ctid = ANY(ARRAY(
    SELECT r.ctid
    FROM device d
    CROSS JOIN LATERAL (SELECT ctid FROM reading WHERE device_key = d.key AND observed_at < %(before)s) r
    LIMIT %(batch)s))
-- message readings --
DELETE FROM message_readings WHERE ctid = ANY(ARRAY(
    SELECT m.ctid
    FROM device d
    CROSS JOIN LATERAL (SELECT ctid FROM message_readings WHERE device_key = d.key AND observed_at < %(before)s) m
    LIMIT %(batch)s))
-- hours --
DELETE FROM reading_hourly_kept WHERE ctid = ANY(ARRAY(
    SELECT h.ctid
    FROM device d
    CROSS JOIN LATERAL (SELECT ctid FROM reading_hourly_kept
                        WHERE device_key = d.key AND bucket_at < %(before)s) h
    LIMIT %(batch)s))
-- lift states --
DELETE FROM lift_state WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM lift_state WHERE observed_at < %(before)s LIMIT %(batch)s))
-- command results --
DELETE FROM command_result WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM command_result WHERE received_at < %(before)s LIMIT %(batch)s))
-- commands --
DELETE FROM command WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM command WHERE expires_at < %(before)s LIMIT %(batch)s))
-- doubts --
DELETE FROM doubt WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM doubt WHERE until_at < %(before)s LIMIT %(batch)s))
-- media --
DELETE FROM medium WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM medium WHERE received_at < %(before)s LIMIT %(batch)s))
-- closed gaps --
DELETE FROM gap WHERE ctid = ANY(ARRAY(SELECT ctid FROM gap WHERE closed_at < %(before)s LIMIT %(batch)s))
-- webhook messages --
DELETE FROM webhook_message WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM webhook_message WHERE settled_at < %(before)s LIMIT %(batch)s))
-- notifications --
-- Of alerts that ended long ago: the history of a live alert is kept whole.
DELETE FROM notification WHERE ctid = ANY(ARRAY(
    SELECT n.ctid FROM notification n JOIN alert a ON a.id = n.alert_id
    WHERE a.ended AND a.resolved_at < %(before)s LIMIT %(batch)s))
-- calls --
-- With them goes what was sent for each.
DELETE FROM call WHERE ctid = ANY(ARRAY(
    SELECT c.ctid FROM call c JOIN alert a ON a.id = c.alert_id
    WHERE a.ended AND a.resolved_at < %(before)s LIMIT %(batch)s))
-- alert changes --
DELETE FROM alert_change WHERE ctid = ANY(ARRAY(
    SELECT c.ctid FROM alert_change c JOIN alert a ON a.id = c.alert_id
    WHERE a.ended AND a.resolved_at < %(before)s LIMIT %(batch)s))
-- done requests --
DELETE FROM done_request WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM done_request WHERE done_at < %(before)s LIMIT %(batch)s))
