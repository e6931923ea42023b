-- What is wrong with the installation itself, as the administrator is told of it, and which consoles can be heard.

-- One row while something is wrong; told_at once the administrator knows, over_at until they know that it is over.
CREATE TABLE fault (
    name    text PRIMARY KEY,
    since   timestamptz NOT NULL DEFAULT now(),
    detail  jsonb NOT NULL DEFAULT '{}',
    told_at timestamptz,
    over_at timestamptz
);

-- A console window whose sound is on; heard_of_at while it is open.
CREATE TABLE armed_console (
    id          uuid PRIMARY KEY,
    username    text NOT NULL,
    heard_of_at timestamptz NOT NULL DEFAULT now()
);
