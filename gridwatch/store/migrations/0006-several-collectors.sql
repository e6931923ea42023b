-- Several collectors share the work: who works for a slot, who wants it back, and whether all were told of it.
-- A slot's row stays when its collector ends: its MQTT sessions go on filling.
DELETE FROM collector;
ALTER TABLE collector
    ADD COLUMN slot       integer NOT NULL,
    ADD COLUMN adopted_by text,
    ADD COLUMN wanted_at  timestamptz,
    ADD COLUMN joined     boolean NOT NULL DEFAULT false,
    ADD COLUMN token      uuid NOT NULL DEFAULT gen_random_uuid();

-- Among how many slots the work was shared where an MQTT session stands in its stream.
CREATE TABLE share (
    client_id text PRIMARY KEY,
    shares    integer NOT NULL
);
