"""Mosquitto's configuration for a broker that devices reach from other machines, with all that it needs."""

import socket
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil

from gridwatch.broker_config import Listeners, ServerTls, find_plugin, write_configuration
from gridwatch.cli.ca import private_ca
from gridwatch.errors import SettingsError
from gridwatch.private_ca import CERTIFICATE, REVOKED, ends_at, server_names, write_private
from gridwatch.settings import Settings

SERVER_CERTIFICATE, SERVER_KEY = "server.pem", "server.key"

RENEW = timedelta(days=60)
"""A certificate that ends sooner is made anew when the configuration is written."""

EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - compared, not bound

NO_PLUGIN = (
    "Mosquitto's dynamic security plugin is not found: install Mosquitto 2 whole (Debian's package has it), "
    "or say where it is with gridwatch broker-config --plugin FILE"
)


def write_guarded(
    settings: Settings,
    folder: Path,
    *,
    inner_host: str = "127.0.0.1",
    names: Sequence[str] = (),
    plugin: Path | None = None,
    options: Sequence[str] = (),
) -> Path:
    """Write the configuration to `folder` and return its file; authority and certificate are made if missing.

    `names`: host names and addresses that devices know the broker by; none: those of this machine.
    """
    plugin = plugin or find_plugin()
    if plugin is None:
        raise SettingsError(NO_PLUGIN)
    ca = private_ca(settings)
    if not ca.exists:
        ca.make("Gridwatch")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    tls = ServerTls(
        certificate=folder / SERVER_CERTIFICATE,
        key=folder / SERVER_KEY,
        authority=folder / CERTIFICATE,
        revoked=folder / REVOKED,
    )
    write_private(tls.authority, ca.certificate.read_bytes())
    write_private(tls.revoked, ca.revoked_list.read_bytes())
    if not _serves(tls.certificate, names):
        issued = ca.issue_server(names or own_names(settings.mqtt_host))
        write_private(tls.key, issued.key or b"")
        write_private(tls.certificate, issued.certificate)
    listeners = Listeners(
        inner_host=inner_host,
        inner_port=settings.mqtt_port,
        host=settings.mqtt_host,
        password_port=settings.mqtts_port,
        certificate_port=settings.mqtt_certificate_port,
        tls=tls,
    )
    return write_configuration(folder, listeners, plugin=plugin, options=options)


def own_names(host: str) -> list[str]:
    """Return the names and addresses of this machine where a broker that listens on `host` is reached."""
    names = [socket.gethostname(), "localhost", "127.0.0.1"]
    if host not in EVERYWHERE:
        return list(dict.fromkeys([host, *names]))
    addresses = [
        address.address
        for interface in psutil.net_if_addrs().values()
        for address in interface
        if address.family == socket.AF_INET
    ]
    return list(dict.fromkeys([*names, *sorted(addresses)]))


def _serves(certificate: Path, names: Sequence[str]) -> bool:
    """Say whether there is a certificate that is good for long, and for these names."""
    if not certificate.is_file() or ends_at(certificate) < datetime.now(UTC) + RENEW:
        return False
    return server_names(certificate) >= set(names)
