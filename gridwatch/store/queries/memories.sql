-- kept --
SELECT memory FROM camera_memory WHERE camera_key = %(camera_key)s
-- keep --
-- Of a camera that was deleted meanwhile nothing is kept.
INSERT INTO camera_memory (camera_key, memory, kept_at)
SELECT key, %(memory)s, clock_timestamp() FROM device WHERE key = %(camera_key)s
ON CONFLICT (camera_key) DO UPDATE SET memory = excluded.memory, kept_at = excluded.kept_at
