-- What the page of grid workers needs: requests that were carried out once, photos, tries of channels.

-- A request that a phone may send again because it did not hear the answer; key: the phone's, unique to its user.
CREATE TABLE done_request (
    username text NOT NULL,
    key      text NOT NULL,
    alert_id bigint NOT NULL REFERENCES alert ON DELETE CASCADE,
    action   text NOT NULL,
    done_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (username, key)
);
CREATE INDEX done_request_of_alert ON done_request (alert_id);
CREATE INDEX done_request_age ON done_request (done_at);

-- Messages that somebody sent to a channel of their own to see whether it works.
CREATE TABLE channel_trial (
    key         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    channel_key integer NOT NULL REFERENCES channel ON DELETE CASCADE,
    tried_at    timestamptz NOT NULL DEFAULT now(),
    taken       boolean,
    why         text NOT NULL DEFAULT ''
);
CREATE INDEX channel_trial_of_channel ON channel_trial (channel_key, tried_at DESC);

-- Who took which alerts: figures of one person are not looked for among all changes.
CREATE INDEX alert_change_taken ON alert_change (actor, alert_id) WHERE change = 'accept';

-- A photo that a person took is no finding.
CREATE OR REPLACE VIEW gw.events AS
SELECT e.id, d.id AS device, e.scene, e.label, e.confidence, e.observed_at, e.received_at, e.alert_id
FROM event e
JOIN device d ON d.key = e.device_key
WHERE e.scene <> 'photo';
