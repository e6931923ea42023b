-- Identities of observations in a ring of 32 days, so that old ones go by emptying a table; readings with
-- a flag and one index; the numbers that a device counts up, and the gaps in them.

ALTER TABLE observation RENAME TO observation_before;

-- ring: the day of observed_at since 1970 modulo 32. A partition that the ring has turned past is emptied;
-- what is left in it does no harm, for the time is part of the key. Time comes first in the key: what is new
-- lies side by side at its end.
CREATE TABLE observation (
    observed_at timestamptz NOT NULL,
    device_key  integer NOT NULL,
    ring        smallint NOT NULL,
    seq         bigint NOT NULL DEFAULT -1,
    PRIMARY KEY (observed_at, device_key, ring, seq)
) PARTITION BY LIST (ring);
DO $$
BEGIN
    FOR ring IN 0..31 LOOP
        EXECUTE format('CREATE TABLE observation_%s PARTITION OF observation FOR VALUES IN (%s)',
                       lpad(ring::text, 2, '0'), ring);
    END LOOP;
END $$;
INSERT INTO observation (observed_at, device_key, ring, seq)
SELECT observed_at, device_key, mod(floor(extract(epoch FROM observed_at) / 86400)::bigint, 32), seq
FROM observation_before
WHERE observed_at > now() - interval '9 days';
DROP TABLE observation_before;

-- flags: 1 from the future, 2 older than a setting allows, 4 the device's clock had just jumped.
ALTER TABLE reading RENAME TO reading_before;
ALTER INDEX reading_history RENAME TO reading_history_before;
CREATE TABLE reading (
    device_key   integer NOT NULL,
    quantity_key smallint NOT NULL,
    flags        smallint NOT NULL DEFAULT 0,
    observed_at  timestamptz NOT NULL,
    received_at  timestamptz NOT NULL,
    value        double precision NOT NULL
);
INSERT INTO reading (device_key, quantity_key, observed_at, received_at, value)
SELECT device_key, quantity_key, observed_at, received_at, value FROM reading_before;
DROP VIEW gw.readings;
DROP TABLE reading_before;
CREATE INDEX reading_history ON reading (device_key, observed_at DESC);
CREATE VIEW gw.readings AS
SELECT d.id AS device, q.name AS quantity, r.observed_at, r.received_at, r.value, r.flags
FROM reading r
JOIN device d ON d.key = r.device_key
JOIN quantity q ON q.key = r.quantity_key;

-- The next number that a device should send, and when it observed the last one.
CREATE TABLE sequence (
    device_key  integer PRIMARY KEY,
    next_seq    bigint NOT NULL,
    observed_at timestamptz NOT NULL
) WITH (fillfactor = 50);

-- Numbers that never came, from one to another; closed when the last of them did come after all.
CREATE TABLE gap (
    id         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    device_key integer NOT NULL,
    first_seq  bigint NOT NULL,
    last_seq   bigint NOT NULL,
    after_at   timestamptz NOT NULL,
    before_at  timestamptz NOT NULL,
    missing    bigint NOT NULL,
    found_at   timestamptz NOT NULL DEFAULT now(),
    closed_at  timestamptz
);
CREATE INDEX gap_open ON gap (device_key, first_seq) WHERE closed_at IS NULL;

-- What is done on a timer, by whichever collector comes first.
CREATE TABLE chore (
    name        text PRIMARY KEY,
    begun_at    timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    error       text
);
