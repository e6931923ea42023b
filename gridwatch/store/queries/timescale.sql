-- make hypertable, columnstore and continuous aggregate --
DO $$
DECLARE
    kept text;
BEGIN
    IF to_regclass('gridwatch.reading_by_hour') IS NOT NULL THEN
        RETURN;
    END IF;
    DROP TRIGGER reading_late ON reading;
    DROP TRIGGER message_late ON message_readings;
    DROP FUNCTION note_late_reading();
    -- A collector that began before goes on sending messages whole: they too become rows.
    CREATE FUNCTION keep_message_as_rows() RETURNS trigger LANGUAGE plpgsql AS $rows$
    BEGIN
        INSERT INTO reading (device_key, quantity_key, flags, observed_at, delay_ms, scaled, divisor)
        SELECT NEW.device_key, quantity_key, NEW.flags, NEW.observed_at, NEW.delay_ms,
               CASE WHEN hundred THEN round(number * 100) ELSE number END, CASE WHEN hundred THEN 100 ELSE 1 END
        FROM (SELECT n.*, abs(number) < 1e12 AND round(number * 100) / 100 = number AS hundred
              FROM unnest(NEW.quantity_keys, NEW.numbers) AS n (quantity_key, number)) r;
        RETURN NULL;
    END $rows$;
    CREATE TRIGGER message_as_rows BEFORE INSERT ON message_readings
    FOR EACH ROW EXECUTE FUNCTION keep_message_as_rows();
    INSERT INTO message_readings SELECT * FROM message_readings;
    TRUNCATE message_readings;
    CREATE OR REPLACE VIEW readings AS
    SELECT device_key, quantity_key, flags, observed_at, delay_ms, scaled, divisor FROM reading;
    PERFORM create_hypertable('reading', 'observed_at', migrate_data => true, create_default_indexes => false,
                              chunk_time_interval => interval '1 day');
    -- One device, one quantity and its times in a row: times and delays differ little from one to the next.
    ALTER TABLE reading SET (timescaledb.enable_columnstore, timescaledb.segmentby = 'device_key',
                             timescaledb.orderby = 'quantity_key, observed_at DESC');
    CREATE MATERIALIZED VIEW reading_by_hour
    WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
    SELECT device_key, quantity_key, time_bucket('1 hour', observed_at) AS bucket_at,
           sum(scaled / divisor) AS sum, min(scaled / divisor) AS min, max(scaled / divisor) AS max,
           count(*) AS count
    FROM reading
    GROUP BY 1, 2, 3
    WITH NO DATA;
    -- The rest is computed anew; of these hours the readings are gone.
    SELECT format('%I.%I', materialization_hypertable_schema, materialization_hypertable_name) INTO kept
    FROM timescaledb_information.continuous_aggregates
    WHERE view_schema = 'gridwatch' AND view_name = 'reading_by_hour';
    EXECUTE 'INSERT INTO ' || kept || ' (device_key, quantity_key, bucket_at, sum, min, max, count)
             SELECT device_key, quantity_key, bucket_at, sum, min, max, count FROM reading_hourly_kept
             WHERE bucket_at < (SELECT at FROM horizon WHERE name = ''kept'')';
    CREATE OR REPLACE VIEW reading_hourly AS
    SELECT device_key, quantity_key, bucket_at, sum, min, max, count FROM reading_by_hour;
    DROP TABLE reading_hourly_kept, reading_touched;
END $$
