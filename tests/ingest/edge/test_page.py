"""The lines of the page are pasted beside a real broker and collector, and do what they say."""

import configparser
import shlex
from contextlib import ExitStack
from pathlib import Path

import pytest
import typer

from gridwatch.cli.every import app
from simulators.network_camera import NetworkCamera, encode_film
from tests.collectors import ask, running_collector
from tests.ingest.bridges.test_pages import Page
from tests.ingest.edge.films import FPS, throw_pictures
from tests.ingest.test_connect_pages import Terminal, alerts, terminal
from tests.servers import wait_until

__all__ = ["terminal"]

UNIT = Path(__file__).resolve().parents[3] / "deploy" / "systemd" / "gridwatch-edge.service"


@pytest.mark.slow
def test_cameras_that_judge_nothing_are_connected_by_their_page(terminal: Terminal) -> None:
    camera = NetworkCamera(encode_film(throw_pictures(), fps=FPS), login="gridwatch:THE-PASSWORD")
    camera.start()
    there = {f"rtsp://192.168.1.10:554/Streaming/Channels/{channel}01": camera.url for channel in (1, 2, 3)}
    expected = {("wall-1", "falling_object", "critical"), ("wall-2", "falling_object", "critical")}
    with ExitStack() as stack:
        stack.enter_context(running_collector(terminal.database_url, terminal.mosquitto, terminal.folder))
        Page("edge.md", terminal, there).paste(stack)
        wait_until(lambda: expected <= set(alerts(terminal)), timeout_s=120, what="both walls raise alerts")
    camera.stop()
    assert ask(terminal.database_url, "SELECT topic FROM quarantine") == []
    online = {row["id"]: row["online"] for row in ask(terminal.database_url, "SELECT id, online FROM device")}
    assert online.keys() == {"wall-1", "edge-1", "wall-2", "lift-2"}


def test_the_service_starts_a_command_that_exists() -> None:
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(UNIT.read_text())
    program, name, *arguments = shlex.split(unit["Service"]["ExecStart"])
    assert program.endswith("/gridwatch")
    command = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    assert arguments == ["/etc/gridwatch/edge.toml"]
    assert command.make_context(name, list(arguments)).params["file"] == Path(arguments[0])
    assert unit["Service"]["RestartPreventExitStatus"] == "2"
