"""The lines of the pages "connect your gateway" are pasted beside a real broker, and do what they say."""

import os
import re
import subprocess
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from shutil import which

import pytest

from gridwatch.formats import CONTACTS, read_formats
from gridwatch.units import UNITS
from tests.collectors import ask, running_collector, totals
from tests.servers import Mosquitto, wait_until

DOCS = Path(__file__).resolve().parents[2] / "docs"
CONNECT = DOCS / "connect"

START = "gridwatch up"


def blocks(page: Path, language: str) -> list[str]:
    """Return the code of a page in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


class Terminal:
    """A shell in a folder of its own, where `gridwatch` and `mosquitto_pub` meet the test's servers."""

    def __init__(self, database_url: str, mosquitto: Mosquitto, folder: Path) -> None:
        self.database_url = database_url
        self.mosquitto = mosquitto
        self.folder = folder
        programs = folder / "bin"
        programs.mkdir()
        self._write(programs / "gridwatch", f'exec "{sys.executable}" -m gridwatch "$@"')
        self._write(programs / "mosquitto_pub", f'exec "{which("mosquitto_pub")}" -p {mosquitto.port} "$@"')
        self.environment = os.environ | {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "GRIDWATCH_DATABASE_URL": database_url,
            "GRIDWATCH_MQTT_URL": mosquitto.url,
            "GRIDWATCH_DATA_DIR": str(folder),
            "PYTHONPATH": str(DOCS.parent),
        }

    def paste(self, lines: str) -> None:
        """Run lines as a person would."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", lines],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{lines}\n{done.stdout}\n{done.stderr}"

    def paste_page(self, name: str) -> None:
        """Run a page from its top to its end; all that it publishes is stored, nothing left in quarantine."""
        sent = 0
        with ExitStack() as stack:
            if not any(START in lines for lines in blocks(CONNECT / name, "sh")):
                stack.enter_context(running_collector(self.database_url, self.mosquitto, self.folder))
            for lines in blocks(CONNECT / name, "sh"):
                if START in lines:
                    (file,) = re.findall(r'GRIDWATCH_FORMATS="\$PWD/(\S+)"', lines)
                    formats = {"GRIDWATCH_FORMATS": str(self.folder / file)}
                    stack.enter_context(
                        running_collector(self.database_url, self.mosquitto, self.folder, **formats)
                    )
                    continue
                self.paste(lines)
                sent += lines.count("mosquitto_pub ")
                wait_until(partial(self._has, "received", sent), what="what was sent is here")
            wait_until(partial(self._has, "stored", sent), what="all that was sent is stored")
        assert ask(self.database_url, "SELECT reason FROM quarantine WHERE replayed_at IS NULL") == []

    def _has(self, kind: str, count: int) -> bool:
        return totals(self.database_url)[kind] >= count

    @staticmethod
    def _write(program: Path, line: str) -> None:
        program.write_text(f"#!/bin/sh\n{line}\n")
        program.chmod(0o755)


@pytest.fixture
def terminal(database_url: str, mosquitto: Mosquitto, tmp_path: Path) -> Terminal:
    """Return a shell beside a broker and an empty database."""
    if which("mosquitto_pub") is None:
        pytest.skip("needs mosquitto_pub, which Debian's mosquitto-clients has")
    return Terminal(database_url, mosquitto, tmp_path)


def alerts(terminal: Terminal) -> list[tuple[str, str, str]]:
    """Return device, label and severity of every alert."""
    rows = ask(terminal.database_url, "SELECT device, label, severity FROM gw.alerts ORDER BY device")
    return [(row["device"], row["label"], row["severity"]) for row in rows]


def quantities_of(terminal: Terminal) -> set[str]:
    """Return the quantities that have readings."""
    rows = ask(terminal.database_url, "SELECT DISTINCT quantity FROM gw.readings")
    return {row["quantity"] for row in rows}


def test_a_board_of_ones_own_is_connected_by_its_page(terminal: Terminal) -> None:
    terminal.paste_page("own-boards.md")
    assert alerts(terminal) == [("board-1", "smoke", "critical")]
    labels = ask(terminal.database_url, "SELECT label FROM gw.events ORDER BY observed_at")
    assert [row["label"] for row in labels] == ["test_pressed", "smoke"]
    assert ask(terminal.database_url, "SELECT online FROM device") == [{"online": True}]


def test_what_sends_senml_is_connected_by_its_page(terminal: Terminal) -> None:
    terminal.paste_page("senml.md")
    assert quantities_of(terminal) == {"temperature_c", "humidity_pct", "smoke_alarm", "co_ppm"}
    kelvin = (
        "SELECT round(max(value)::numeric, 3)::text AS v FROM gw.readings WHERE quantity = 'temperature_c'"
    )
    assert ask(terminal.database_url, kelvin) == [{"v": "24.100"}]


def test_chirpstack_is_connected_by_its_page(terminal: Terminal) -> None:
    terminal.paste_page("chirpstack.md")
    assert alerts(terminal) == [("smoke-301", "smoke", "critical")]
    contacts = {"smoke_alarm", "test", "tamper", "fault"}
    radio = {"rssi_dbm", "snr_db", "link_margin_db"}
    assert quantities_of(terminal) == contacts | radio | {"temperature_c", "battery_pct"}
    adopted = ask(terminal.database_url, "SELECT source FROM device WHERE id = 'smoke-303'")
    assert adopted == [{"source": "chirpstack:24e124535b316058"}]


def test_frigate_is_connected_by_its_page(terminal: Terminal) -> None:
    terminal.paste_page("frigate.md")
    assert alerts(terminal) == [("lift-3", "ebike", "major")]
    online = ask(terminal.database_url, "SELECT id, online FROM device ORDER BY id")
    assert online == [{"id": "lift-3", "online": None}, {"id": "nvr-1", "online": True}]


def test_sparkplug_is_connected_by_its_page(terminal: Terminal) -> None:
    terminal.paste_page("sparkplug.md")
    assert alerts(terminal) == [("hall-1", "smoke", "critical")]
    online = ask(terminal.database_url, "SELECT id, online FROM device ORDER BY id")
    assert online == [{"id": "hall-1", "online": True}, {"id": "plc-1", "online": True}]


def test_the_example_of_a_mapping_is_one(tmp_path: Path) -> None:
    (example,) = blocks(DOCS / "mqtt.md", "toml")
    (tmp_path / "formats.toml").write_text(example)
    chirpstack = read_formats(tmp_path / "formats.toml").chirpstack
    assert chirpstack is not None
    fields = chirpstack.fields("AM 307")
    assert fields["state"].read("defect") == 1
    assert fields["temperature"].read(212) == pytest.approx(100)


def test_the_page_for_people_lists_the_contacts_and_the_units_that_there_are() -> None:
    page = (DOCS / "mqtt.md").read_text("utf-8")
    for contact in CONTACTS:
        assert f"| `{contact}` |" in page
    for ending, units in UNITS.items():
        assert f"| `_{ending}` | {', '.join(units)} |\n" in page


INDEXES = {"README.md", "README.zh-CN.md"}


@pytest.mark.parametrize("index", sorted(INDEXES))
def test_every_page_stands_in_the_index(index: str) -> None:
    listed = set(re.findall(r"\]\(([\w-]+\.md)\)", (CONNECT / index).read_text("utf-8")))
    assert listed - INDEXES == {page.name for page in CONNECT.glob("*.md")} - INDEXES


def test_every_link_leads_somewhere() -> None:
    for page in [*CONNECT.glob("*.md"), DOCS / "mqtt.md"]:
        for link in re.findall(r"\]\((?!http)([^)#]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
