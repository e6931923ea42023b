-- Readings in columns that compress, hourly sums of them, and from when on they are kept.

-- value = scaled / divisor, received_at = observed_at + delay_ms: a decimal as a whole number and a delay
-- in milliseconds take a third of what the same numbers take as they were, once TimescaleDB compresses them.
CREATE TABLE reading_next (
    device_key   integer NOT NULL,
    quantity_key smallint NOT NULL,
    flags        smallint NOT NULL DEFAULT 0,
    observed_at  timestamptz NOT NULL,
    scaled       double precision NOT NULL,
    delay_ms     bigint NOT NULL,
    divisor      smallint NOT NULL
);
INSERT INTO reading_next (device_key, quantity_key, flags, observed_at, scaled, delay_ms, divisor)
SELECT device_key, quantity_key, flags, observed_at,
       CASE WHEN hundred THEN round(value * 100) ELSE value END,
       round(1000 * extract(epoch FROM received_at - observed_at)),
       CASE WHEN hundred THEN 100 ELSE 1 END
FROM (SELECT *, abs(value) < 1e12 AND round(value * 100) / 100 = value AS hundred FROM reading) r;
CREATE OR REPLACE VIEW gw.readings AS
SELECT d.id AS device, q.name AS quantity, r.observed_at,
       r.observed_at + r.delay_ms * interval '1 ms' AS received_at, r.scaled / r.divisor AS value, r.flags
FROM reading_next r
JOIN device d ON d.key = r.device_key
JOIN quantity q ON q.key = r.quantity_key;
DROP TABLE reading;
ALTER TABLE reading_next RENAME TO reading;
CREATE INDEX reading_history ON reading (device_key, observed_at DESC);

-- Hours before either are in reading_hourly_kept. aggregated: so far it went on (plain PostgreSQL alone);
-- kept: readings before it may be gone.
CREATE TABLE horizon (
    name text PRIMARY KEY,
    at   timestamptz NOT NULL
);
INSERT INTO horizon (name, at) VALUES ('aggregated', '0001-01-01 00:00:00+00'), ('kept', '0001-01-01 00:00:00+00');

-- What follows is for plain PostgreSQL; where TimescaleDB is loaded, a continuous aggregate replaces it.
CREATE TABLE reading_hourly_kept (
    device_key   integer NOT NULL REFERENCES device ON DELETE CASCADE,
    quantity_key smallint NOT NULL,
    bucket_at    timestamptz NOT NULL,
    sum          double precision NOT NULL,
    min          double precision NOT NULL,
    max          double precision NOT NULL,
    count        bigint NOT NULL,
    PRIMARY KEY (device_key, bucket_at, quantity_key)
);

-- The hours of a device that a late reading fell into; as often as it happened.
CREATE TABLE reading_touched (
    device_key integer NOT NULL,
    bucket_at  timestamptz NOT NULL
);
CREATE INDEX reading_touched_hour ON reading_touched (device_key, bucket_at);

CREATE FUNCTION note_late_reading() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO gridwatch.reading_touched (device_key, bucket_at)
    VALUES (NEW.device_key, date_bin('1 hour', NEW.observed_at, timestamptz '2000-01-01 00:00:00+00'));
    RETURN NULL;
END $$;
-- By the clock, not by the transaction's start: `aggregated` relies on it, see queries/hourly.sql.
CREATE TRIGGER reading_late AFTER INSERT ON reading
FOR EACH ROW WHEN (NEW.observed_at < clock_timestamp() - interval '2 hours') EXECUTE FUNCTION note_late_reading();

-- What is kept, except for hours that a late reading touched since; those; and what is too young to be kept.
CREATE VIEW reading_hourly AS
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
JOIN reading r ON r.device_key = t.device_key AND r.observed_at >= t.bucket_at
              AND r.observed_at < t.bucket_at + interval '1 hour'
GROUP BY r.device_key, r.quantity_key, t.bucket_at
UNION ALL
SELECT device_key, quantity_key, date_bin('1 hour', observed_at, timestamptz '2000-01-01 00:00:00+00'),
       sum(scaled / divisor), min(scaled / divisor), max(scaled / divisor), count(*)
FROM reading
WHERE observed_at >= (SELECT max(at) FROM horizon)
GROUP BY 1, 2, 3;

CREATE VIEW gw.readings_hourly AS
SELECT d.id AS device, q.name AS quantity, h.bucket_at, h.sum / h.count AS avg, h.min, h.max, h.count, h.sum
FROM reading_hourly h
JOIN device d ON d.key = h.device_key
JOIN quantity q ON q.key = h.quantity_key;
