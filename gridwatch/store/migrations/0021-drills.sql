-- Whoever counts alerts can leave drills out.
CREATE OR REPLACE VIEW gw.alerts AS
SELECT a.id, a.scene, a.label, a.severity, a.state, a.area, d.id AS device,
       a.observed_at, a.raised_at, a.acknowledged_at, a.resolved_at, a.drill
FROM alert a
JOIN device d ON d.key = a.device_key;
