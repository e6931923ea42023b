"""`gridwatch up`: everything on this machine, supervised."""
