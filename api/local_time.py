"""Times as people in China read them."""

from datetime import datetime, timedelta, timezone

CHINA = timezone(timedelta(hours=8), "UTC+8")
"""The whole country, the whole year: no time zone tables are needed."""


def local_time(moment: str | datetime, *, now: datetime) -> str:
    """Return the time of day, with the date where it is another than that of `now`."""
    there = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    local = there.astimezone(CHINA)
    same_day = local.date() == now.astimezone(CHINA).date()
    return local.strftime("%H:%M:%S" if same_day else "%m-%d %H:%M:%S")
