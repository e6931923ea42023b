"""Files of accounts: what each line says, and what is wrong in it. No file ever holds a password hash."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from gridwatch.areas.area import AREA_CODE
from gridwatch.lines import EXCEL_MARK, WrongLine, WrongLines, table_rows, text_of
from gridwatch.model import Role
from gridwatch.store.accounts import Account

COLUMNS = ("username", "role", "area", "disabled", "password")
NEEDED = ("username", "role")

USERNAME = re.compile(r"[^\s\x00-\x1f/\\,;]{1,64}")
"""What a name looks like: it stands in addresses and in files."""

SHORTEST_PASSWORD = 10
YES, NO = frozenset({"yes", "true", "1"}), frozenset({"", "no", "false", "0"})


@dataclass(frozen=True, kw_only=True, slots=True)
class UserLine:
    """An account as a line says it, with its new password, if it has one."""

    line: int
    account: Account
    password: str | None


def read_users(content: bytes) -> list[UserLine]:
    """Read a CSV of accounts; raise WrongLines with everything that is wrong."""
    rows, wrong = table_rows(text_of(content), COLUMNS, needed=NEEDED)
    users: list[UserLine] = []
    seen: dict[str, int] = {}
    for line, fields in rows:
        told = list(_wrong(fields, seen))
        wrong += [WrongLine(line=line, field=name, why=why) for name, why in told]
        seen.setdefault(fields.get("username", ""), line)
        if told:
            continue
        account = Account(
            username=fields["username"],
            password_hash=None,
            role=Role(fields["role"].lower()),
            area=fields.get("area") or None,
            disabled=fields.get("disabled", "").lower() in YES,
        )
        users.append(UserLine(line=line, account=account, password=fields.get("password") or None))
    if wrong:
        raise WrongLines(wrong)
    return users


def _wrong(fields: Mapping[str, str], seen: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """Yield the fields of a line that are wrong, each with why."""
    username, password = fields.get("username", ""), fields.get("password", "")
    if USERNAME.fullmatch(username) is None:
        yield "username", "use 1-64 letters without blanks, slashes and commas" if username else "is missing"
    elif username in seen:
        yield "username", f"{username} stands in line {seen[username]} already"
    if fields.get("role", "").lower() not in set(Role):
        yield "role", f"use {', '.join(Role)}"
    if fields.get("area") and AREA_CODE.fullmatch(fields["area"]) is None:
        yield "area", "is no code of an area"
    if fields.get("disabled", "").lower() not in YES | NO:
        yield "disabled", "use yes or no"
    if password and len(password) < SHORTEST_PASSWORD:
        yield "password", f"has {len(password)} letters, at least {SHORTEST_PASSWORD}"


def write_users(accounts: Iterable[Account]) -> str:
    """Return accounts as a file that can be imported again; without passwords: they stay as they are."""
    text = io.StringIO(newline="")
    table = csv.writer(text)
    table.writerow(COLUMNS)
    for one in accounts:
        table.writerow((one.username, one.role, one.area, "yes" if one.disabled else "", ""))
    return EXCEL_MARK + text.getvalue()
