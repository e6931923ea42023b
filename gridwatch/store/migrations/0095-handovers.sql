-- The handover of a shift, stored whole as it stood when both signed, and what the shift writes down for the next.

-- desk: the part of the tree that both sit before, as account.area; NULL for the whole installation.
CREATE TABLE handover (
    id        bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    desk      text,
    left_by   text NOT NULL,
    taken_by  text NOT NULL,
    signed_at timestamptz NOT NULL DEFAULT now(),
    stood     jsonb NOT NULL,
    CHECK (left_by <> taken_by)
);
CREATE INDEX handover_of_desk ON handover (desk, id DESC);

-- handover_id: the handover that it was handed over with; NULL while its shift lasts.
CREATE TABLE shift_note (
    id          bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    desk        text,
    text        text NOT NULL,
    written_by  text NOT NULL,
    written_at  timestamptz NOT NULL DEFAULT now(),
    handover_id bigint REFERENCES handover ON DELETE CASCADE
);
CREATE INDEX shift_note_open ON shift_note (id) WHERE handover_id IS NULL;
