"""Files of people, shifts and leave: what is read, and that every wrong line is told."""

from datetime import datetime, time

import pytest

from gridwatch.duty.files import COLUMNS, Around, Table, fit_in, read_table, write_table
from gridwatch.lines import WrongLines
from gridwatch.policy import CHINA

AROUND = Around(
    codes=frozenset({"7", "8"}),
    areas=frozenset({"m1", "m2"}),
    usernames=frozenset({"li", "wang"}),
    owners={"wang": "8"},
)


def read(table: Table, *lines: str) -> list[dict[str, object]]:
    """Import a CSV of these lines; the first is line 2."""
    content = "\n".join([",".join(COLUMNS[table]), *lines]).encode()
    return [dict(row) for row in fit_in(read_table(content, table), AROUND)]


def wrong(table: Table, *lines: str) -> list[str]:
    """Return all that is wrong in these lines."""
    with pytest.raises(WrongLines) as caught:
        read(table, *lines)
    return [str(one) for one in caught.value.lines]


def test_a_person_may_have_several_lines_and_the_first_says_the_most() -> None:
    """Areas and ranks are those of each line."""
    rows = read(Table.PEOPLE, "1,张三,13800000000,,巡查,li,m1,,", "1,张三,,,,,m2,2,fire;elevator")
    assert [(row["name"], row["area"], row["rank"], row["scenes"]) for row in rows] == [
        ("张三", "m1", 1, None),
        ("张三", "m2", 2, ["fire", "elevator"]),
    ]
    assert (rows[0]["phone"], rows[0]["language"], rows[0]["username"]) == ("13800000000", "zh-CN", "li")


def test_every_wrong_line_of_people_is_told() -> None:
    """In the words of the file."""
    assert wrong(
        Table.PEOPLE,
        ",张三,,,,,,,",
        "1,,,,,,,,",
        "2,李四,abc,fr,,,m9,0,Fire!",
        "3,王五,,,,nobody,m1,,",
        "4,赵六,,,,wang,m1,,",
        "5,钱七,,,,,m1,,",
        "5,钱八,,,,,m1,,",
        "6,孙九,,,,,m9,,",
    ) == [
        "line 2, code: is missing",
        "line 3, name: is missing",
        "line 4, phone: 'abc' is no telephone",
        "line 4, language: 'fr': use zh-CN, en",
        "line 4, rank: '0': 1 is responsible, 2 to 99 stand in",
        "line 4, scenes: 'Fire!' is no scene; put ; between several",
        "line 5, username: no account nobody",
        "line 6, username: this account is that of 8",
        "line 8, name: line 7 says something else of 5",
        "line 8, area: 5 has m1 in line 7 already",
        "line 9, area: no area m9",
    ]


def test_shifts_are_read_and_what_is_wrong_in_them_is_told() -> None:
    """Days are those of the week; a night shift ends earlier than it begins."""
    (row,) = read(Table.SHIFTS, "7,m1,1-5;7,working,22:00,06:00,2026-11-01,")
    assert (row["days"], row["kind"], row["starts"], row["ends"]) == (
        [1, 2, 3, 4, 5, 7],
        "working",
        time(22),
        time(6),
    )
    assert wrong(
        Table.SHIFTS,
        "9,,,,08:00,20:00,,",
        "7,,8,,08:00,24:00,,",
        "7,,,sometimes,08:00,20:00,2026-12-01,2026-11-01",
        "7,,,,08:00,20:00,2026-12-01,2026-11-01",
    ) == [
        "line 2, code: nobody has the number 9",
        "line 3, days: '8': 1 is Monday, 7 Sunday, as in 1-5 or 1;3;6-7",
        "line 3, ends: '24:00': write 08:30; midnight is 00:00",
        "line 4, kind: 'sometimes': use every, working, holiday",
        "line 5, ends: valid_to is before valid_from",
    ]


def test_leave_is_read_by_local_time_and_what_is_wrong_in_it_is_told() -> None:
    """Nobody stands in for themselves."""
    (row,) = read(Table.LEAVE, "7,2026-11-23,2026-11-25 12:00,8,病假")
    assert row["starts"] == datetime(2026, 11, 23, tzinfo=CHINA)
    assert row["ends"] == datetime(2026, 11, 25, 12, tzinfo=CHINA)
    assert wrong(
        Table.LEAVE,
        "7,2026-11-23,2026-11-23,,",
        "7,soon,2026-11-23,,",
        "7,2026-11-23,2026-11-24,7,",
        "7,2026-11-23,2026-11-24,9,",
    ) == [
        "line 2, ends: is not later than it starts",
        "line 3, starts: 'soon': write 2026-11-23 or 2026-11-23 08:30",
        "line 4, stand_in: nobody stands in for themselves",
        "line 5, stand_in: nobody has the number 9",
    ]


def test_what_is_written_is_read_back_the_same() -> None:
    """Export and import are each other's."""
    for table, line in {
        Table.PEOPLE: '1,张三,138 0000 0000,en,"a, b",li,m1,2,fire;elevator',
        Table.SHIFTS: "7,m1,1;2;3,holiday,22:00,06:00,2026-11-01,2026-12-01",
        Table.LEAVE: "7,2026-11-23 00:00,2026-11-25 12:00,8,病假",
    }.items():
        rows = read(table, line)
        again = fit_in(read_table(write_table(rows, table).encode(), table), AROUND)
        assert [dict(row) for row in again] == rows
