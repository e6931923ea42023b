-- Messages that a collector is to publish again, because their device was adopted.
ALTER TABLE quarantine ADD COLUMN replay_wanted boolean NOT NULL DEFAULT false;
CREATE INDEX quarantine_wanted ON quarantine (id) WHERE replay_wanted AND replayed_at IS NULL;
CREATE INDEX quarantine_named ON quarantine (named) WHERE replayed_at IS NULL;
