-- The way of an alert through the hands of people: its states, who was called and why, and when what is due.

-- ended: nobody need act any more. One definition for all that asks; a closed alert takes no further events.
ALTER TABLE alert DROP CONSTRAINT alert_state_check;
ALTER TABLE alert
    ADD CONSTRAINT alert_state_check CHECK (state IN ('open', 'acknowledged', 'accepted', 'handling',
        'resolved', 'verified', 'closed', 'false_alarm', 'duplicate')),
    ADD COLUMN ended boolean NOT NULL GENERATED ALWAYS AS
        (state IN ('resolved', 'verified', 'closed', 'false_alarm', 'duplicate')) STORED,
    ADD COLUMN state_since   timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN accepted_at   timestamptz,
    ADD COLUMN accepted_by   text,
    ADD COLUMN arrived_at    timestamptz,
    ADD COLUMN verified_at   timestamptz,
    ADD COLUMN verified_by   text,
    ADD COLUMN closed_at     timestamptz,
    ADD COLUMN closed_by     text,
    ADD COLUMN duplicate_of  bigint REFERENCES alert ON DELETE SET NULL,
    -- Whose it is, of the people on the roster; `assignee` is that one's name.
    ADD COLUMN assignee_key  integer REFERENCES person ON DELETE SET NULL,
    -- Rungs of the ladder that were called since it was opened (level:area), and how often all were called anew.
    ADD COLUMN called        text[] NOT NULL DEFAULT '{}',
    ADD COLUMN rounds        integer NOT NULL DEFAULT 0,
    -- When somebody of the field said that they had seen it: it is theirs to accept for a while.
    ADD COLUMN seen_at       timestamptz,
    -- When the policy looks at it again; the job that does so carries the same time.
    ADD COLUMN due_at        timestamptz;
UPDATE alert SET state_since = coalesce(resolved_at, acknowledged_at, raised_at);

DROP INDEX alert_of_group;
CREATE UNIQUE INDEX alert_of_group ON alert (group_key) WHERE grouping AND NOT ended;
CREATE INDEX alert_due ON alert (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX alert_live ON alert (id) WHERE NOT ended;

-- What a change was about: a reason, a text, who was called and why, what is due next.
ALTER TABLE alert_change ADD COLUMN detail jsonb NOT NULL DEFAULT '{}';

-- That a person is to be told of an alert; person_key NULL stands for the channels of the installation. One row
-- for each step in which somebody is called: 'raised', 'now critical', 'escalated:town', 'remind:2', …
-- urgent: life is in danger, so quiet hours don't count, and it is repeated until somebody was reached.
-- reached_at: a channel confirmed that the person has it. ended_at: it is not wanted any more.
CREATE TABLE call (
    key         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    alert_id    bigint NOT NULL REFERENCES alert ON DELETE CASCADE,
    person_key  integer REFERENCES person ON DELETE CASCADE,
    step        text NOT NULL,
    why         jsonb NOT NULL DEFAULT '{}',
    asked_at    timestamptz NOT NULL DEFAULT now(),
    urgent      boolean NOT NULL,
    reached_at  timestamptz,
    answered_at timestamptz,
    answer      text,
    ended_at    timestamptz,
    UNIQUE NULLS NOT DISTINCT (alert_id, person_key, step)
);
CREATE INDEX call_of_person ON call (person_key, asked_at DESC);

-- Times in which nobody is called for an area with all below it, a device or a scene: a silence, or planned
-- maintenance. Life safety is never muted.
CREATE TABLE mute (
    id         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    kind       text NOT NULL CHECK (kind IN ('silence', 'maintenance')),
    area       text REFERENCES area ON UPDATE CASCADE ON DELETE CASCADE,
    device     text REFERENCES device (id) ON DELETE CASCADE,
    scene      text,
    reason     text NOT NULL,
    starts_at  timestamptz NOT NULL DEFAULT now(),
    ends_at    timestamptz NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    lifted_by  text,
    lifted_at  timestamptz,
    CHECK (ends_at > starts_at),
    CHECK (coalesce(area, device, scene) IS NOT NULL)
);
CREATE INDEX mute_by_end ON mute (ends_at);

-- What is not ended is kept, whatever the state is called.
CREATE OR REPLACE VIEW evidence_kept AS
SELECT v.event_id, v.position, v.media_type, v.sha256, v.size, v.masked, v.created_at, e.alert_id,
       CASE WHEN d.simulated THEN 'simulated'
            WHEN NOT a.ended THEN 'unresolved'
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

CREATE OR REPLACE VIEW gw.alerts AS
SELECT a.id, a.scene, a.label, a.severity, a.state, a.area, d.id AS device,
       a.observed_at, a.raised_at, a.acknowledged_at, a.resolved_at, a.drill,
       a.accepted_at, a.arrived_at, a.verified_at, a.closed_at
FROM alert a
JOIN device d ON d.key = a.device_key;
