-- How far the changes of alerts were published to the topics of their areas: what was before is told to nobody.
CREATE TABLE area_topics (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    seq      bigint NOT NULL
);
INSERT INTO area_topics (seq) SELECT coalesce(max(seq), 0) FROM alert_change;
