-- The fire weather of each station, day by day: what it measured, and what follows from it and from the days before.

-- A day is the 24 hours before noon_at: noon of the station's own standard time. What was not measured, or only
-- by readings in doubt, is null. readings and doubted tell by how many, so that what comes late is noticed.
CREATE TABLE fire_weather_measured (
    device_key        integer NOT NULL REFERENCES device ON DELETE CASCADE,
    day               date NOT NULL,
    noon_at           timestamptz NOT NULL,
    temperature_c     double precision,
    temperature_max_c double precision,
    humidity_pct      double precision,
    humidity_min_pct  double precision,
    wind_ms           double precision,
    wind_max_ms       double precision,
    rain_mm           double precision,
    rain_hours        integer NOT NULL,
    readings          bigint NOT NULL,
    doubted           double precision NOT NULL,
    PRIMARY KEY (device_key, day)
);

-- The weather as it was used. filled: which parts were not measured, and where they are from.
CREATE TABLE fire_weather (
    device_key        integer NOT NULL REFERENCES device ON DELETE CASCADE,
    day               date NOT NULL,
    noon_at           timestamptz NOT NULL,
    temperature_c     double precision NOT NULL,
    temperature_max_c double precision NOT NULL,
    humidity_pct      double precision NOT NULL,
    humidity_min_pct  double precision NOT NULL,
    wind_ms           double precision NOT NULL,
    wind_max_ms       double precision NOT NULL,
    rain_mm           double precision NOT NULL,
    filled            jsonb NOT NULL,
    dry_days          integer NOT NULL,
    ffmc              double precision NOT NULL,
    dmc               double precision NOT NULL,
    dc                double precision NOT NULL,
    isi               double precision NOT NULL,
    bui               double precision NOT NULL,
    fwi               double precision NOT NULL,
    dsr               double precision NOT NULL,
    danger            double precision NOT NULL,
    level             smallint NOT NULL CHECK (level BETWEEN 1 AND 5),
    PRIMARY KEY (device_key, day)
);
CREATE INDEX fire_weather_day ON fire_weather (day);

CREATE VIEW gw.fire_weather AS
SELECT d.id AS device, f.day, f.noon_at, f.temperature_c, f.humidity_pct, f.wind_ms, f.rain_mm, f.ffmc, f.dmc, f.dc,
       f.isi, f.bui, f.fwi, f.dsr, f.danger, f.level, f.filled
FROM fire_weather f
JOIN device d ON d.key = f.device_key;
