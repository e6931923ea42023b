"""Backups: one file with the database, evidence, credentials and settings; made, checked and restored."""
