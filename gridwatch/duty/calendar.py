"""The Chinese working calendar: holidays, and the weekend days that are worked instead (调休).

It comes from the package chinesecalendar, whose new version of each autumn knows the next year. For a year
that it does not know Monday to Friday are worked, and that is warned of.
"""

import logging
from datetime import date, datetime, time, timedelta
from functools import cache

import chinese_calendar

from gridwatch.policy import CHINA

log = logging.getLogger(__name__)

WORK_BEGINS, WORK_ENDS = time(8, 30), time(17, 30)
"""By local time: the hours of an office, in which working time passes."""

SATURDAY = 6
NOVEMBER = 11


def is_working_day(day: date) -> bool:
    """Say whether a day is worked; in a year that is not known yet, whether it is a weekday."""
    if knows_year(day.year):
        return bool(chinese_calendar.is_workday(day))
    _warn_of(day.year)
    return day.isoweekday() < SATURDAY


@cache
def knows_year(year: int) -> bool:
    """Say whether the holidays of a year are known."""
    try:
        chinese_calendar.is_workday(date(year, 1, 1))
    except NotImplementedError:
        return False
    return True


def unknown_year(year: int) -> str:
    """Say what is wrong with a year whose holidays are not known, and what to do."""
    return (
        f"the working calendar does not know the holidays of {year}: Monday to Friday count as worked;"
        f" install a newer chinesecalendar (pip install --upgrade chinesecalendar)"
    )


def unknown_years(now: datetime) -> list[int]:
    """Return this year and the next one where their holidays should be known, and are not.

    They are decreed by November: from then on the next year's are missed.
    """
    local = now.astimezone(CHINA).date()
    years = [local.year] if local.month < NOVEMBER else [local.year, local.year + 1]
    return [year for year in years if not knows_year(year)]


def after_working_time(at: datetime, span: timedelta) -> datetime:
    """Return when so much working time has passed; a night, weekend or holiday passes none."""
    now = at.astimezone(CHINA)
    while True:
        begins, ends = _hours_of(now.date())
        if is_working_day(now.date()) and now < ends:
            now = max(now, begins)
            if now + span <= ends:
                return (now + span).astimezone(at.tzinfo)
            span -= ends - now
        now = datetime.combine(now.date() + timedelta(days=1), time(), CHINA)


def _hours_of(day: date) -> tuple[datetime, datetime]:
    return datetime.combine(day, WORK_BEGINS, CHINA), datetime.combine(day, WORK_ENDS, CHINA)


@cache
def _warn_of(year: int) -> None:
    """Warn once of each year in each process."""
    log.warning("%s", unknown_year(year))
