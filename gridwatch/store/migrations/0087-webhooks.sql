-- Receivers of other systems that are told of alerts, and what became of each message to them.

-- sealed: address and secret, encrypted; shown: the part of the address that is no secret. area: only what happens in
-- it and below, NULL for everything. failing_since: it has taken nothing since; nothing is tried before retry_at.
CREATE TABLE webhook (
    name          text PRIMARY KEY,
    sealed        bytea NOT NULL,
    shown         text NOT NULL,
    form          text NOT NULL CHECK (form IN ('cloudevents', 'cap')),
    area          text,
    drills        boolean NOT NULL DEFAULT false,
    changed_at    timestamptz NOT NULL DEFAULT now(),
    failing_since timestamptz,
    failures      integer NOT NULL DEFAULT 0,
    retry_at      timestamptz,
    last_error    text NOT NULL DEFAULT ''
);

-- One row for each receiver and change, written in the change's own transaction. folded: a later one told the same
-- and more. dead: it was refused, or tried for too long; an administrator may have it sent again.
CREATE TABLE webhook_message (
    key        bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    webhook    text NOT NULL REFERENCES webhook ON UPDATE CASCADE ON DELETE CASCADE,
    seq        bigint NOT NULL REFERENCES alert_change ON DELETE CASCADE,
    alert_id   bigint NOT NULL,
    state      text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'folded', 'dead')),
    attempts   integer NOT NULL DEFAULT 0,
    settled_at timestamptz,
    why        text NOT NULL DEFAULT '',
    replayed_at timestamptz,
    UNIQUE (webhook, seq)
);
CREATE INDEX webhook_message_of_change ON webhook_message (seq);
CREATE INDEX webhook_message_open ON webhook_message (webhook, alert_id, seq) WHERE state IN ('waiting', 'dead');
CREATE INDEX webhook_message_old ON webhook_message (settled_at) WHERE settled_at IS NOT NULL;
