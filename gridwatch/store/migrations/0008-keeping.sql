-- What is kept and for how long: holds on evidence, the log of what was deleted, messages dropped from
-- quarantine, and how full both stores are.

-- Evidence of an event, or of all events of an alert, that nothing may delete until it is released. Without
-- references: who held what is remembered for longer than the thing.
CREATE TABLE evidence_hold (
    id          bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    event_id    uuid,
    alert_id    bigint,
    reason      text NOT NULL,
    held_by     text NOT NULL,
    held_at     timestamptz NOT NULL DEFAULT now(),
    released_by text,
    released_at timestamptz,
    CHECK ((event_id IS NULL) <> (alert_id IS NULL))
);
CREATE UNIQUE INDEX evidence_hold_of_event ON evidence_hold (event_id) WHERE released_at IS NULL;
CREATE UNIQUE INDEX evidence_hold_of_alert ON evidence_hold (alert_id) WHERE released_at IS NULL;

-- Every piece of evidence that is not shown any more. A file named here that no row of evidence shows is
-- removed, also by the sweep after a crash between this row and the file.
CREATE TABLE evidence_deletion (
    id          bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    event_id    uuid NOT NULL,
    position    smallint NOT NULL,
    media_type  text NOT NULL,
    sha256      text NOT NULL,
    bytes       bigint NOT NULL,
    masked      boolean NOT NULL,
    class       text NOT NULL,
    why         text NOT NULL,
    recorded_at timestamptz NOT NULL,
    deleted_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX evidence_deletion_of_event ON evidence_deletion (event_id);
CREATE INDEX evidence_deletion_of_file ON evidence_deletion (sha256);

-- The class of each file that shows an event, since when its time counts, and whether it is held. What is
-- simulated is nobody's evidence, whatever became of its alert.
CREATE VIEW evidence_kept AS
SELECT v.event_id, v.position, v.media_type, v.sha256, v.size, v.masked, v.created_at, e.alert_id,
       CASE WHEN d.simulated THEN 'simulated'
            WHEN a.state <> 'resolved' THEN 'unresolved'
            WHEN NOT v.masked THEN 'original'
            WHEN a.id IS NULL THEN 'event'
            ELSE 'alert' END AS class,
       greatest(v.created_at, a.resolved_at) AS kept_from,
       EXISTS (SELECT FROM evidence_hold h WHERE h.event_id = v.event_id AND h.released_at IS NULL)
       OR EXISTS (SELECT FROM evidence_hold h WHERE h.alert_id = e.alert_id AND h.released_at IS NULL) AS held
FROM evidence v
JOIN event e ON e.id = v.event_id
JOIN device d ON d.key = e.device_key
LEFT JOIN alert a ON a.id = e.alert_id
WHERE v.sha256 IS NOT NULL;

-- Messages that left quarantine unread, so that the books stay explained; sender '' stands for all that are
-- not registered.
CREATE TABLE quarantine_drop (
    id         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    sender     text NOT NULL,
    why        text NOT NULL,
    messages   bigint NOT NULL,
    replayed   bigint NOT NULL,
    bytes      bigint NOT NULL,
    first_at   timestamptz NOT NULL,
    last_at    timestamptz NOT NULL,
    dropped_at timestamptz NOT NULL DEFAULT now()
);

-- How full a store is, as last measured; warned_at: since when it is so full that people were warned.
CREATE TABLE fill (
    name        text PRIMARY KEY,
    count       bigint NOT NULL,
    bytes       bigint NOT NULL,
    quota_bytes bigint,
    share       double precision NOT NULL,
    measured_at timestamptz NOT NULL DEFAULT now(),
    warned_at   timestamptz
);

-- What each quarantined message weighs, with its overhead, and whose it is: `named` is the device that the
-- topic names, `sender` the same where it is registered, else ''.
CREATE VIEW quarantine_weight AS
SELECT q.id, q.received_at, q.replayed_at IS NULL AS waiting, coalesce(d.id, '') AS sender,
       split_part(q.topic, '/', 3) AS named,
       octet_length(q.payload) + octet_length(q.topic) + octet_length(q.reason) + 200 AS bytes
FROM quarantine q
LEFT JOIN device d ON d.id = split_part(q.topic, '/', 3);
