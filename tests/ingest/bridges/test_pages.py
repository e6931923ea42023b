"""The lines of the bridges' pages are pasted beside a real broker and collector, and do what they say."""

import asyncio
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

import pytest

from ingest.bridges.dahua import Dahua
from ingest.bridges.hikvision import Hikvision
from tests.collectors import ask, running_collector
from tests.ingest.bridges import test_dahua as dahua
from tests.ingest.bridges import test_hikvision as hikvision
from tests.ingest.bridges.camera import PASSWORD, Camera, picture
from tests.ingest.test_connect_pages import CONNECT, Terminal, alerts, blocks, quantities_of, terminal
from tests.servers import accepts, end, free_port, wait_until

__all__ = ["terminal"]

CAMERA = "http://192.168.1.10"


class Page:
    """A page whose addresses are free ports of this machine; its bridges go on while it is pasted."""

    def __init__(self, name: str, shell: Terminal, instead: dict[str, str]) -> None:
        text = "\0".join(blocks(CONNECT / name, "sh"))
        ports = {port: str(free_port()) for port in re.findall(r"127\.0\.0\.1:(\d+)\"", text)}
        for old, new in {**ports, **instead}.items():
            text = text.replace(old, new)
        self._blocks = text.split("\0")
        self._ports = list(ports.values())
        self._shell = shell

    def paste(self, stack: ExitStack) -> None:
        """Paste everything from top to end; what is started goes on until the stack unwinds."""
        for lines in self._blocks:
            if lines.startswith(("gridwatch bridge", "gridwatch edge")):
                stack.enter_context(self._shell_going_on(lines))
            else:
                self._wait_for_what_is_asked(lines)
                self._shell.paste(lines)

    def _wait_for_what_is_asked(self, lines: str) -> None:
        asked = [int(port) for port in self._ports if f":{port}/" in lines or f"-p {port}" in lines]
        wait_until(lambda: all(map(accepts, asked)), what="the bridge listens")

    @contextmanager
    def _shell_going_on(self, line: str) -> Iterator[None]:
        with (self._shell.folder / "bridge.log").open("ab") as log:
            process = subprocess.Popen(
                ["bash", "-c", f"exec {line}"],
                cwd=self._shell.folder,
                env=self._shell.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            yield
        finally:
            end(process, signal.SIGTERM)


@contextmanager
def camera(stream_path: str, content_type: str, chunks: Sequence[bytes]) -> Iterator[str]:
    """Run a camera in a thread; yield its address."""
    ready, address = threading.Event(), []
    loop, over = asyncio.new_event_loop(), asyncio.Event()

    async def serve() -> None:
        async with Camera.running(stream_path, content_type, chunks) as (_, url):
            address.append(url)
            ready.set()
            await over.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), name="camera of a test")
    thread.start()
    try:
        assert ready.wait(60)
        yield address[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
        loop.close()


def raised(shell: Terminal, expected: list[tuple[str, str, str]]) -> Callable[[], bool]:
    """Say whether these alerts are there."""
    return lambda: alerts(shell) == expected


def pasted(name: str, shell: Terminal, expected: list[tuple[str, str, str]], **instead: str) -> None:
    """Paste a page beside a collector, and wait for its alerts."""
    with ExitStack() as stack:
        stack.enter_context(running_collector(shell.database_url, shell.mosquitto, shell.folder))
        Page(name, shell, instead).paste(stack)
        wait_until(raised(shell, expected), what=f"the alerts of {name}")
    assert ask(shell.database_url, "SELECT topic FROM quarantine") == []


def test_a_platform_that_pushes_is_connected_by_its_page(terminal: Terminal) -> None:
    pasted("http.md", terminal, [("nb-860374051096202", "smoke", "critical")])
    assert quantities_of(terminal) == {"temperature_c", "battery_pct", "smoke_alarm"}
    assert ask(terminal.database_url, "SELECT online FROM device") == [{"online": True}]


def test_thingsboard_is_connected_by_its_page(terminal: Terminal) -> None:
    pasted("thingsboard.md", terminal, [("smoke-a", "smoke", "critical")])
    assert quantities_of(terminal) == {"temperature_c", "smoke_alarm"}


@pytest.mark.slow
def test_hikvision_is_connected_by_its_page(terminal: Terminal) -> None:
    fire = hikvision.FIRE.replace(">2</detectionP", ">1</detectionP").encode()
    chunks = [hikvision.part(fire) + hikvision.part(picture(), "image/jpeg")]
    with camera(Hikvision.stream_path, "multipart/mixed; boundary=boundary", chunks) as url:
        instead = {CAMERA: url, "THE-PASSWORD": PASSWORD}
        pasted(
            "hikvision.md",
            terminal,
            [("roof-1", "flame", "critical"), ("stair-1", "flame", "critical")],
            **instead,
        )
    evidence = "SELECT masked FROM evidence ORDER BY position"
    assert [row["masked"] for row in ask(terminal.database_url, evidence)] == [True, False]


@pytest.mark.slow
def test_dahua_is_connected_by_its_page(terminal: Terminal) -> None:
    crossing = dahua.event("CrossRegionDetection", "Start", 0, dahua.CROSSING)
    with camera(
        Dahua.stream_path, "multipart/x-mixed-replace; boundary=myboundary", [dahua.part(crossing)]
    ) as url:
        instead = {CAMERA: url, "THE-PASSWORD": PASSWORD}
        pasted("dahua.md", terminal, [("lift-2", "ebike", "major")], **instead)


@pytest.mark.parametrize("page", ["http.md", "thingsboard.md", "hikvision.md", "dahua.md"])
def test_a_page_names_no_secret_on_a_bridges_command_line(page: str) -> None:
    lines = [line for block in blocks(CONNECT / page, "sh") for line in block.splitlines()]
    for line in lines:
        if line.startswith("gridwatch bridge"):
            assert re.fullmatch(r"gridwatch bridge \w+ \w+\.toml", line)
