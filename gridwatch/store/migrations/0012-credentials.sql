-- Who may connect: a secret or a certificate for each device, and what was done with them.

-- username: what the broker knows it by; the device's id, or that with ~2, ~3 … while an older one is still
-- good. hash: Mosquitto's own form of PBKDF2-SHA512. lookup: the secret under the installation's key, for who
-- brings nothing but a secret. serial: of the certificate. After ends_at it is none any more.
CREATE TABLE credential (
    id         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    device_key integer NOT NULL REFERENCES device ON DELETE CASCADE,
    username   text NOT NULL,
    hash       text,
    lookup     bytea,
    serial     text,
    issued_at  timestamptz NOT NULL DEFAULT now(),
    issued_by  text NOT NULL,
    ends_at    timestamptz,
    revoked_at timestamptz,
    CHECK ((hash IS NULL) = (lookup IS NULL) AND (hash IS NULL) = (serial IS NOT NULL))
);
CREATE UNIQUE INDEX credential_in_use ON credential (username) WHERE revoked_at IS NULL;
CREATE UNIQUE INDEX credential_lookup ON credential (lookup) WHERE revoked_at IS NULL;
CREATE INDEX credential_of_device ON credential (device_key);

-- Topics of foreign formats that a gateway may use beside gw/v1, as frigate/#.
CREATE TABLE foreign_topic (
    device_key integer NOT NULL REFERENCES device ON DELETE CASCADE,
    topic      text NOT NULL,
    PRIMARY KEY (device_key, topic)
);

-- Each lets one device claim its credential, once.
CREATE TABLE bootstrap_token (
    digest     bytea PRIMARY KEY,
    batch      text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by text NOT NULL,
    ends_at    timestamptz NOT NULL,
    used_at    timestamptz,
    used_by    text
);

-- What was done with credentials and tokens, by whom; it outlives the devices.
CREATE TABLE access_log (
    id      bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    at      timestamptz NOT NULL DEFAULT now(),
    actor   text NOT NULL,
    action  text NOT NULL,
    device  text NOT NULL,
    detail  text NOT NULL DEFAULT ''
);
CREATE INDEX access_log_of_device ON access_log (device, id DESC);

-- Whoever writes the broker's files hears of a change in the moment of its commit.
CREATE FUNCTION tell_access_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('gridwatch_access', '');
    RETURN NULL;
END $$;

CREATE TRIGGER credential_changed
AFTER INSERT OR UPDATE OR DELETE ON credential
FOR EACH STATEMENT EXECUTE FUNCTION tell_access_changed();

CREATE TRIGGER foreign_topic_changed
AFTER INSERT OR UPDATE OR DELETE ON foreign_topic
FOR EACH STATEMENT EXECUTE FUNCTION tell_access_changed();
