-- The stable views for analysts and dashboards, whatever the tables become.

CREATE SCHEMA IF NOT EXISTS gw;

CREATE VIEW gw.readings AS
SELECT d.id AS device, q.name AS quantity, r.observed_at, r.received_at, r.value
FROM reading r
JOIN device d ON d.key = r.device_key
JOIN quantity q ON q.key = r.quantity_key;

CREATE VIEW gw.events AS
SELECT e.id, d.id AS device, e.scene, e.label, e.confidence, e.observed_at, e.received_at, e.alert_id
FROM event e
JOIN device d ON d.key = e.device_key;

CREATE VIEW gw.alerts AS
SELECT a.id, a.scene, a.label, a.severity, a.state, a.area, d.id AS device,
       a.observed_at, a.raised_at, a.acknowledged_at, a.resolved_at
FROM alert a
JOIN device d ON d.key = a.device_key;

CREATE VIEW gw.quarantine AS
SELECT id, topic, reason, received_at FROM quarantine;
