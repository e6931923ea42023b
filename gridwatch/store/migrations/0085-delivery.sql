-- How people are reached, and what became of each message to them.

-- An account with a service that carries messages; sealed: its JSON, encrypted. failing_since: it has not taken
-- a message since; bad_credential: because of what proves us to it.
CREATE TABLE service (
    name           text PRIMARY KEY,
    kind           text NOT NULL,
    sealed         bytea NOT NULL,
    changed_at     timestamptz NOT NULL DEFAULT now(),
    failing_since  timestamptz,
    bad_credential boolean NOT NULL DEFAULT false,
    last_error     text NOT NULL DEFAULT ''
);

-- The ways to a person, in their order. address_mark: a keyed hash, by which an answer finds who gave it. One
-- that is taken away stays for the history of what went by it.
CREATE TABLE channel (
    key          integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    person_key   integer NOT NULL REFERENCES person ON DELETE CASCADE,
    position     smallint NOT NULL CHECK (position >= 1),
    service      text NOT NULL REFERENCES service ON UPDATE CASCADE ON DELETE CASCADE,
    sealed       bytea NOT NULL,
    address_mark bytea NOT NULL,
    quiet_from   time,
    quiet_to     time,
    removed_at   timestamptz,
    CHECK ((quiet_from IS NULL) = (quiet_to IS NULL))
);
CREATE UNIQUE INDEX channel_of_person ON channel (person_key, position) WHERE removed_at IS NULL;
CREATE INDEX channel_of_address ON channel (address_mark);

-- One row for each call, channel and round: what makes a message single. tried_at: when it went, or may go.
-- message: as it was composed, until what became of it is known, so that it is the same when it is sent again.
-- folded_into: the message that told of this call too, as its channel took no more.
CREATE TABLE delivery (
    key          bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    call_key     bigint NOT NULL REFERENCES call ON DELETE CASCADE,
    channel_key  integer NOT NULL REFERENCES channel ON DELETE CASCADE,
    round        smallint NOT NULL,
    outcome      text NOT NULL CHECK (outcome IN ('waiting', 'sending', 'sent', 'arrived', 'failed', 'refused',
                                                  'unknown')),
    tried_at     timestamptz NOT NULL DEFAULT now(),
    settled_at   timestamptz,
    by_person_at timestamptz,
    receipt      text NOT NULL DEFAULT '',
    why          text NOT NULL DEFAULT '',
    message      jsonb,
    folded_into  bigint REFERENCES delivery ON DELETE CASCADE,
    UNIQUE (call_key, channel_key, round)
);
CREATE INDEX delivery_of_receipt ON delivery (receipt) WHERE receipt <> '';
CREATE INDEX delivery_of_channel ON delivery (channel_key, tried_at DESC);
CREATE INDEX delivery_folded ON delivery (folded_into) WHERE folded_into IS NOT NULL;
