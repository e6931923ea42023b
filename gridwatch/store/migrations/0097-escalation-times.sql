-- Times of escalation that were changed at the console; they win over the file and over our own.
CREATE TABLE escalation_times (
    name       text PRIMARY KEY,
    times      jsonb NOT NULL,
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now()
);
