"""The broker's configuration where devices must prove who they are, and the files that say who may do what.

Passwords and access list come from the database and are read again on SIGHUP, all changes at once. The
dynamic security plugin knows only our own processes: it answers for a session that is away, for which
Mosquitto 2.0 forgets the access list when it reads it again after a restart; and it puts a client out.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from gridwatch.private_ca import write_private
from gridwatch.secret import hash_secret, new_secret
from gridwatch.store.credentials import BrokerUser
from gridwatch.wire import is_area_topic

CONFIGURATION, PASSWORDS, ACCESS = "mosquitto.conf", "passwords", "access"
PLUGIN_STATE, OWN_USERS, CERTIFIED, PID = (
    "dynamic-security.json",
    "own-users.json",
    "certified",
    "mosquitto.pid",
)

PLUGIN = "mosquitto_dynamic_security.so"
PLUGIN_PLACES = ("/usr/lib", "/usr/lib64", "/usr/local/lib", "/opt/homebrew/lib")

COLLECTOR, API, BRIDGE, KEEPER = "~collector", "~api", "~bridge", "~keeper"
"""Our own users of the broker: no device id begins with ~."""

DEVICE, PUT_OUT = "device", "out"
"""Roles in the plugin: of a device, which may subscribe to commands alone; of one that is put out."""

MOST_CONNECTIONS = 20_000

OTHERWISE = frozenset({"sys_interval", "connection_messages"})
"""Options of the shared configuration that say something else here: what happens is heard of in a second."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerTls:
    """The files of a TLS listener; devices with certificates need all four."""

    certificate: Path
    key: Path
    authority: Path
    revoked: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Listeners:
    """Where the broker listens.

    Only our own processes may reach `inner`, which is not encrypted: there a client chooses its id. On the
    other two a device's id is its username, so that it can take nobody's session over.
    """

    inner_host: str
    inner_port: int
    host: str
    password_port: int
    certificate_port: int
    tls: ServerTls


def shared_options() -> list[str]:
    """Return the lines of the shared configuration that hold here too."""
    shared = (files("deploy") / "mosquitto" / "mosquitto.conf").read_text(encoding="utf-8")
    return [line for line in shared.splitlines() if line.split(" ", 1)[0] not in OTHERWISE]


def find_plugin() -> Path | None:
    """Return the dynamic security plugin, if Mosquitto was installed with it."""
    for place in map(Path, PLUGIN_PLACES):
        for found in (place / PLUGIN, *sorted(place.glob(f"*/{PLUGIN}"))):
            if found.is_file():
                return found
    return None


def as_ourselves() -> list[str]:
    """Return the option without which Mosquitto as root becomes a user who can't read our files."""
    return ["user root"] if os.geteuid() == 0 else []


def write_configuration(
    folder: Path, listeners: Listeners, *, plugin: Path, options: Sequence[str] = ()
) -> Path:
    """Write all that the broker reads at its start to `folder` (0700), and return its configuration.

    Passwords and access list of devices that are there already stay. Raises OSError.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    own = own_users(folder)
    for name, text in ((PASSWORDS, _passwords(own, ())), (ACCESS, _access(()))):
        if not (folder / name).is_file():
            write_private(folder / name, text.encode())
    state = _plugin_state(own, _bound_devices(folder / PLUGIN_STATE))
    write_private(folder / PLUGIN_STATE, json.dumps(state, indent=1).encode())
    tls = listeners.tls
    encrypted = [
        f"max_connections {MOST_CONNECTIONS}",
        "use_username_as_clientid true",
        f"certfile {tls.certificate}",
        f"keyfile {tls.key}",
        "tls_version tlsv1.2",
    ]
    lines = [
        "# Written by gridwatch: changes here are lost.",
        "allow_anonymous false",
        f"password_file {folder / PASSWORDS}",
        f"acl_file {folder / ACCESS}",
        f"plugin {plugin}",
        f"plugin_opt_config_file {folder / PLUGIN_STATE}",
        f"persistence_location {folder}/",
        f"pid_file {folder / PID}",
        "log_dest stdout",
        "log_dest topic",
        "log_type subscribe",
        "connection_messages true",
        "sys_interval 1",
        *options,
        *shared_options(),
        "",
        "# Our own processes.",
        f"listener {listeners.inner_port} {listeners.inner_host}",
        "",
        "# Devices with passwords.",
        f"listener {listeners.password_port} {listeners.host}",
        *encrypted,
        "",
        "# Devices with certificates.",
        f"listener {listeners.certificate_port} {listeners.host}",
        *encrypted,
        f"cafile {tls.authority}",
        f"crlfile {tls.revoked}",
        "require_certificate true",
        "use_identity_as_username true",
        "",
    ]
    write_private(folder / CONFIGURATION, "\n".join(lines).encode())
    return folder / CONFIGURATION


def write_users(folder: Path, users: Sequence[BrokerUser]) -> bool:
    """Write who may connect and do what; tell whether anything is another than before."""
    texts = {
        PASSWORDS: _passwords(own_users(folder), users),
        ACCESS: _access(users),
        CERTIFIED: "".join(f"{user.username}\n" for user in users if user.hash is None),
    }
    changed = False
    for name, text in texts.items():
        if not (folder / name).is_file() or (folder / name).read_text() != text:
            write_private(folder / name, text.encode())
            changed = True
    return changed


def written_users(folder: Path) -> frozenset[str]:
    """Return the names of the devices that the files let in."""
    names = written_hashes(folder).keys() | certified_users(folder)
    return frozenset(name for name in names if not name.startswith("~"))


def written_hashes(folder: Path) -> Mapping[str, str]:
    """Return the hashes of the passwords in the files, by user."""
    file = folder / PASSWORDS
    lines = file.read_text().splitlines() if file.is_file() else []
    return {name: hashed for name, _, hashed in (line.partition(":") for line in lines)}


def certified_users(folder: Path) -> frozenset[str]:
    """Return the names of those devices among them that come with a certificate."""
    file = folder / CERTIFIED
    return frozenset(file.read_text().splitlines() if file.is_file() else ())


def own_url(folder: Path, name: str, host: str, port: int) -> str:
    """Return the broker's address with the user and password of one of our own processes."""
    return f"mqtt://{name}:{own_users(folder)[name].secret}@{host}:{port}"


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnUser:
    """A secret of ours, and the hash of it that stays the same, so that the files do."""

    secret: str
    hash: str


