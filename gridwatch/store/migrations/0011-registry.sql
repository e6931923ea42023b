-- The registry: what is asked of a device beside its identity, and whether it is in use.

-- A channel has a quantity, and may have a unit, an interval and settings for the quality of its readings.
UPDATE device
SET channels = coalesce((
    SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
        'quantity', c -> 'quantity',
        'unit', CASE WHEN jsonb_typeof(c -> 'unit') = 'string' AND length(c ->> 'unit') <= 20 THEN c -> 'unit' END,
        'interval_s', CASE WHEN jsonb_typeof(c -> 'interval_s') = 'number'
                                AND (c ->> 'interval_s')::numeric BETWEEN 0.001 AND 31622400
                           THEN c -> 'interval_s' END)))
    FROM (SELECT DISTINCT ON (c ->> 'quantity') c FROM jsonb_array_elements(channels) AS c
          WHERE c ->> 'quantity' ~ '^[a-z][a-z0-9_]{0,63}$'
          ORDER BY c ->> 'quantity') AS named), '[]')
WHERE channels <> '[]';

-- lon and lat are WGS-84. Who stated them in another system (crs) finds what they said in stated_lon and
-- stated_lat. source is what the device is called in the system that speaks for it, as chirpstack:70b3d5….
ALTER TABLE device
    ADD COLUMN model        text NOT NULL DEFAULT '',
    ADD COLUMN source       text CONSTRAINT device_source UNIQUE DEFERRABLE,
    ADD COLUMN crs          text NOT NULL DEFAULT 'WGS-84' CHECK (crs IN ('WGS-84', 'GCJ-02', 'BD-09')),
    ADD COLUMN stated_lon   double precision,
    ADD COLUMN stated_lat   double precision,
    ADD COLUMN labels       text[] NOT NULL DEFAULT '{}',
    ADD COLUMN address      text NOT NULL DEFAULT '',
    ADD COLUMN telephone    text NOT NULL DEFAULT '',
    ADD COLUMN lift         text CONSTRAINT device_lift REFERENCES device (id) ON DELETE SET NULL DEFERRABLE,
    ADD COLUMN cameras      text[] NOT NULL DEFAULT '{}',
    ADD COLUMN playback_url text,
    ADD COLUMN state        text NOT NULL DEFAULT 'active'
        CHECK (state IN ('new', 'active', 'test', 'maintenance', 'retired')),
    ADD COLUMN state_until  timestamptz,
    ADD COLUMN state_by     text NOT NULL DEFAULT '',
    ADD CONSTRAINT device_stated CHECK ((crs = 'WGS-84') = (stated_lon IS NULL) AND (stated_lon IS NULL) = (stated_lat IS NULL)),
    ADD CONSTRAINT device_state_ends CHECK ((state IN ('test', 'maintenance')) = (state_until IS NOT NULL));
ALTER TABLE device ALTER COLUMN state SET DEFAULT 'new';
CREATE INDEX device_of_lift ON device (lift) WHERE lift IS NOT NULL;
CREATE INDEX device_of_area ON device (area) WHERE area IS NOT NULL;
CREATE INDEX device_with_label ON device USING gin (labels);

-- Test and maintenance lapse by themselves.
CREATE FUNCTION state_now(device) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN $1.state_until <= now() THEN 'active' ELSE $1.state END
$$;

DROP TRIGGER device_changed ON device;
CREATE TRIGGER device_changed
AFTER UPDATE OF scene, kind, name, area, lon, lat, channels, source, state, state_until OR DELETE ON device
FOR EACH ROW EXECUTE FUNCTION tell_device_changed();

-- A drill is an alert of a device in test: counted apart, and told only to its tester.
ALTER TABLE alert
    ADD COLUMN drill  boolean NOT NULL DEFAULT false,
    ADD COLUMN tester text NOT NULL DEFAULT '';
