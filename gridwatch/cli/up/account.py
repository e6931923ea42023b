"""The account that runs PostgreSQL when Gridwatch runs as root, because PostgreSQL refuses to."""

import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gridwatch.errors import SettingsError

ACCOUNT_NAME = "gridwatch-db"
USERADD_TIMEOUT_S = 20.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """An unprivileged system user."""

    name: str
    uid: int
    gid: int

    def own(self, path: Path) -> None:
        """Give `path` to this account."""
        os.chown(path, self.uid, self.gid)

    def may_enter(self, folder: Path) -> bool:
        """Say whether the permission bits let this account pass through `folder`."""
        found = folder.stat()
        if found.st_uid == self.uid:
            return bool(found.st_mode & stat.S_IXUSR)
        if found.st_gid == self.gid:
            return bool(found.st_mode & stat.S_IXGRP)
        return bool(found.st_mode & stat.S_IXOTH)

    def reaches(self, path: Path) -> bool:
        """Say whether this account may pass through every folder above `path`."""
        return all(self.may_enter(folder) for folder in path.resolve().parents)


def database_account() -> Account | None:
    """Return the account that PostgreSQL runs as, made on first use; None when we are not root."""
    if os.geteuid() != 0:
        return None
    entry = _find(ACCOUNT_NAME) or _make(ACCOUNT_NAME)
    return Account(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid)


def as_account(account: Account | None) -> dict[str, Any]:
    """Return the arguments of `Popen` that start a process as `account` (None: as ourselves)."""
    if account is None:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": []}


def _find(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _make(name: str) -> pwd.struct_passwd:
    """Make a system user without home and login; raise SettingsError when the machine won't."""
    if shutil.which("useradd"):
        command = ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin"]
    else:
        command = ["adduser", "-S", "-D", "-H"]
    try:
        done = subprocess.run(
            [*command, name], capture_output=True, text=True, timeout=USERADD_TIMEOUT_S, check=False
        )
        reason = done.stderr.strip()
    except OSError as error:
        reason = str(error)
    entry = _find(name)
    if entry is None:
        raise SettingsError(
            f"PostgreSQL refuses to run as root and the system user {name} can't be made ({reason}): "
            "run gridwatch up as an ordinary user, or set GRIDWATCH_DATABASE_URL"
        )
    return entry
