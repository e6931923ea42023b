-- Which channels are missed, and the outages of which people are told.

-- Through which other device a device speaks: when that is gone, nobody hears this one.
ALTER TABLE device ADD COLUMN gateway text CONSTRAINT device_gateway REFERENCES device (id) ON DELETE SET NULL DEFERRABLE;
CREATE INDEX device_of_gateway ON device (gateway) WHERE gateway IS NOT NULL;

-- Since when collectors listen without a break, and when that was last so: silence before is none of a device.
CREATE TABLE listening (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    since    timestamptz NOT NULL,
    until    timestamptz NOT NULL
);

-- What was missed at about the same time, and is one thing to repair: a device, all that speaks through a
-- gateway, an area, or everything. It may become part of a wider one until grows_until. times: how often it
-- began anew; well_since: none is silent any more; most: the most devices that it had.
CREATE TABLE outage (
    id          bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    kind        text NOT NULL CHECK (kind IN ('device', 'gateway', 'area', 'everything')),
    name        text NOT NULL,
    began_at    timestamptz NOT NULL,
    grows_until timestamptz NOT NULL,
    well_since  timestamptz,
    ended_at    timestamptz,
    times       integer NOT NULL DEFAULT 1,
    most        integer NOT NULL,
    alert_id    bigint REFERENCES alert ON DELETE SET NULL
);
CREATE UNIQUE INDEX outage_open ON outage (kind, name) WHERE ended_at IS NULL;
CREATE INDEX outage_of_scope ON outage (kind, name, id DESC);

-- Each channel that has an interval. heard_at is a time of receipt and may lie behind: only what is due is
-- looked up among the readings. looked_at: what was received before is taken into account.
CREATE TABLE channel_watch (
    device_key   integer NOT NULL REFERENCES device ON DELETE CASCADE,
    quantity     text NOT NULL,
    interval_s   double precision NOT NULL,
    watched_at   timestamptz NOT NULL,
    looked_at    timestamptz NOT NULL,
    heard_at     timestamptz,
    silent_since timestamptz,
    PRIMARY KEY (device_key, quantity)
) WITH (fillfactor = 70);

-- The devices of which a channel is silent, and the outage that each belongs to. Until ripe_at others that fell
-- silent with it are waited for.
CREATE TABLE silence (
    device_key integer PRIMARY KEY REFERENCES device ON DELETE CASCADE,
    since      timestamptz NOT NULL,
    ripe_at    timestamptz NOT NULL,
    outage_id  bigint REFERENCES outage ON DELETE SET NULL
);
CREATE INDEX silence_of_outage ON silence (outage_id);

-- When each channel counts as silent unless it is heard: after three intervals of listening, but no sooner
-- than 90 s, which outlasts a restart; or 30 s after its device, or that one's gateway, was said to be gone.
-- What is silent stays so until it is heard.
-- missed: nobody misses what is in maintenance or retired, nor what was never heard since it is registered.
CREATE VIEW channel_due AS
SELECT w.device_key, w.quantity, w.heard_at, w.looked_at, w.silent_since,
       least(greatest(w.heard_at, w.watched_at, CASE WHEN w.silent_since IS NULL THEN l.since END)
                 + greatest(3 * w.interval_s, 90) * interval '1 s',
             CASE WHEN NOT d.online AND d.online_since > greatest(w.heard_at, w.watched_at)
                  THEN d.online_since + interval '30 s' END,
             CASE WHEN NOT g.online AND g.online_since > greatest(w.heard_at, w.watched_at)
                  THEN g.online_since + interval '30 s' END) AS due_at,
       s.state IN ('active', 'test')
       OR s.state = 'new' AND EXISTS (SELECT FROM channel_watch o
                                      WHERE o.device_key = w.device_key AND o.heard_at IS NOT NULL) AS missed
FROM channel_watch w
JOIN device d ON d.key = w.device_key
CROSS JOIN LATERAL (SELECT state_now(d) AS state) s
LEFT JOIN device g ON g.id = d.gateway
CROSS JOIN listening l;

-- What people see of an alert about an outage: its scope, and how many devices of how many are silent.
ALTER TABLE alert ADD COLUMN outage jsonb;

-- heard_at may lie behind by as much as a channel may be silent.
CREATE VIEW gw.channels AS
SELECT d.id AS device, w.quantity, w.interval_s, w.heard_at, w.silent_since, o.alert_id
FROM channel_watch w
JOIN device d ON d.key = w.device_key
LEFT JOIN silence s ON s.device_key = w.device_key AND w.silent_since IS NOT NULL
LEFT JOIN outage o ON o.id = s.outage_id;
