-- What is usual of each channel at each hour of day, and what the rules for fire have added up of it lately.

-- hour: of the day in UTC. days: how many were seen; within, between: variance within that hour and from day to day.
CREATE TABLE usual (
    device_key   integer NOT NULL REFERENCES device ON DELETE CASCADE,
    quantity_key smallint NOT NULL,
    hour         smallint NOT NULL CHECK (hour BETWEEN 0 AND 23),
    days         real NOT NULL,
    mean         double precision NOT NULL,
    within       double precision NOT NULL,
    between_days double precision NOT NULL,
    PRIMARY KEY (device_key, hour, quantity_key)
) WITH (fillfactor = 70);

-- Every hour before it was learned from.
CREATE TABLE usual_learned (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    at  timestamptz NOT NULL
);

-- What lies above the usual of a channel in sum, and by how much all of today does, after its reading of observed_at.
CREATE TABLE fire_sum (
    device_key   integer NOT NULL REFERENCES device ON DELETE CASCADE,
    quantity_key smallint NOT NULL,
    observed_at  timestamptz NOT NULL,
    sum          real NOT NULL,
    today        real NOT NULL,
    PRIMARY KEY (device_key, quantity_key)
);
