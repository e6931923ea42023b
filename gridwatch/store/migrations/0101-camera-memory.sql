-- What detectors learn of cameras over days, such as where a view usually smokes, so that a restart does not lose it.

-- memory: in the detector's own form; what its next version can't read is learnt anew.
CREATE TABLE camera_memory (
    camera_key integer PRIMARY KEY REFERENCES device ON DELETE CASCADE,
    memory     bytea NOT NULL,
    kept_at    timestamptz NOT NULL
);
