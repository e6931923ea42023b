"""What `gridwatch books` and `gridwatch gaps` say."""

import json
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner, Result

from gridwatch.cli.every import app
from tests.collectors import ask, register, write_book


@pytest.fixture
def database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a database that the commands find."""
    monkeypatch.setenv("GRIDWATCH_DATABASE_URL", database_url)
    return database_url


def say(*words: str) -> Result:
    """Run a command line."""
    return CliRunner().invoke(app, list(words), env={"COLUMNS": "200"})


def test_books_that_balance_are_said_to(database: str) -> None:
    register(database, "s1", "fire", "sensor")
    write_book(database, "s1", 10, 6, 2, 1, 1)
    write_book(database, "", 3, 0, 0, 3, 0)
    said = say("books")
    assert (said.exit_code, "\nbalanced\n" in said.stdout) == (0, True)
    told = json.loads(say("books", "--json").stdout)
    assert (told["balanced"], told["total"]["received"]) == (True, 13)


def test_books_that_do_not_balance_are_named_with_the_exit_status(database: str) -> None:
    for device, counts in (("s1", (10, 6, 2, 1, 1)), ("s2", (5, 4)), ("s3", (1, 2))):
        register(database, device, "fire", "sensor")
        write_book(database, device, *counts)
    said = say("books")
    assert (said.exit_code, "NOT balanced: s2, s3" in said.stdout) == (1, True)
    told = say("books", "--json")
    assert (told.exit_code, json.loads(told.stdout)["unbalanced"]) == (1, ["s2", "s3"])


def test_gaps_and_what_happened_to_the_broker_stand_beside_the_books(database: str) -> None:
    register(database, "s1", "fire", "sensor")
    register(database, "s2", "fire", "sensor")
    at = datetime(2026, 11, 23, 12, tzinfo=UTC)
    for device, first, closed in (("s1", 5, None), ("s2", 70, None), ("s2", 7, at)):
        ask(
            database,
            """INSERT INTO gap (device_key, first_seq, last_seq, after_at, before_at, missing, closed_at)
               SELECT key, %s, %s, %s, %s, 3, %s FROM device WHERE id = %s""",
            [first, first + 2, at, at, closed, device],
        )
    ask(
        database,
        "INSERT INTO broker_incident (at, what, detail) VALUES (now(), 'restarted', 'last seen at noon')",
    )
    said = say("books").stdout
    assert "6 messages are missing in 2 gaps: gridwatch gaps lists them" in said
    assert "the broker started anew (last seen at noon): what it had not saved by then is lost" in said
    gaps = json.loads(say("gaps", "--json").stdout)
    assert [(gap["device"], gap["first"], gap["last"], gap["missing"]) for gap in gaps] == [
        ("s1", 5, 7, 3),
        ("s2", 70, 72, 3),
    ]
    assert [gap["device"] for gap in json.loads(say("gaps", "--device", "s2", "--json").stdout)] == ["s2"]
    assert "2026-11-23 12:00:00" in say("gaps").stdout
