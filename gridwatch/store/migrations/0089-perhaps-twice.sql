-- Sent again because who sent it was killed, by a service that knows no repetition: it may have arrived twice.
ALTER TABLE delivery ADD COLUMN perhaps_twice boolean NOT NULL DEFAULT false;
