-- Commands to devices: an outbox that collectors publish from, and what became of each command.

CREATE TABLE command (
    id           text PRIMARY KEY DEFAULT gen_random_uuid()::text,
    device_key   integer NOT NULL REFERENCES device ON DELETE CASCADE,
    seq          bigint NOT NULL,
    action       text NOT NULL,
    params       jsonb NOT NULL DEFAULT '{}',
    qos          smallint NOT NULL CHECK (qos IN (0, 1)),
    state        text NOT NULL DEFAULT 'waiting'
        CHECK (state IN ('waiting', 'sent', 'done', 'failed', 'expired')),
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_by   text NOT NULL,
    expires_at   timestamptz NOT NULL,
    -- When it is to be published next, while nobody answered; how often that was tried.
    due_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts     integer NOT NULL DEFAULT 0,
    -- When a device that counts as offline was heard all the same.
    heard_at     timestamptz,
    sent_at      timestamptz,
    answered_at  timestamptz,
    detail       text,
    late         boolean NOT NULL DEFAULT false,
    UNIQUE (device_key, seq)
);
CREATE INDEX command_open ON command (device_key) WHERE state IN ('waiting', 'sent');
CREATE INDEX command_old ON command (expires_at);

-- The number of the last command of each device; it counts on when old commands are gone.
CREATE TABLE command_seq (
    device_key integer PRIMARY KEY REFERENCES device ON DELETE CASCADE,
    last_seq   bigint NOT NULL
);

-- Who did what with a command, and what happened to it.
CREATE TABLE command_change (
    id         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    command_id text NOT NULL REFERENCES command ON DELETE CASCADE,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    change     text NOT NULL CHECK (change IN ('created', 'sent', 'not_sent', 'answered', 'expired')),
    actor      text,
    detail     text NOT NULL DEFAULT ''
);
CREATE INDEX command_change_of_command ON command_change (command_id, id);

-- A device that is back gets at once what waits for it.
CREATE FUNCTION wake_commands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE command SET due_at = clock_timestamp()
    WHERE device_key = NEW.key AND state IN ('waiting', 'sent');
    IF FOUND THEN
        PERFORM pg_notify('gridwatch_command', '');
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER device_is_back
AFTER UPDATE OF online ON device
FOR EACH ROW WHEN (NEW.online AND OLD.online IS DISTINCT FROM NEW.online)
EXECUTE FUNCTION wake_commands();
