-- Who is responsible for which areas, and when: people, responsibilities, shifts, leave.

-- code: the number at work, the key of a person in files. duties: what stands on the contact card.
CREATE TABLE person (
    key        integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    code       text NOT NULL UNIQUE,
    name       text NOT NULL,
    phone      text,
    language   text NOT NULL DEFAULT 'zh-CN',
    duties     text NOT NULL DEFAULT '',
    username   text UNIQUE REFERENCES account ON UPDATE CASCADE ON DELETE SET NULL,
    simulated  boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- rank: 1 is responsible, 2 and more stand in, in this order. scenes: NULL for all.
CREATE TABLE responsibility (
    person_key integer NOT NULL REFERENCES person ON DELETE CASCADE,
    area       text NOT NULL REFERENCES area ON UPDATE CASCADE ON DELETE CASCADE,
    rank       smallint NOT NULL DEFAULT 1 CHECK (rank >= 1),
    scenes     text[],
    PRIMARY KEY (person_key, area)
);
CREATE INDEX responsibility_of_area ON responsibility (area);

-- area: NULL for all of that person's. days: 1 is Monday, 7 Sunday. Times are local; a shift that ends no later
-- than it starts passes midnight, and belongs to the day on which it starts. valid_to is its last day.
CREATE TABLE shift (
    key        integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    person_key integer NOT NULL REFERENCES person ON DELETE CASCADE,
    area       text REFERENCES area ON UPDATE CASCADE ON DELETE CASCADE,
    days       smallint[] NOT NULL DEFAULT '{1,2,3,4,5,6,7}' CHECK (days <@ '{1,2,3,4,5,6,7}' AND days <> '{}'),
    kind       text NOT NULL DEFAULT 'every' CHECK (kind IN ('every', 'working', 'holiday')),
    starts     time NOT NULL,
    ends       time NOT NULL,
    valid_from date,
    valid_to   date,
    CHECK (valid_to >= valid_from)
);
CREATE INDEX shift_of_person ON shift (person_key);

CREATE TABLE leave (
    key          integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    person_key   integer NOT NULL REFERENCES person ON DELETE CASCADE,
    starts_at    timestamptz NOT NULL,
    ends_at      timestamptz NOT NULL,
    stand_in_key integer REFERENCES person ON DELETE SET NULL,
    reason       text NOT NULL DEFAULT '',
    CHECK (ends_at > starts_at),
    CHECK (stand_in_key <> person_key)
);
CREATE INDEX leave_of_person ON leave (person_key, ends_at);
