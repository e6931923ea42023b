-- Who was adopted, by the name that quarantine knows: what a collector had in its hand at that moment came too
-- late to be found there, and is looked for once more.
CREATE TABLE adopted (
    name text PRIMARY KEY,
    at   timestamptz NOT NULL
);

-- Collectors link devices of foreign formats to the gateway that they speak through, where none is stated.
CREATE TRIGGER device_gateway_changed
AFTER UPDATE OF gateway ON device
FOR EACH ROW WHEN (OLD.gateway IS DISTINCT FROM NEW.gateway) EXECUTE FUNCTION tell_device_changed();
