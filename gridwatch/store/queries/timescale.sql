-- make_hypertables --
SELECT create_hypertable('reading', 'observed_at', if_not_exists => true, migrate_data => true,
                         create_default_indexes => false)
