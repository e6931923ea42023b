-- Readings that can't be right, and who is missed while a device is tested.

-- A device in test is watched by its tester; what is missed of it is missed when the test has ended.
CREATE OR REPLACE VIEW channel_due AS
SELECT w.device_key, w.quantity, w.heard_at, w.looked_at, w.silent_since,
       least(greatest(w.heard_at, w.watched_at, CASE WHEN w.silent_since IS NULL THEN l.since END)
                 + greatest(3 * w.interval_s, 90) * interval '1 s',
             CASE WHEN NOT d.online AND d.online_since > greatest(w.heard_at, w.watched_at)
                  THEN d.online_since + interval '30 s' END,
             CASE WHEN NOT g.online AND g.online_since > greatest(w.heard_at, w.watched_at)
                  THEN g.online_since + interval '30 s' END) AS due_at,
       s.state = 'active'
       OR s.state = 'new' AND EXISTS (SELECT FROM channel_watch o
                                      WHERE o.device_key = w.device_key AND o.heard_at IS NOT NULL) AS missed
FROM channel_watch w
JOIN device d ON d.key = w.device_key
CROSS JOIN LATERAL (SELECT state_now(d) AS state) s
LEFT JOIN device g ON g.id = d.gateway
CROSS JOIN listening l;

-- Each channel whose readings are tested, and its limits. What was received until looked_at is tested; came_at:
-- when any came; flat_looked_at: when it was last looked for a flat line. mean follows the readings over some
-- hours, since mean_since.
CREATE TABLE quality_watch (
    device_key     integer NOT NULL REFERENCES device ON DELETE CASCADE,
    quantity       text NOT NULL,
    interval_s     double precision NOT NULL,
    low            double precision,
    high           double precision,
    flat_s         double precision,
    flat_within    double precision NOT NULL,
    spike          double precision,
    drift          double precision,
    looked_at      timestamptz NOT NULL,
    came_at        timestamptz NOT NULL,
    flat_looked_at timestamptz NOT NULL,
    mean           double precision,
    mean_since     timestamptz,
    PRIMARY KEY (device_key, quantity)
) WITH (fillfactor = 70);

-- Readings of a channel, from one to another time of observation, that have a flag: 8 flat line, 16 out of range,
-- 32 spike, 64 drift against the neighbours. Beside the readings, for these are compressed and never changed.
CREATE TABLE doubt (
    id           bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    device_key   integer NOT NULL REFERENCES device ON DELETE CASCADE,
    quantity_key smallint NOT NULL,
    flag         smallint NOT NULL CHECK (flag IN (8, 16, 32, 64)),
    from_at      timestamptz NOT NULL,
    until_at     timestamptz NOT NULL,
    readings     bigint NOT NULL,
    value        double precision NOT NULL,
    seen_at      timestamptz NOT NULL
);
CREATE INDEX doubt_of_channel ON doubt (device_key, quantity_key, until_at);
CREATE INDEX doubt_lately ON doubt (seen_at);

-- The alert that tells of a device's doubts of one kind, until they are over.
CREATE TABLE doubt_told (
    device_key integer NOT NULL REFERENCES device ON DELETE CASCADE,
    flag       smallint NOT NULL,
    alert_id   bigint NOT NULL REFERENCES alert ON DELETE CASCADE,
    PRIMARY KEY (device_key, flag)
);

CREATE OR REPLACE VIEW gw.readings AS
SELECT d.id AS device, q.name AS quantity, r.observed_at,
       r.observed_at + r.delay_ms * interval '1 ms' AS received_at, r.scaled / r.divisor AS value,
       r.flags | coalesce((SELECT bit_or(o.flag) FROM doubt o
                           WHERE o.device_key = r.device_key AND o.quantity_key = r.quantity_key
                             AND o.until_at >= r.observed_at AND o.from_at <= r.observed_at), 0::smallint) AS flags
FROM readings r
JOIN device d ON d.key = r.device_key
JOIN quantity q ON q.key = r.quantity_key;
