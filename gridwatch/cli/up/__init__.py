"""`gridwatch up`: everything on this machine, supervised."""

from gridwatch.cli.up.command import up_command

__all__ = ["up_command"]
