"""A running installation that strangers reach, with its devices."""

import json
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from bench.raw_mqtt import Wire, come_in, may_come_in
from bench.up import clean_environment, data_folder, running
from bench.waiting import free_port, wait_until
from gridwatch.broker_config import COLLECTOR, PID, own_users
from gridwatch.private_ca import PrivateCa

GUARDED_HOST = "127.1"
"""Loopback that does not look like it, so that the broker is guarded; nobody else reaches it."""

HONEST = 5
"""So many devices do nothing but what they should."""


@dataclass(kw_only=True)
class Target:
    """A running installation, and who may come in."""

    data: Path
    http: int
    inner: int
    passwords: int
    certificates: int
    secrets: dict[str, str] = field(default_factory=dict)

    @property
    def ca(self) -> PrivateCa:
        """Return its authority."""
        return PrivateCa(self.data / "ca")

    def tls(self) -> ssl.SSLContext:
        """Return what trusts the broker."""
        return ssl.create_default_context(cafile=str(self.ca.certificate))

    def device(self, name: str, client_id: str = "", **more: Any) -> Wire | None:
        """Come in as a device."""
        return come_in(
            self.passwords, self.tls(), client_id or name, name, self.secrets.get(name, "wrong"), **more
        )

    def ourselves(self) -> Wire:
        """Come in as a collector does."""
        secret = own_users(self.data / "broker")[COLLECTOR].secret
        wire = come_in(self.inner, None, "", COLLECTOR, secret)
        if wire is None:
            raise RuntimeError("the broker does not let us in")
        return wire

    def broker(self) -> psutil.Process:
        """Return the broker's process."""
        return psutil.Process(int((self.data / "broker" / PID).read_text()))

    def type(self, *words: str, given: str | None = None) -> str:
        """Type a command beside it."""
        environment = clean_environment() | {"GRIDWATCH_DATA_DIR": str(self.data)}
        command = [sys.executable, "-m", "gridwatch", *words]
        return subprocess.run(
            command, env=environment, check=True, capture_output=True, text=True, input=given
        ).stdout

    def ask(self, path: str, body: bytes | None = None, **headers: str) -> int:
        """Return the status of an HTTP request; 0 where it is not answered."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.http}{path}", data=body, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - loopback
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code
        except OSError:
            return 0


@contextmanager
def installation() -> Iterator[Target]:
    """Run `gridwatch up` with a listener for devices, and its devices."""
    ports = {name: free_port() for name in ("GRIDWATCH_MQTTS_PORT", "GRIDWATCH_MQTT_CERTIFICATE_PORT")}
    settings = {name: str(port) for name, port in ports.items()} | {"GRIDWATCH_MQTT_HOST": GUARDED_HOST}
    with data_folder() as data, running(data, "--no-simulate", settings=settings) as up:
        passwords, certificates = ports.values()
        target = Target(
            data=data, http=up.port, inner=up.mqtt_port, passwords=passwords, certificates=certificates
        )
        names = ["victim", "mallory", "unclaimed", *(f"honest-{number}" for number in range(HONEST))]
        file = data / "devices.csv"
        file.write_text("id,scene,kind\n" + "".join(f"{name},fire,sensor\n" for name in names))
        target.type("devices", "import", str(file))
        for name in names:
            if name != "unclaimed":
                said = target.type("devices", "credential", "rotate", name, "--json")
                target.secrets[name] = json.loads(said)["password"]
        for name in target.secrets:
            wait_until(partial(_can_come, target, name), timeout_s=30, what=f"{name} is let in")
        yield target


def _can_come(target: Target, name: str) -> bool:
    return may_come_in(target.device(name))
