-- The tables of the main line: registry, readings, events, alerts, evidence, quarantine, books.

CREATE TABLE installation (
    only_one     boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    token_secret bytea NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE account (
    username      text PRIMARY KEY,
    password_hash text NOT NULL,
    role          text NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE area (
    id        text PRIMARY KEY,
    parent    text REFERENCES area ON DELETE CASCADE,
    level     text NOT NULL,
    name      text NOT NULL,
    boundary  jsonb,
    simulated boolean NOT NULL DEFAULT false
);

-- Rows that repeat a device name it by its short key, not by its id.
CREATE TABLE device (
    key           integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    id            text NOT NULL UNIQUE,
    scene         text NOT NULL,
    kind          text NOT NULL CHECK (kind IN ('sensor', 'camera', 'gateway')),
    name          text NOT NULL DEFAULT '',
    area          text,
    lon           double precision,
    lat           double precision,
    channels      jsonb NOT NULL DEFAULT '[]',
    simulated     boolean NOT NULL DEFAULT false,
    online        boolean,
    online_since  timestamptz,
    created_at    timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE quantity (
    key  smallint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    name text NOT NULL UNIQUE
);

-- The identity of each observation, apart from its readings: the same one twice is found here, so that the
-- readings need no unique index. seq is -1 where the device sends none.
CREATE TABLE observation (
    device_key  integer NOT NULL,
    observed_at timestamptz NOT NULL,
    seq         bigint NOT NULL DEFAULT -1,
    PRIMARY KEY (device_key, observed_at, seq)
);

CREATE TABLE reading (
    device_key   integer NOT NULL,
    quantity_key smallint NOT NULL,
    observed_at  timestamptz NOT NULL,
    received_at  timestamptz NOT NULL,
    value        double precision NOT NULL
);
CREATE INDEX reading_history ON reading (device_key, quantity_key, observed_at DESC);

-- The identity of each frame and clip.
CREATE TABLE medium (
    device_key  integer NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('frame', 'clip')),
    observed_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (device_key, kind, observed_at)
);

CREATE TABLE lift_state (
    device_key  integer NOT NULL REFERENCES device ON DELETE CASCADE,
    observed_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    door        text,
    moving      boolean,
    door_zone   boolean,
    mode        text,
    PRIMARY KEY (device_key, observed_at)
);

CREATE TABLE command_result (
    device_key  integer NOT NULL REFERENCES device ON DELETE CASCADE,
    id          text NOT NULL,
    ok          boolean NOT NULL,
    detail      text NOT NULL DEFAULT '',
    received_at timestamptz NOT NULL,
    PRIMARY KEY (device_key, id)
);

CREATE SEQUENCE alert_change_seq;

CREATE TABLE alert (
    id               bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    seq              bigint NOT NULL DEFAULT 0,
    group_key        text NOT NULL,
    grouping         boolean NOT NULL DEFAULT true,
    scene            text NOT NULL,
    label            text NOT NULL,
    severity         text NOT NULL,
    state            text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'acknowledged', 'resolved')),
    confidence       double precision NOT NULL,
    device_key       integer NOT NULL REFERENCES device ON DELETE CASCADE,
    area             text,
    lon              double precision,
    lat              double precision,
    observed_at      timestamptz NOT NULL,
    last_observed_at timestamptz NOT NULL,
    raised_at        timestamptz NOT NULL DEFAULT now(),
    acknowledged_at  timestamptz,
    acknowledged_by  text,
    resolved_at      timestamptz,
    resolved_by      text,
    events           integer NOT NULL DEFAULT 1,
    level            text,
    assignee         text,
    simulated        boolean NOT NULL DEFAULT false
);
-- At most one alert of a group takes further events: two collectors that race meet here.
CREATE UNIQUE INDEX alert_of_group ON alert (group_key) WHERE grouping AND state <> 'resolved';
CREATE INDEX alert_newest ON alert (id DESC, state);

CREATE TABLE event (
    id          uuid PRIMARY KEY,
    device_key  integer NOT NULL REFERENCES device ON DELETE CASCADE,
    scene       text NOT NULL,
    label       text NOT NULL,
    confidence  double precision NOT NULL,
    observed_at timestamptz NOT NULL,
    started_at  timestamptz,
    ended_at    timestamptz,
    box_xyxy    double precision[],
    track       jsonb NOT NULL DEFAULT '[]',
    criteria    jsonb NOT NULL DEFAULT '{}',
    detector    text NOT NULL DEFAULT '',
    received_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    alert_id    bigint REFERENCES alert ON DELETE SET NULL
);
CREATE INDEX event_of_alert ON event (alert_id, observed_at);
CREATE INDEX event_history ON event (device_key, observed_at DESC);
CREATE INDEX event_newest ON event (recorded_at DESC);

-- One row for each file (by content hash) or link that shows an event.
CREATE TABLE evidence (
    event_id   uuid NOT NULL REFERENCES event ON DELETE CASCADE,
    position   smallint NOT NULL,
    media_type text NOT NULL,
    sha256     text,
    size       bigint,
    url        text,
    masked     boolean NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (event_id, position),
    CHECK ((sha256 IS NULL) <> (url IS NULL))
);
CREATE INDEX evidence_of_file ON evidence (sha256);

-- Who looked at evidence that shows more than the finding.
CREATE TABLE evidence_view (
    id        bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    event_id  uuid NOT NULL,
    position  smallint NOT NULL,
    username  text NOT NULL,
    viewed_at timestamptz NOT NULL DEFAULT now()
);

-- Every change of an alert as it was then; live feeds resume from here. seq is drawn last in its
-- transaction and under a lock, so that it follows the order of commits.
CREATE TABLE alert_change (
    seq        bigint PRIMARY KEY,
    alert_id   bigint NOT NULL REFERENCES alert ON DELETE CASCADE,
    change     text NOT NULL,
    actor      text,
    changed_at timestamptz NOT NULL DEFAULT now(),
    alert      jsonb NOT NULL
);
CREATE INDEX alert_change_of_alert ON alert_change (alert_id, seq);

CREATE TABLE notification (
    alert_id bigint NOT NULL REFERENCES alert ON DELETE CASCADE,
    step     text NOT NULL,
    channel  text NOT NULL,
    sent_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (alert_id, step, channel)
);

CREATE TABLE quarantine (
    id          bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    topic       text NOT NULL,
    payload     bytea NOT NULL,
    reason      text NOT NULL,
    decoder     text NOT NULL,
    received_at timestamptz NOT NULL,
    digest      bytea NOT NULL,
    replayed_at timestamptz,
    outcome     text
);
-- The same message twice waits once; the digest is of topic and payload.
CREATE UNIQUE INDEX quarantine_waiting ON quarantine (digest) WHERE replayed_at IS NULL;

-- What became of every message, by device; the device '' stands for all that are not registered.
CREATE TABLE book (
    device      text PRIMARY KEY,
    received    bigint NOT NULL DEFAULT 0,
    stored      bigint NOT NULL DEFAULT 0,
    duplicate   bigint NOT NULL DEFAULT 0,
    quarantined bigint NOT NULL DEFAULT 0,
    skipped     bigint NOT NULL DEFAULT 0
);

CREATE TABLE collector (
    client_id    text PRIMARY KEY,
    pid          integer NOT NULL,
    started_at   timestamptz NOT NULL DEFAULT now(),
    heartbeat_at timestamptz NOT NULL DEFAULT now(),
    subscribed   boolean NOT NULL DEFAULT false
);
