-- claim --
INSERT INTO notification (alert_id, step, channel) VALUES (%(alert_id)s, %(step)s, %(channel)s)
ON CONFLICT DO NOTHING
