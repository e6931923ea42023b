"""What the READMEs say is so: in both languages, and in the code."""

import re
import shlex
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
import typer
from pydantic.fields import FieldInfo

from api.app import create_app
from detectors import CAMERA_DETECTORS, DetectorOptions
from detectors.fire import FireSensorDetector
from gridwatch.cli.every import app
from gridwatch.model import Message, Observations, Picture, Severity
from gridwatch.registration.body import DeviceBody
from gridwatch.scenes import Scene
from gridwatch.settings import CONFIG_VARIABLE, DEFAULT_CONFIG, Settings, read_settings
from gridwatch.wire import decode

ROOT = Path(__file__).resolve().parents[1]
ENGLISH = (ROOT / "README.md").read_text(encoding="utf-8")
CHINESE = (ROOT / "README.zh-CN.md").read_text(encoding="utf-8")
BOTH = pytest.mark.parametrize("readme", [ENGLISH, CHINESE], ids=["English", "Chinese"])

NOW_S = 1_795_000_000
NOW = datetime.fromtimestamp(NOW_S, UTC)

DATA_DIR_DEFAULT = "`/var/lib/gridwatch` as root, else `~/.local/share/gridwatch`"
CONFIG_ROW = (
    CONFIG_VARIABLE,
    f"`{DEFAULT_CONFIG}` in the working folder, where it is there",
    "the TOML file",
)


def _blocks(readme: str, language: str = r"\w+") -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)


def _prose(readme: str) -> str:
    return re.sub(r"^```.*?^```$", "", readme, flags=re.MULTILINE | re.DOTALL)


def _inline_code(readme: str) -> set[str]:
    return set(re.findall(r"`([^`\n]+)`", _prose(readme)))


def _shell_lines(readme: str, program: str) -> list[list[str]]:
    """Return the command lines that start with `program`, split as a shell would."""
    lines = "".join(_blocks(readme, "sh")).replace("$(date +%s)", str(NOW_S)).splitlines()
    return [shlex.split(line)[1:] for line in lines if line.startswith(f"{program} ")]


def _settings_rows(readme: str) -> list[tuple[str, str, str]]:
    rows = re.findall(r"^\| `(GRIDWATCH_\w+)` \| (.*?)\s?\| (.+) \|$", readme, re.MULTILINE)
    return [(name, default, meaning) for name, default, meaning in rows]


def _default(name: str, field: FieldInfo) -> str:
    if name == "data_dir":
        return DATA_DIR_DEFAULT
    if name == "alarms":
        alarms = field.get_default(call_default_factory=True)
        return f"`{','.join(f'{label}={severity}' for label, severity in alarms.items())}`"
    if field.default_factory is not None or field.default in (None, ()):
        return ""
    if isinstance(field.default, tuple):
        return f"`{' '.join(field.default)}`"
    return f"`{int(field.default) if isinstance(field.default, bool) else field.default}`"


def test_settings_table_is_complete_and_in_sync() -> None:
    expected = [
        (f"GRIDWATCH_{name.upper()}", _default(name, field), field.description)
        for name, field in Settings.model_fields.items()
    ]
    assert _settings_rows(ENGLISH) == [*expected, CONFIG_ROW]


def test_chinese_settings_table_has_the_same_variables_and_defaults() -> None:
    def codes(readme: str) -> list[tuple[str, list[str]]]:
        return [(name, re.findall("`[^`]+`", default)) for name, default, _ in _settings_rows(readme)]

    assert codes(CHINESE) == codes(ENGLISH)


def test_both_languages_have_the_same_headings() -> None:
    levels = [re.findall(r"^(#+) ", _prose(readme), re.MULTILINE) for readme in (ENGLISH, CHINESE)]
    assert levels[0] == levels[1]


def test_both_languages_show_the_same_commands_and_code() -> None:
    for language in ("sh", "python"):
        assert _blocks(CHINESE, language) == _blocks(ENGLISH, language)
    assert len(_blocks(CHINESE)) == len(_blocks(ENGLISH))


def test_both_languages_name_the_same_things() -> None:
    assert _inline_code(CHINESE) == _inline_code(ENGLISH)


def test_the_two_commands_come_first_and_are_make_targets() -> None:
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert _blocks(ENGLISH, "sh")[:2] == ["make run\n", "make test\n"]
    assert {"run", "test", "check"} <= set(targets)


def _command(words: Sequence[str]) -> tuple[Any, list[str]]:
    """Return the command that `words` name, and its own words."""
    command: Any = typer.main.get_command(app)
    rest = list(words)
    while rest and hasattr(command, "commands"):
        name = rest.pop(0)
        assert name in command.commands, f"gridwatch {shlex.join(words)}: there is no {name}"
        command = command.commands[name]
    return command, rest


@BOTH
def test_every_command_line_exists_with_its_options(readme: str) -> None:
    lines = _shell_lines(readme, "gridwatch")
    assert lines
    for words in lines:
        command, rest = _command(words)
        command.make_context("gridwatch", rest)