def own_users(folder: Path) -> Mapping[str, OwnUser]:
    """Return the secrets of our own processes by username; make them the first time."""
    path = folder / OWN_USERS
    if not path.is_file():
        secrets = {name: new_secret() for name in (COLLECTOR, API, BRIDGE, KEEPER)}
        made = {name: {"secret": secret, "hash": hash_secret(secret)} for name, secret in secrets.items()}
        write_private(path, json.dumps(made, indent=1).encode())
    return {name: OwnUser(**user) for name, user in json.loads(path.read_text()).items()}


def give_secret(folder: Path, name: str, secret: str) -> None:
    """Let one of our own processes have a secret that was chosen elsewhere."""
    own = own_users(folder)
    if own[name].secret != secret:
        changed = {**own, name: OwnUser(secret=secret, hash=hash_secret(secret))}
        kept = {user: {"secret": one.secret, "hash": one.hash} for user, one in changed.items()}
        write_private(folder / OWN_USERS, json.dumps(kept, indent=1).encode())


def _passwords(own: Mapping[str, OwnUser], users: Sequence[BrokerUser]) -> str:
    lines = [f"{name}:{user.hash}" for name, user in own.items()]
    lines += [f"{user.username}:{user.hash}" for user in users if user.hash is not None]
    return "".join(f"{line}\n" for line in lines)


def _access(users: Sequence[BrokerUser]) -> str:
    lines = [
        "# Each device writes only its own topics, and reads only its own commands.",
        "pattern write gw/v1/%u/#",
        "pattern read gw/v1/%u/command",
    ]
    for user in users:
        if user.username == user.device and not user.others and not user.topics:
            continue
        lines += ["", f"user {user.username}"]
        for device in sorted({user.device, *user.others}):
            lines += [f"topic write gw/v1/{device}/#", f"topic read gw/v1/{device}/command"]
        # An area's alerts are ours to write.
        lines += [f"topic {'read' if is_area_topic(one) else 'readwrite'} {one}" for one in user.topics]
    return "".join(f"{line}\n" for line in lines)


def _bound_devices(state: Path) -> list[Mapping[str, Any]]:
    """Return the devices that the plugin knew when the broker last ran."""
    if not state.is_file():
        return []
    clients = json.loads(state.read_text())["clients"]
    return [one for one in clients if one["username"][0] != "~" and not one.get("disabled")]


def _plugin_state(own: Mapping[str, OwnUser], devices: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    everything, said = ("#", "$SYS/#"), ("$SYS/#",)
    control = "$CONTROL/dynamic-security/#"
    roles = {
        COLLECTOR: _role(COLLECTOR, write=("#",), read=everything),
        API: _role(API, write=(), read=said),
        BRIDGE: _role(BRIDGE, write=("gw/v1/#",), read=("gw/v1/#",)),
        KEEPER: _role(KEEPER, write=(control,), read=(*said, control)),
    }
    # What is not of the plugin's roles the access list decides, which grants every subscription.
    commands = [
        {**_rule(SUBSCRIBE, "gw/v1/+/command"), "priority": 1},
        _rule(SUBSCRIBE, "#", allow=False),
    ]
    out = [_rule(kind, "#", allow=False) for kind in (WRITE, READ, SUBSCRIBE)]
    return {
        "defaultACLAccess": {
            "publishClientSend": False,
            "publishClientReceive": False,
            "subscribe": False,
            "unsubscribe": True,
        },
        "roles": [
            *roles.values(),
            {"rolename": DEVICE, "acls": commands},
            {"rolename": PUT_OUT, "acls": out},
        ],
        "clients": [*({"username": name, "roles": [{"rolename": name}]} for name in own), *devices],
    }


WRITE, READ, SUBSCRIBE = "publishClientSend", "publishClientReceive", "subscribePattern"


def _role(name: str, *, write: Sequence[str], read: Sequence[str]) -> Mapping[str, Any]:
    rules = [_rule(WRITE, topic) for topic in write]
    rules += [_rule(kind, topic) for topic in read for kind in (READ, SUBSCRIBE)]
    return {"rolename": name, "acls": rules}


def _rule(kind: str, topic: str, *, allow: bool = True) -> Mapping[str, Any]:
    return {"acltype": kind, "topic": topic, "allow": allow}
