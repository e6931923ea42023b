-- What a message said of one time, side by side, for plain PostgreSQL: there a row and an index entry of each
-- quantity were most of the work of storing. TimescaleDB keeps rows of `reading`, which compress far better.

CREATE TABLE message_readings (
    device_key    integer NOT NULL,
    flags         smallint NOT NULL DEFAULT 0,
    observed_at   timestamptz NOT NULL,
    delay_ms      bigint NOT NULL,
    quantity_keys smallint[] NOT NULL,
    numbers       double precision[] NOT NULL
);
CREATE INDEX message_readings_history ON message_readings (device_key, observed_at);

-- Every reading, in whichever form it is kept.
DO $$
BEGIN
    IF to_regclass('gridwatch.reading_by_hour') IS NOT NULL THEN
        CREATE VIEW readings AS
        SELECT device_key, quantity_key, flags, observed_at, delay_ms, scaled, divisor FROM reading;
        RETURN;
    END IF;
    CREATE VIEW readings AS
    SELECT device_key, quantity_key, flags, observed_at, delay_ms, scaled, divisor FROM reading
    UNION ALL
    SELECT m.device_key, n.quantity_key, m.flags, m.observed_at, m.delay_ms, n.number, 1::smallint
    FROM message_readings m CROSS JOIN LATERAL unnest(m.quantity_keys, m.numbers) AS n (quantity_key, number);
    CREATE TRIGGER message_late AFTER INSERT ON message_readings FOR EACH ROW
    WHEN (NEW.observed_at < clock_timestamp() - interval '2 hours') EXECUTE FUNCTION note_late_reading();
    CREATE OR REPLACE VIEW reading_hourly AS
    SELECT device_key, quantity_key, bucket_at, sum, min, max, count
    FROM reading_hourly_kept k
    WHERE bucket_at < (SELECT max(at) FROM horizon)
      AND NOT EXISTS (SELECT FROM reading_touched t
                      WHERE t.device_key = k.device_key AND t.bucket_at = k.bucket_at
                        AND t.bucket_at >= (SELECT at FROM horizon WHERE name = 'kept'))
    UNION ALL
    SELECT r.device_key, r.quantity_key, t.bucket_at, sum(r.scaled / r.divisor), min(r.scaled / r.divisor),
           max(r.scaled / r.divisor), count(*)
    FROM (SELECT DISTINCT device_key, bucket_at FROM reading_touched
          WHERE bucket_at >= (SELECT at FROM horizon WHERE name = 'kept')
            AND bucket_at < (SELECT at FROM horizon WHERE name = 'aggregated')) t
    JOIN readings r ON r.device_key = t.device_key AND r.observed_at >= t.bucket_at
                   AND r.observed_at < t.bucket_at + interval '1 hour'
    GROUP BY r.device_key, r.quantity_key, t.bucket_at
    UNION ALL
    SELECT device_key, quantity_key, date_bin('1 hour', observed_at, timestamptz '2000-01-01 00:00:00+00'),
           sum(scaled / divisor), min(scaled / divisor), max(scaled / divisor), count(*)
    FROM readings
    WHERE observed_at >= (SELECT max(at) FROM horizon)
    GROUP BY 1, 2, 3;
END $$;

CREATE OR REPLACE VIEW gw.readings AS
SELECT d.id AS device, q.name AS quantity, r.observed_at,
       r.observed_at + r.delay_ms * interval '1 ms' AS received_at, r.scaled / r.divisor AS value, r.flags
FROM readings r
JOIN device d ON d.key = r.device_key
JOIN quantity q ON q.key = r.quantity_key;
