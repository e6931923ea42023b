-- Who may do what, and in which part of the area tree.

-- area: NULL for all. It refers to no row: whose area is gone sees nothing, not everything. password_hash: NULL
-- for who never signs in with one. epoch counts up with each new password: tokens of an older one are void.
ALTER TABLE account
    ALTER COLUMN password_hash DROP NOT NULL,
    ADD COLUMN area text,
    ADD COLUMN disabled boolean NOT NULL DEFAULT false,
    ADD COLUMN epoch integer NOT NULL DEFAULT 0,
    ADD CONSTRAINT account_role CHECK (role IN ('administrator', 'operator', 'grid_worker', 'integration'));

-- What a program brings: the token itself is shown once, and its SHA-256 kept.
CREATE TABLE access_token (
    name       text PRIMARY KEY,
    username   text NOT NULL REFERENCES account ON UPDATE CASCADE ON DELETE CASCADE,
    sha256     bytea NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by text NOT NULL,
    ends_at    timestamptz
);

-- Counts up in the transaction that changes an account or token: who remembers them knows when that is old.
CREATE TABLE account_version (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    version  bigint NOT NULL DEFAULT 0
);
INSERT INTO account_version DEFAULT VALUES;

CREATE FUNCTION count_account_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE account_version SET version = version + 1;
    RETURN NULL;
END $$;

CREATE TRIGGER accounts_changed
AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON account
FOR EACH STATEMENT EXECUTE FUNCTION count_account_version();

CREATE TRIGGER access_tokens_changed
AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON access_token
FOR EACH STATEMENT EXECUTE FUNCTION count_account_version();

-- The part of the tree that a session may see is named by its setting gridwatch.area; without one it sees all,
-- as collectors do. Every list of what lies in areas asks these two.
CREATE FUNCTION sees_all() RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce(current_setting('gridwatch.area', true), '') = ''
$$;

CREATE VIEW seen_area AS
WITH RECURSIVE below AS (
    SELECT code FROM area WHERE code = current_setting('gridwatch.area', true)
    UNION SELECT child.code FROM area child JOIN below ON child.parent = below.code)
SELECT code FROM below;

-- Who sees a part puts no device elsewhere.
CREATE FUNCTION refuse_unseen_area() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT sees_all() AND (NEW.area IS NULL OR NEW.area NOT IN (SELECT code FROM seen_area)) THEN
        RAISE EXCEPTION 'area % is outside of the part that you look after', coalesce(NEW.area, '(none)')
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER devices_stay_in_seen_areas
BEFORE INSERT OR UPDATE OF area ON device
FOR EACH ROW EXECUTE FUNCTION refuse_unseen_area();
