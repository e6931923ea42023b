-- Lifts that may be asked to keep their door open for an e-bike: how each is wired, what it said last, how its
-- interlock stands, and who did what.

-- mode: observe sends nothing. voice: text by language; NULL: the usual words.
CREATE TABLE lift (
    device_key     integer PRIMARY KEY REFERENCES device ON DELETE CASCADE,
    mode           text NOT NULL DEFAULT 'observe' CHECK (mode IN ('observe', 'relay', 'controller')),
    voice          jsonb,
    repeat_s       double precision NOT NULL DEFAULT 12 CHECK (repeat_s BETWEEN 10 AND 15),
    disabled_until timestamptz,
    -- How often a person let go of it: a request that was made before the last time is refused.
    releases       integer NOT NULL DEFAULT 0,
    released_at    timestamptz,
    released_false boolean NOT NULL DEFAULT false,
    -- How its interlock stands, as a collector told last.
    state          text NOT NULL DEFAULT 'clear',
    why            text NOT NULL DEFAULT '',
    camera         text NOT NULL DEFAULT '',
    told_at        timestamptz,
    -- For how long it was held in this stretch, and for how long its cabin was watched in all.
    spent_s        double precision NOT NULL DEFAULT 0,
    watched_s      double precision NOT NULL DEFAULT 0
);

-- The last word of each lift about itself in the order of arrival: clocks may jump.
CREATE TABLE lift_word (
    device_key  integer PRIMARY KEY REFERENCES device ON DELETE CASCADE,
    observed_at timestamptz NOT NULL,
    heard_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    door        text,
    moving      boolean,
    door_zone   boolean,
    mode        text
);

-- What was held, or in mode observe would have been. verdict: what a person says of it.
CREATE TABLE lift_hold (
    id         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    device_key integer NOT NULL REFERENCES device ON DELETE CASCADE,
    camera     text NOT NULL,
    mode       text NOT NULL,
    began_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    told_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at   timestamptz,
    ended      text,
    verdict    text CHECK (verdict IN ('right', 'false_alarm')),
    verdict_by text,
    verdict_at timestamptz,
    note       text NOT NULL DEFAULT ''
);
CREATE INDEX lift_hold_of_lift ON lift_hold (device_key, id DESC);
CREATE UNIQUE INDEX lift_hold_open ON lift_hold (device_key) WHERE ended_at IS NULL;

CREATE TABLE lift_change (
    id         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    device_key integer NOT NULL REFERENCES device ON DELETE CASCADE,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    change     text NOT NULL CHECK (change IN ('set', 'disabled', 'enabled', 'released', 'judged')),
    actor      text NOT NULL,
    reason     text NOT NULL DEFAULT '',
    detail     text NOT NULL DEFAULT ''
);
CREATE INDEX lift_change_of_lift ON lift_change (device_key, id DESC);

-- Collectors hear at once what a lift says and what people decide.
CREATE FUNCTION tell_lift(lift integer) RETURNS void LANGUAGE sql AS $$
    SELECT pg_notify('gridwatch_lift', id) FROM device WHERE key = $1
$$;

CREATE FUNCTION hear_lift() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO lift_word (device_key, observed_at, door, moving, door_zone, mode)
    VALUES (NEW.device_key, NEW.observed_at, NEW.door, NEW.moving, NEW.door_zone, NEW.mode)
    ON CONFLICT (device_key) DO UPDATE
    SET observed_at = excluded.observed_at, heard_at = excluded.heard_at, door = excluded.door,
        moving = excluded.moving, door_zone = excluded.door_zone, mode = excluded.mode;
    PERFORM tell_lift(NEW.device_key);
    RETURN NULL;
END $$;

CREATE TRIGGER lift_spoke AFTER INSERT ON lift_state FOR EACH ROW EXECUTE FUNCTION hear_lift();

INSERT INTO lift_word (device_key, observed_at, heard_at, door, moving, door_zone, mode)
SELECT DISTINCT ON (device_key) device_key, observed_at, received_at, door, moving, door_zone, mode
FROM lift_state ORDER BY device_key, received_at DESC, observed_at DESC;

CREATE FUNCTION lift_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM tell_lift(NEW.device_key);
    RETURN NULL;
END $$;

CREATE TRIGGER lift_set
AFTER INSERT OR UPDATE OF mode, voice, repeat_s, disabled_until, releases ON lift
FOR EACH ROW EXECUTE FUNCTION lift_changed();

-- A camera that looks into another lift now is no other device.
CREATE TRIGGER device_lift_changed
AFTER UPDATE OF lift ON device
FOR EACH ROW WHEN (OLD.lift IS DISTINCT FROM NEW.lift) EXECUTE FUNCTION tell_device_changed();