@BOTH
def test_every_command_named_in_the_text_exists(readme: str) -> None:
    named = [shlex.split(code)[1:] for code in _inline_code(readme) if code.startswith("gridwatch ")]
    assert named
    for words in named:
        command, rest = _command(words)
        options = {name for known in command.params for name in (*known.opts, *known.secondary_opts)}
        assert {word for word in rest if word.startswith("--")} <= options, words


def _published() -> Iterator[Message]:
    """Decode what the READMEs publish, as the collector does."""
    for words in _shell_lines(ENGLISH, "mosquitto_pub"):
        given = dict(pairwise(words))
        payload = given["-m"].encode() if "-m" in given else b"a file"
        yield decode(given["-t"], payload, received_at=NOW)


def test_every_message_that_is_published_can_be_read() -> None:
    kinds = {type(message).__name__ for message in _published()}
    assert kinds == {"Observations", "Frame", "Clip", "DeviceFinding", "Status", "LiftState"}


def test_the_first_reading_raises_a_critical_fire_alert() -> None:
    first = next(_published())
    assert isinstance(first, Observations)
    detector = FireSensorDetector()
    found = detector.feel(detector.new_states(), first.items)
    assert [(finding.label, finding.severity) for _, finding in found] == [("smoke", Severity.CRITICAL)]


def test_the_senml_example_becomes_the_quantities_that_are_named() -> None:
    senml = [message for message in _published() if isinstance(message, Observations)][1]
    assert senml.items[0].values == {"temperature_c": 24.1, "humidity_pct": 41.0}


def test_every_address_that_curl_asks_is_a_route(tmp_path: Path) -> None:
    settings = read_settings(database_url="postgresql://127.0.0.1:1/nowhere", data_dir=tmp_path)
    routes = create_app(settings, console=False).openapi()["paths"]
    patterns = [re.compile(re.sub(r"{\w+}", r"[^/]+", path)) for path in routes]
    asked = re.findall(r"http://127\.0\.0\.1:8080(/[\w/.-]+)", "".join(_blocks(ENGLISH, "sh")))
    assert len(asked) >= 5
    for path in [*asked, "/healthz", "/readyz", "/metrics"]:
        assert any(pattern.fullmatch(path) for pattern in patterns), path


def test_the_device_that_curl_registers_is_one() -> None:
    bodies = [words[words.index("-d") + 1] for words in _shell_lines(ENGLISH, "curl") if "-d" in words]
    devices = [DeviceBody.model_validate_json(body).device() for body in bodies]
    assert [device.id for device in devices] == ["lift-1"]


def _example() -> tuple[dict[str, Any], dict[str, Scene]]:
    """Run the example's code as it stands; return its line of the registry and its entry of the scenes."""
    source, line, entry = _blocks(ENGLISH, "python")
    names: dict[str, Any] = {"Scene": Scene, "Severity": Severity, "timedelta": timedelta}
    exec(source, names)  # noqa: S102 - our own README
    factories, scenes = (eval(f"{{{text}}}", names) for text in (line, entry))  # noqa: S307
    return factories, scenes


def test_the_example_detector_sees_what_it_says() -> None:
    factories, scenes = _example()
    assert factories.keys() == scenes.keys() == {"lighting"}
    assert "lighting" not in CAMERA_DETECTORS
    assert scenes["lighting"].alarms["light_out"] is Severity.MINOR
    detector = factories["lighting"](DetectorOptions())

    def seen(level: int, count: int) -> list[str]:
        state, pixels = detector.new_state(), np.full((48, 64, 3), level, np.uint8)
        pictures = [Picture(pixels=pixels, at=NOW + timedelta(seconds=second)) for second in range(count)]
        found = [finding for picture in pictures for finding in detector.see(state, picture)]
        return [finding.label for finding in [*found, *detector.finish(state)]]

    assert seen(5, 12) == ["light_out"]
    assert seen(5, 4) == []
    assert seen(120, 12) == []


@BOTH
def test_every_file_that_is_named_exists(readme: str) -> None:
    ours = ("gridwatch/", "ingest/", "detectors/", "api/", "simulators/", "deploy/")
    example = "detectors/lighting.py"
    paths = {code for code in _inline_code(readme) if code.startswith(ours)} - {example}
    links = set(re.findall(r"\]\((?!http)([^)]+)\)", readme))
    assert len(paths) > 20
    for name in paths | links:
        assert (ROOT / name).exists(), name


def test_the_views_have_the_columns_that_are_named(database_url: str) -> None:
    rows = re.findall(r"^\| `gw\.(\w+)` \| (.+) \|$", ENGLISH, re.MULTILINE)
    named = {view: re.findall(r"`(\w+)`", columns) for view, columns in rows}
    query = """SELECT table_name, column_name FROM information_schema.columns
               WHERE table_schema = 'gw' ORDER BY ordinal_position"""
    there: dict[str, list[str]] = {}
    with psycopg.connect(database_url) as connection:
        for view, column in connection.execute(query):
            there.setdefault(view, []).append(column)
    assert there == named
