-- How far each device's clock is ahead, and what happened to the broker.

CREATE TABLE device_clock (
    device_key integer PRIMARY KEY REFERENCES device ON DELETE CASCADE,
    skew_s     double precision NOT NULL,
    sure       boolean NOT NULL,
    jumped_at  timestamptz,
    updated_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

-- The broker as it was last seen; an uptime that is less than before is a restart.
CREATE TABLE broker (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    version  text NOT NULL,
    uptime_s double precision NOT NULL,
    kept     bigint NOT NULL,
    dropped  bigint NOT NULL,
    seen_at  timestamptz NOT NULL
);

CREATE TABLE broker_incident (
    id     bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    at     timestamptz NOT NULL,
    what   text NOT NULL CHECK (what IN ('restarted', 'dropped', 'forgot')),
    count  bigint NOT NULL DEFAULT 1,
    detail text NOT NULL
);

-- What a collector says of itself beside its heartbeat.
ALTER TABLE collector ADD COLUMN figures jsonb NOT NULL DEFAULT '{}';
