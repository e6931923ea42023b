-- What a certificate that was taken back leaves behind, and what may happen at a broker that strangers reach.

-- It is no good any more, also when its device is deleted: the broker's list of revoked certificates.
CREATE TABLE revoked_certificate (
    serial     text PRIMARY KEY,
    revoked_at timestamptz NOT NULL DEFAULT now()
);

CREATE FUNCTION note_revoked_certificate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO revoked_certificate (serial) VALUES (OLD.serial) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

CREATE TRIGGER certificate_revoked
AFTER UPDATE OF revoked_at ON credential
FOR EACH ROW WHEN (OLD.serial IS NOT NULL AND NEW.revoked_at IS NOT NULL)
EXECUTE FUNCTION note_revoked_certificate();

CREATE TRIGGER certificate_deleted
AFTER DELETE ON credential
FOR EACH ROW WHEN (OLD.serial IS NOT NULL)
EXECUTE FUNCTION note_revoked_certificate();

ALTER TABLE broker_incident DROP CONSTRAINT broker_incident_what_check;
ALTER TABLE broker_incident ADD CONSTRAINT broker_incident_what_check
    CHECK (what IN ('restarted', 'dropped', 'forgot', 'flooded', 'trespassed', 'taken over'));

-- Who speaks for whom, and who is retired, are matters of access too.
CREATE TRIGGER device_access_changed
AFTER UPDATE OF gateway, state ON device
FOR EACH STATEMENT EXECUTE FUNCTION tell_access_changed();
