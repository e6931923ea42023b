-- Simulated devices have outages of their own: what is real must never hide in an alert that tells nobody.
ALTER TABLE outage ADD COLUMN simulated boolean NOT NULL DEFAULT false;
DROP INDEX outage_open;
DROP INDEX outage_of_scope;
CREATE UNIQUE INDEX outage_open ON outage (kind, name, simulated) WHERE ended_at IS NULL;
CREATE INDEX outage_of_scope ON outage (kind, name, simulated, id DESC);
