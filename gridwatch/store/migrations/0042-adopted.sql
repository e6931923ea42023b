-- Who was adopted, by the name that quarantine knows: what a collector had in its hand at that moment came too
-- late to be found there, and is looked for once more.
CREATE TABLE adopted (
    name text PRIMARY KEY,
    at   timestamptz NOT NULL
);
