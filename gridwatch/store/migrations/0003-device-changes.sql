-- Collectors keep devices in memory: they hear of each change that matters to them.

CREATE FUNCTION tell_device_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('gridwatch_device', OLD.id);
    RETURN NULL;
END $$;

CREATE TRIGGER device_changed
AFTER UPDATE OF scene, kind, name, area, lon, lat, channels OR DELETE ON device
FOR EACH ROW EXECUTE FUNCTION tell_device_changed();
