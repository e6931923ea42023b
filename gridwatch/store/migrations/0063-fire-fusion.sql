-- What sensors warn of is looked for by its time, wherever another one speaks of fire.
CREATE INDEX event_fire_warning ON event (observed_at) WHERE label = 'fire_warning';
