-- What a camera that watches a façade knows of it, and where the things came from that it saw fall.

-- view: pixels of façade and masks, and once it is calibrated, metres, floors and windows (gridwatch.facade).
ALTER TABLE device ADD COLUMN view jsonb;
DROP TRIGGER device_changed ON device;
CREATE TRIGGER device_changed
AFTER UPDATE OF scene, kind, name, area, lon, lat, channels, source, state, state_until, view OR DELETE ON device
FOR EACH ROW EXECUTE FUNCTION tell_device_changed();

-- Who changed a view, and what it was from then on; NULL where it was taken away.
CREATE TABLE view_change (
    id         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    device_key integer NOT NULL REFERENCES device ON DELETE CASCADE,
    actor      text NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now(),
    view       jsonb
);
CREATE INDEX view_change_of_device ON view_change (device_key, id DESC);

-- Windows and floors with their probabilities, the likeliest first.
ALTER TABLE event ADD COLUMN origins jsonb NOT NULL DEFAULT '[]';
