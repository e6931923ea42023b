"""The working calendar: holidays, worked weekends, and years that nobody knows yet."""

import logging
from datetime import date, datetime, timedelta

import pytest

from gridwatch.duty.calendar import after_working_time, is_working_day, knows_year
from gridwatch.policy import CHINA


def test_holidays_and_worked_weekends_are_known() -> None:
    """National Day of 2026 with its worked Saturday."""
    assert not is_working_day(date(2026, 10, 1))
    assert is_working_day(date(2026, 10, 10))
    assert not is_working_day(date(2026, 11, 22))


def test_an_unknown_year_is_warned_of_once_and_falls_back_to_weekdays(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nobody knows the holidays of 2091; its New Year is a Monday."""
    assert not knows_year(2091)
    with caplog.at_level(logging.WARNING):
        assert is_working_day(date(2091, 1, 1))
        assert not is_working_day(date(2091, 1, 6))
    assert [record.message for record in caplog.records if "2091" in record.message] == [
        "the working calendar does not know the holidays of 2091: Monday to Friday count as worked;"
        " install a newer chinesecalendar (pip install --upgrade chinesecalendar)"
    ]


def test_working_time_does_not_pass_at_night_and_on_holidays() -> None:
    """From Wednesday 30 September 17:00: half an hour that day, the rest on Thursday 8 October."""
    begin = datetime(2026, 9, 30, 17, tzinfo=CHINA)
    assert after_working_time(begin, timedelta(minutes=30)) == datetime(2026, 9, 30, 17, 30, tzinfo=CHINA)
    assert after_working_time(begin, timedelta(hours=1)) == datetime(2026, 10, 8, 9, tzinfo=CHINA)
    night = datetime(2026, 11, 23, 3, tzinfo=CHINA)
    assert after_working_time(night, timedelta(minutes=10)) == datetime(2026, 11, 23, 8, 40, tzinfo=CHINA)
