-- untold: findings joined it since its last change was written, less than a second after that: one change tells
-- of all of them together.
ALTER TABLE alert ADD COLUMN untold boolean NOT NULL DEFAULT false;
CREATE INDEX alert_untold ON alert (id) WHERE untold;

-- Where an alert came from is asked for with each of its changes, of thousands of events that do not say it.
CREATE INDEX event_with_origins ON event (alert_id) WHERE origins <> '[]';
