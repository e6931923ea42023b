-- Who changed what in the installation, written in the transaction of the change; and what is kept for how long,
-- where the console says other than the settings of the server.

-- what: the kind of thing. subject: which one. detail: what it was and what it is; no secrets, no telephones.
CREATE TABLE trail (
    id      bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    at      timestamptz NOT NULL DEFAULT now(),
    by      text NOT NULL,
    what    text NOT NULL,
    subject text NOT NULL,
    detail  jsonb NOT NULL DEFAULT '{}'
);

-- name: as in gridwatch/kept.py. value: days, or GB for a quota.
CREATE TABLE kept (
    name       text PRIMARY KEY,
    value      double precision NOT NULL CHECK (value > 0),
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now()
);
