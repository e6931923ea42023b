"""`gridwatch doctor`: what is wrong with an installation, and what to do."""

from gridwatch.cli.doctor.command import doctor_command

__all__ = ["doctor_command"]
