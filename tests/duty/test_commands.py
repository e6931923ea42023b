"""`gridwatch workers` and `gridwatch users` on a database."""

import json
import stat
from datetime import datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from api.sign_in import Passwords, sign_in
from gridwatch.areas.area import Area, AreaLevel, GridKind
from gridwatch.cli.every import app
from gridwatch.policy import CHINA
from gridwatch.store import Store
from gridwatch.store.areas import put_areas
from gridwatch.store.people import Card, contact_card
from tests.api.serving import at_store

PEOPLE = """code,name,phone,duties,area,rank
1,张三,13800000001,巡查,m,1
2,李四,13800000002,,m,2
"""
SHIFTS = "code,starts,ends\n1,08:00,20:00\n2,09:00,10:00\n"
LEAVE = "code,starts,ends,stand_in\n1,2026-11-23,2026-11-24,2\n"
USERS = "username,role,area,password\nli,grid_worker,m,a long password\nwang,operator,,\n"


@pytest.fixture
def folder(database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Let the commands work on a fresh database with one micro grid; return a folder for files."""
    monkeypatch.setenv("GRIDWATCH_DATABASE_URL", database_url)
    monkeypatch.setenv("GRIDWATCH_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "300")

    async def prepare(store: Store) -> None:
        await put_areas(store, [Area(code="m", level=AreaLevel.GRID, grid=GridKind.MICRO, name="微网格")])

    at_store(database_url, prepare)
    return tmp_path


def run(*arguments: str | Path) -> Result:
    """Run `gridwatch`."""
    return CliRunner().invoke(app, [*map(str, arguments)])


def imported(folder: Path, what: str, text: str) -> Result:
    """Import a table of workers."""
    file = folder / f"{what}.csv"
    file.write_text(text, encoding="utf-8")
    return run("workers", "import", file, "--what", what)


def test_workers_are_imported_listed_exported_and_gaps_are_warned_of_at_once(
    folder: Path, database_url: str
) -> None:
    """What is exported imports again without a change; the file is its owner's alone."""
    assert imported(folder, "people", PEOPLE).stdout == "imported people: 2 people\n"
    shifts = imported(folder, "shifts", SHIFTS)
    assert "warning: m: nobody has a shift from" in shifts.output
    assert imported(folder, "leave", LEAVE).exit_code == 0
    listed = json.loads(run("workers", "list", "--area", "m", "--json").output)
    assert [(one["code"], one["rank"]) for one in listed] == [("1", 1), ("2", 2)]
    file = folder / "again.csv"
    for what in ("people", "shifts", "leave"):
        assert run("workers", "export", file, "--what", what).exit_code == 0
        before = json.loads(run("workers", "list", "--what", what, "--json").output)
        assert run("workers", "import", file, "--what", what).exit_code == 0
        assert json.loads(run("workers", "list", "--what", what, "--json").output) == before
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "m: nobody has a shift from" in run("workers", "gaps").output

    async def at_noon(store: Store) -> Card:
        return await contact_card(store, "m", datetime(2026, 11, 23, 12, tzinfo=CHINA))

    card = at_store(database_url, at_noon)
    assert [(one.name, one.phone, one.duties) for one in card.contacts] == [
        ("张三", "13800000001", "巡查"),
        ("李四", "13800000002", ""),
    ]
    assert [(one.code, one.why) for one in card.on_duty] == [
        ("2", "stands in for 张三 (leave), responsible for m, on shift until 20:00")
    ]
    assert run("workers", "delete", "1").output == "deleted: 1\n"
    assert "1: " not in run("workers", "list").output


def test_a_file_with_one_wrong_line_changes_nothing(folder: Path) -> None:
    """All or none."""
    result = imported(folder, "people", PEOPLE + "3,王五,,,nowhere,1\n")
    assert result.exit_code != 0
    assert "line 4, area: no area nowhere" in str(result.exception)
    assert json.loads(run("workers", "list", "--json").output) == []


def test_users_are_imported_with_roles_areas_and_passwords(folder: Path, database_url: str) -> None:
    """Passwords are kept as hashes, and an import without one leaves the one that there is."""
    first = folder / "first.csv"
    first.write_text("username,role,password\nroot,administrator,the first password\n", encoding="utf-8")
    assert run("users", "import", first).exit_code == 0
    file = folder / "users.csv"
    file.write_text(USERS, encoding="utf-8")
    assert run("users", "import", file).output == "imported: 2 accounts\n"
    exported = run("users", "export").output
    assert "a long password" not in exported
    assert "argon2" not in exported
    file.write_text(exported, encoding="utf-8")
    assert run("users", "import", file).exit_code == 0

    async def signs_in(store: Store) -> bool:
        person = await sign_in(store, Passwords(), "li", "a long password")
        return person is not None and (person.role, person.area) == ("grid_worker", "m")

    assert at_store(database_url, signs_in)
    file.write_text("username,role,area,disabled,password\na b,king,!,perhaps,short\n", encoding="utf-8")
    refused = run("users", "import", file)
    assert [line.split(":")[0] for line in str(refused.exception).splitlines()[1:]] == [
        "line 2, username",
        "line 2, role",
        "line 2, area",
        "line 2, disabled",
        "line 2, password",
    ]
    file.write_text("username,role\nroot,operator\n", encoding="utf-8")
    assert "somebody must be left" in str(run("users", "import", file).exception)


def test_tokens_are_issued_listed_and_taken_back(folder: Path) -> None:
    """For accounts of programs alone."""
    file = folder / "users.csv"
    file.write_text("username,role\nroot,administrator\nbridge,integration\n", encoding="utf-8")
    assert run("users", "import", file).exit_code == 0
    token = run("users", "token", "bridge", "--name", "city", "--days", "30").output.strip()
    assert token.startswith("gwt_")
    listed = run("users", "tokens").output
    assert "city" in listed
    assert token not in listed
    assert run("users", "revoke", "city").output == "revoked: city\n"
    assert run("users", "token", "root", "--name", "other").exit_code != 0
