-- The tree of areas: districts down to household points, with grids among them, by their code.

ALTER TABLE area RENAME COLUMN id TO code;
ALTER TABLE area
    ADD COLUMN grid text,
    ADD CONSTRAINT area_level CHECK
        (level IN ('district', 'town', 'community', 'estate', 'building', 'household', 'grid')),
    ADD CONSTRAINT area_grid CHECK
        ((level = 'grid') = (grid IS NOT NULL)
         AND grid IN ('comprehensive', 'general', 'exclusive', 'micro'));
CREATE INDEX area_parent ON area (parent);

-- Counts up in the transaction that changes the tree: who holds it in memory knows when it is old.
CREATE TABLE area_version (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    version  bigint NOT NULL DEFAULT 0
);
INSERT INTO area_version DEFAULT VALUES;

CREATE FUNCTION count_area_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE area_version SET version = version + 1;
    RETURN NULL;
END $$;

CREATE TRIGGER areas_changed
AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON area
FOR EACH STATEMENT EXECUTE FUNCTION count_area_version();
