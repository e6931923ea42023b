-- In a storm each finding asks at once which alert its device told of last, and who near it tells of a fire.
CREATE INDEX event_alerted ON event (device_key, scene, observed_at DESC) INCLUDE (alert_id) WHERE alert_id IS NOT NULL;
CREATE INDEX device_place ON device (lat, lon) WHERE lat IS NOT NULL;
CREATE INDEX camera_place ON device (lat, lon) WHERE kind = 'camera' AND lat IS NOT NULL;
CREATE INDEX device_seen_by ON device USING gin (cameras);
