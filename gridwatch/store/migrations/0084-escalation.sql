-- How often people were called for an alert, ever: it tells the steps of one alert apart.
ALTER TABLE alert ADD COLUMN turn integer NOT NULL DEFAULT 0;

-- Without them the deletion of a device or a person reads all alerts.
CREATE INDEX alert_duplicate ON alert (duplicate_of) WHERE duplicate_of IS NOT NULL;
CREATE INDEX alert_assignee ON alert (assignee_key) WHERE assignee_key IS NOT NULL;

-- Jobs that were carried out, so that one which a killed worker left is not carried out again.
CREATE TABLE routed (
    job_id    bigint PRIMARY KEY,
    routed_at timestamptz NOT NULL DEFAULT now()
);
